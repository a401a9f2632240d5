/* Streams, tables and types. Queries are in catalog_query.c. Every change is made ready first and put in place last,
 * so that a failure changes nothing. */
#include "sql/catalog/catalog.h"

#include "core/bytes.h"
#include "core/memory.h"
#include "sql/catalog/catalog_item.h"
#include "sql/catalog/type_resolve.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct catalog *catalog_new(void) {
    struct catalog *catalog = memory_zero(1, sizeof *catalog);
    if (catalog)
        catalog->next_number = 1;
    return catalog;
}

struct catalog *catalog_copy(const struct catalog *catalog) {
    struct catalog *copy = memory_zero(1, sizeof *copy);
    if (!copy)
        return NULL;
    copy->next_number = catalog->next_number;
    if (catalog_list_copy(&catalog->sources, &copy->sources) && catalog_list_copy(&catalog->types, &copy->types) &&
        catalog_list_copy(&catalog->queries, &copy->queries))
        return copy;
    return catalog_free(copy);
}

struct catalog *catalog_free(struct catalog *catalog) {
    if (!catalog)
        return NULL;
    catalog_list_release(&catalog->sources);
    catalog_list_release(&catalog->types);
    catalog_list_release(&catalog->queries);
    free(catalog);
    return NULL;
}

/* An error other than ERROR_INVALID that begins with its place. */
static int catalog_refuse(struct error *error, int code, struct place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int catalog_refuse(struct error *error, int code, struct place place, const char *format, ...) {
    char message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    place_error(error, place, "%s", message);
    if (error)
        error->code = code;
    return code;
}

/* --- looking
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct catalog_item *catalog_find(const struct catalog_list *list, struct slice name) {
    bool found;
    size_t index = catalog_list_find(list, name, &found);
    return found ? list->items[index] : NULL;
}

const struct source *catalog_source(const struct catalog *catalog, struct slice name) {
    const struct catalog_item *item = catalog_find(&catalog->sources, name);
    return item ? &item->source : NULL;
}

int catalog_find_source(const struct catalog *catalog, const struct identifier *name, const struct source **ret_source,
                        struct error *error) {
    const struct source *source = catalog_source(catalog, name->name);
    if (!source)
        return catalog_list_missing(&catalog->sources, "stream or table", name, error);
    *ret_source = source;
    return 0;
}

size_t catalog_source_count(const struct catalog *catalog) {
    return catalog->sources.count;
}

const struct source *catalog_source_at(const struct catalog *catalog, size_t index) {
    return &catalog->sources.items[index]->source;
}

const struct type *catalog_type(const struct catalog *catalog, struct slice name) {
    const struct catalog_item *item = catalog_find(&catalog->types, name);
    return item ? item->type : NULL;
}

size_t catalog_type_count(const struct catalog *catalog) {
    return catalog->types.count;
}

const struct type *catalog_type_at(const struct catalog *catalog, size_t index, struct slice *ret_name) {
    *ret_name = catalog->types.items[index]->name;
    return catalog->types.items[index]->type;
}

/* --- making
 * ------------------------------------------------------------------------------------------------------------------ */

int catalog_check_create(const struct catalog *catalog, const struct create_statement *create, bool *ret_skip,
                         struct error *error) {
    const struct source *old = catalog_source(catalog, create->name.name);
    if (old && (old->object != create->object || (!create->or_replace && !create->if_not_exists)))
        return catalog_refuse(error, ERROR_EXISTS, create->name.place, "there is already a %s %s", source_kind(old),
                              old->name.data);
    *ret_skip = old && create->if_not_exists;
    return 0;
}

static bool catalog_same_encoding(const struct source_encoding *a, const struct source_encoding *b) {
    return a->format == b->format && (a->format != FORMAT_DELIMITED || a->delimiter == b->delimiter);
}

/* What is read by others must stay readable. */
static int catalog_check_replace(const struct source *old, const struct source *new, struct place place,
                                 struct error *error) {
    const char *what = old->object != new->object             ? "is of the other kind"
                       : old->result != new->result           ? (old->result ? "was made by AS SELECT" : "was declared")
                       : !slice_equal(old->topic, new->topic) ? "has another topic"
                       : !catalog_same_encoding(&old->key, &new->key)     ? "has another key format"
                       : !catalog_same_encoding(&old->value, &new->value) ? "has another value format"
                       : old->window != new->window || old->window_size != new->window_size ||
                               !calendar_same(old->window_calendar, new->window_calendar)
                           ? "has other windows"
                       : source_key_count(old) != source_key_count(new) ? "has another key"
                                                                        : NULL;
    if (what)
        return place_error(error, place, "%s cannot be replaced: the old %s %s; DROP it first", new->name.data,
                           source_kind(old), what);
    for (size_t i = 0; i < old->column_count; i++) {
        const struct source_column *column = &old->columns[i], *again = source_column(new, column->name);
        if (!again || again->role != column->role || !type_equal(again->type, column->type))
            return place_error(error, place, "%s cannot be replaced: its column %s is %s; columns can only be added",
                               new->name.data, column->name.data, again ? "of another type" : "gone");
    }
    return 0;
}

struct catalog_item *catalog_item_source(const struct source *source, struct slice query) {
    struct source filled = *source;
    struct catalog_item *item = catalog_item_new();
    filled.query = query;
    if (item && source_copy(&filled, &item->arena, &item->source, NULL) < 0)
        return catalog_item_release(item);
    if (item)
        item->name = item->source.name;
    return item;
}

int catalog_add_source(struct catalog *catalog, const struct source *source, struct place place, struct error *error) {
    bool found;
    size_t index = catalog_list_find(&catalog->sources, source->name, &found);
    struct slice query = found ? catalog->sources.items[index]->source.query : (struct slice){NULL, 0};
    struct catalog_item *item = catalog_item_source(source, query);
    if (!item)
        return error_no_memory(error);
    if (!found)
        return catalog_list_insert(&catalog->sources, index, item) ? 0 : error_no_memory(error);
    int status = catalog_check_replace(&catalog->sources.items[index]->source, &item->source, place, error);
    if (status < 0) {
        catalog_item_release(item);
        return status;
    }
    catalog_list_replace(&catalog->sources, index, item);
    return 0;
}

static int catalog_check_kind(const struct source *source, enum object_kind object, struct place place,
                              const char *verb, struct error *error) {
    if (source->object == object)
        return 0;
    return place_error(error, place, "%s is a %s; write %s %s", source->name.data, source_kind(source), verb,
                       source->object == OBJECT_TABLE ? "TABLE" : "STREAM");
}

/* The source with the new columns after its own, in `arena`. */
static int catalog_alter_columns(const struct catalog *catalog, const struct source *old,
                                 const struct alter_statement *alter, struct arena *arena, struct source *ret_new,
                                 struct error *error) {
    struct source new = *old;
    struct place places[2] = {alter->name.place, alter->name.place};
    new.columns = arena_allocate(arena, (old->column_count + alter->columns.count) * sizeof *new.columns);
    if (!new.columns)
        return error_no_memory(error);
    memcpy(new.columns, old->columns, old->column_count * sizeof *new.columns);
    for (size_t i = 0; i < alter->columns.count; i++) {
        const struct column_declaration *definition = &alter->columns.items[i];
        struct source_column *column = &new.columns[new.column_count++];
        *column = (struct source_column){
            .name = definition->name.name, .role = COLUMN_VALUE, .place = definition->name.place};
        int status = type_resolve(definition->type, catalog, arena, &column->type, error);
        if (status < 0)
            return status;
    }
    *ret_new = new;
    return source_check(&new, alter->name.place, places, error);
}

int catalog_alter(struct catalog *catalog, const struct alter_statement *alter, struct error *error) {
    const struct source *old;
    struct source new;
    int status = catalog_find_source(catalog, &alter->name, &old, error);
    if (status < 0 || (status = catalog_check_kind(old, alter->object, alter->name.place, "ALTER", error)) < 0)
        return status;
    if (old->result)
        return place_error(error, alter->name.place,
                           "%s was made by AS SELECT: its columns are those of the query; use CREATE OR REPLACE",
                           old->name.data);
    cleanup(arena_release) struct arena arena = {0};
    status = catalog_alter_columns(catalog, old, alter, &arena, &new, error);
    return status < 0 ? status : catalog_add_source(catalog, &new, alter->name.place, error);
}

/* --- dropping
 * ------------------------------------------------------------------------------------------------------------------ */

/* The ids of the queries that read, or of those that write but for the source's own; with commas between. */
static void catalog_list_users(const struct catalog *catalog, const struct source *source, bool readers,
                               struct bytes *to) {
    for (size_t i = 0; i < catalog->queries.count; i++) {
        const struct catalog_query *query = &catalog->queries.items[i]->query;
        bool own = slice_equal(query->id, source->query);
        if (own || !(readers ? catalog_query_reads(query, source->name) : slice_equal(query->sink, source->name)))
            continue;
        bytes_append_string(to, to->length ? ", " : "");
        bytes_append_slice(to, query->id);
    }
}

static int catalog_check_unused(const struct catalog *catalog, const struct source *source, struct place place,
                                struct error *error) {
    cleanup(bytes_release) struct bytes readers = {0}, writers = {0};
    catalog_list_users(catalog, source, true, &readers);
    catalog_list_users(catalog, source, false, &writers);
    if (readers.failed || writers.failed)
        return error_no_memory(error);
    if (readers.length + writers.length == 0)
        return 0;
    return catalog_refuse(error, ERROR_CONFLICT, place, "the %s %s is in use; TERMINATE the queries%s%.*s%s%.*s first",
                          source_kind(source), source->name.data, readers.length ? " that read it: " : "",
                          (int)readers.length, readers.length ? readers.data : "",
                          writers.length ? (readers.length ? "; and that write to it: " : " that write to it: ") : "",
                          (int)writers.length, writers.length ? writers.data : "");
}

static void catalog_end_query(struct catalog *catalog, struct slice id) {
    for (size_t i = 0; i < catalog->queries.count; i++)
        if (slice_equal(catalog->queries.items[i]->query.id, id)) {
            catalog_list_remove(&catalog->queries, i);
            return;
        }
}

int catalog_drop_source(struct catalog *catalog, const struct drop_statement *drop, struct arena *arena,
                        const struct source **ret_dropped, struct error *error) {
    bool found;
    size_t index = catalog_list_find(&catalog->sources, drop->name.name, &found);
    if (!found && !drop->if_exists)
        return catalog_list_missing(&catalog->sources, drop->object == OBJECT_TABLE ? "table" : "stream", &drop->name,
                                    error);
    if (!found) {
        *ret_dropped = NULL;
        return 0;
    }
    const struct source *source = &catalog->sources.items[index]->source;
    struct source *copy = arena_allocate(arena, sizeof *copy);
    int status = catalog_check_kind(source, drop->object, drop->name.place, "DROP", error);
    if (status == 0 && drop->delete_topic && source->read_only)
        status =
            place_error(error, drop->name.place, "%s is a SOURCE %s, only to be read: its topic cannot be deleted here",
                        source->name.data, source_kind(source));
    if (status == 0)
        status = catalog_check_unused(catalog, source, drop->name.place, error);
    if (status == 0)
        status = copy ? source_copy(source, arena, copy, error) : error_no_memory(error);
    if (status < 0)
        return status;
    catalog_list_remove(&catalog->sources, index);
    if (copy->query.data)
        catalog_end_query(catalog, copy->query);
    *ret_dropped = copy;
    return 0;
}

/* --- types
 * ------------------------------------------------------------------------------------------------------------------ */

int catalog_create_type(struct catalog *catalog, const struct type_statement *statement, struct error *error) {
    bool found;
    const struct identifier *name = &statement->name;
    size_t index = catalog_list_find(&catalog->types, name->name, &found);
    if (found && statement->if_not_exists)
        return 0;
    if (found || type_is_built_in(name->name))
        return catalog_refuse(error, ERROR_EXISTS, name->place, "there is already a type %.*s", names_shown(name->name),
                              name->name.data);
    struct catalog_item *item = catalog_item_new();
    if (!item)
        return error_no_memory(error);
    int status = type_resolve(statement->type, catalog, &item->arena, &item->type, error);
    item->name = arena_copy(&item->arena, name->name);
    if (status == 0 && !item->name.data)
        status = error_no_memory(error);
    if (status < 0) {
        catalog_item_release(item);
        return status;
    }
    return catalog_list_insert(&catalog->types, index, item) ? 0 : error_no_memory(error);
}

int catalog_drop_type(struct catalog *catalog, const struct drop_statement *drop, struct error *error) {
    bool found;
    size_t index = catalog_list_find(&catalog->types, drop->name.name, &found);
    if (!found)
        return drop->if_exists ? 0 : catalog_list_missing(&catalog->types, "type", &drop->name, error);
    catalog_list_remove(&catalog->types, index);
    return 0;
}
