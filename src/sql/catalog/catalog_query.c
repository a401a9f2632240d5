/* Persistent queries of the catalog. */
#include "core/bytes.h"
#include "core/memory.h"
#include "sql/catalog/catalog_item.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include <inttypes.h>
#include <strings.h>

bool catalog_query_reads(const struct catalog_query *query, struct slice source) {
    for (size_t i = 0; i < query->input_count; i++)
        if (slice_equal(query->inputs[i], source))
            return true;
    return false;
}

size_t catalog_query_count(const struct catalog *catalog) {
    return catalog->queries.count;
}

const struct catalog_query *catalog_query_at(const struct catalog *catalog, size_t index) {
    return &catalog->queries.items[index]->query;
}

/* The index, or the count when there is none. */
static size_t catalog_query_index(const struct catalog *catalog, struct slice id) {
    size_t i = 0;
    for (; i < catalog->queries.count; i++) {
        struct slice other = catalog->queries.items[i]->query.id;
        if (other.length == id.length && strncasecmp(other.data, id.data, id.length) == 0)
            break;
    }
    return i;
}

static int catalog_require_query(const struct catalog *catalog, const struct identifier *id, size_t *ret_index,
                                 struct error *error) {
    size_t index = catalog_query_index(catalog, id->name);
    if (index == catalog->queries.count)
        return catalog_list_missing(&catalog->queries, "query", id, error);
    *ret_index = index;
    return 0;
}

int catalog_find_query(const struct catalog *catalog, const struct identifier *id,
                       const struct catalog_query **ret_query, struct error *error) {
    size_t index;
    int status = catalog_require_query(catalog, id, &index, error);
    if (status == 0)
        *ret_query = &catalog->queries.items[index]->query;
    return status;
}

/* --- making
 * ------------------------------------------------------------------------------------------------------------------ */

/* Names that are free: the number goes on until one is. */
static bool catalog_make_id(struct catalog *catalog, const struct catalog_query *query, struct arena *arena,
                            struct slice *ret_id) {
    static const char *const heads[] = {
        [CATALOG_QUERY_STREAM] = "CSAS_", [CATALOG_QUERY_TABLE] = "CTAS_", [CATALOG_QUERY_INSERT] = "INSERTQUERY"};
    cleanup(bytes_release) struct bytes id = {0};
    do {
        id.length = 0;
        bytes_append_string(&id, heads[query->kind]);
        if (query->kind != CATALOG_QUERY_INSERT)
            bytes_append_slice(&id, query->sink);
        bytes_append_format(&id, "_%" PRIu64, catalog->next_number++);
    } while (!id.failed && catalog_query_index(catalog, bytes_slice(&id)) < catalog->queries.count);
    *ret_id = id.failed ? (struct slice){NULL, 0} : arena_copy(arena, bytes_slice(&id));
    return ret_id->data != NULL;
}

static int catalog_check_id(const struct catalog *catalog, struct slice id, struct error *error) {
    if (catalog_query_index(catalog, id) < catalog->queries.count)
        return error_set(error, ERROR_EXISTS, "there is already a query %.*s", names_shown(id), id.data);
    for (size_t i = 0; i < id.length; i++) {
        char c = id.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return error_set(error, ERROR_INVALID, "QUERY_ID has letters, digits and _ only: %.*s", names_shown(id),
                             id.data);
    }
    return 0;
}

static bool catalog_copy_query(const struct catalog_query *query, struct catalog_item *item) {
    struct slice *inputs = arena_allocate(&item->arena, query->input_count * sizeof *inputs);
    if (!inputs)
        return false;
    for (size_t i = 0; i < query->input_count; i++) {
        inputs[i] = arena_copy(&item->arena, query->inputs[i]);
        if (!inputs[i].data)
            return false;
    }
    item->query = (struct catalog_query){.kind = query->kind, .inputs = inputs, .input_count = query->input_count};
    item->query.sink = arena_copy(&item->arena, query->sink);
    item->query.text = arena_copy(&item->arena, query->text);
    item->query.settings = arena_copy(&item->arena, query->settings);
    return item->query.sink.data && item->query.text.data && (item->query.settings.data || !query->settings.data);
}

/* The query with its id, ready for the list. */
static int catalog_query_item(struct catalog *catalog, const struct catalog_query *query,
                              struct catalog_item **ret_item, struct error *error) {
    int status = query->id.data ? catalog_check_id(catalog, query->id, error) : 0;
    if (status < 0)
        return status;
    struct catalog_item *item = catalog_item_new();
    bool done = item && catalog_copy_query(query, item);
    if (done && query->id.data)
        done = (item->query.id = arena_copy(&item->arena, query->id)).data != NULL;
    else if (done)
        done = catalog_make_id(catalog, query, &item->arena, &item->query.id);
    if (!done) {
        catalog_item_release(item);
        return error_no_memory(error);
    }
    item->name = item->query.id;
    *ret_item = item;
    return 0;
}

int catalog_add_query(struct catalog *catalog, const struct catalog_query *query, struct slice *ret_id,
                      struct error *error) {
    bool found;
    size_t sink = catalog_list_find(&catalog->sources, query->sink, &found);
    struct catalog_item *item, *owned = NULL;
    if (!found)
        return error_set(error, ERROR_NOT_FOUND, "there is no stream or table %.*s", names_shown(query->sink),
                         query->sink.data);
    int status = catalog_query_item(catalog, query, &item, error);
    if (status < 0)
        return status;
    const struct source *source = &catalog->sources.items[sink]->source;
    size_t old = source->query.data ? catalog_query_index(catalog, source->query) : catalog->queries.count;
    bool replaces = query->kind != CATALOG_QUERY_INSERT && old < catalog->queries.count;
    if (query->kind != CATALOG_QUERY_INSERT && !(owned = catalog_item_source(source, item->query.id))) {
        catalog_item_release(item);
        return error_no_memory(error);
    }
    if (!catalog_list_insert(&catalog->queries, catalog->queries.count, item)) {
        catalog_item_release(owned);
        return error_no_memory(error);
    }
    if (owned)
        catalog_list_replace(&catalog->sources, sink, owned);
    if (replaces)
        catalog_list_remove(&catalog->queries, old);
    *ret_id = item->query.id;
    return 0;
}

/* --- ending and pausing
 * ------------------------------------------------------------------------------------------------------------ */

int catalog_terminate(struct catalog *catalog, const struct target_statement *target, struct error *error) {
    size_t index;
    if (target->all) {
        catalog_list_release(&catalog->queries);
        return 0;
    }
    int status = catalog_require_query(catalog, &target->query, &index, error);
    if (status == 0)
        catalog_list_remove(&catalog->queries, index);
    return status;
}
