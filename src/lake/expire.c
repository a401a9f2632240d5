/* Expiry: snapshots go by a commit; then what no snapshot that is left needs is removed, when it is old enough that it
 * belongs to no commit under way, or when it belonged to a snapshot that went. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "lake/catalog_versions.h"
#include "lake/maintain.h"
#include "lake/table.h"

/* Names of objects, sorted when they are looked up. */
struct names {
    const char **data;
    size_t count, capacity;
    struct arena arena;
};

static void names_release(struct names *names) {
    free(names->data);
    arena_release(&names->arena);
}

static int names_compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_sort(struct names *names) {
    if (names->count)
        qsort(names->data, names->count, sizeof *names->data, names_compare);
}

static bool names_have(const struct names *names, const char *name) {
    return names->count && bsearch(&name, names->data, names->count, sizeof *names->data, names_compare);
}

static int names_add(struct names *names, const struct lake_table *table, const char *location, struct error *error) {
    const char *name;
    int status = table_object(table, location, &name, error);
    if (status)
        return status;
    if (!memory_reserve((void **)&names->data, &names->capacity, names->count + 1, sizeof *names->data))
        return error_no_memory(error);
    names->data[names->count] = arena_copy(&names->arena, slice_of(name)).data;
    return names->data[names->count++] ? 0 : error_no_memory(error);
}

/* All that a snapshot needs: its list, manifests and files. `seen`: manifests whose files are there already. */
static int expire_note_snapshot(const struct lake_table *table, const json_t *snapshot, struct names *seen,
                                struct names *to, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct manifest_list_entry *manifests;
    size_t count;
    int status = table_manifests(table, snapshot, &arena, &manifests, &count, error);
    if (!status)
        status = names_add(to, table, json_string_value(json_object_get(snapshot, "manifest-list")), error);
    for (size_t i = 0; i < count && !status; i++) {
        struct manifest_entry *entries;
        size_t files = 0;
        const char *name;
        status = table_object(table, manifests[i].path, &name, error);
        bool known = false;
        for (size_t s = 0; s < seen->count && !status && !known; s++)
            known = strcmp(seen->data[s], name) == 0;
        if (status || known)
            continue;
        status = names_add(seen, table, manifests[i].path, error);
        if (!status)
            status = names_add(to, table, manifests[i].path, error);
        if (!status)
            status = table_manifest(table, &manifests[i], &arena, &entries, &files, error);
        for (size_t f = 0; f < files && !status; f++)
            if (entries[f].status != MANIFEST_DELETED)
                status = names_add(to, table, entries[f].file.location, error);
    }
    return status;
}

static bool expire_is_listed(const int64_t *ids, size_t count, int64_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* What some snapshots of `table` need, or all of them (`ids` NULL). */
static int expire_note(const struct lake_table *table, const int64_t *ids, size_t id_count, struct names *to,
                       struct error *error) {
    const json_t *snapshots = json_object_get(table->metadata.json, "snapshots");
    struct names seen = {0};
    int status = 0;
    for (size_t i = 0; i < json_array_size(snapshots) && !status; i++) {
        const json_t *snapshot = json_array_get(snapshots, i);
        if (!ids || expire_is_listed(ids, id_count, json_integer_value(json_object_get(snapshot, "snapshot-id"))))
            status = expire_note_snapshot(table, snapshot, &seen, to, error);
    }
    names_release(&seen);
    names_sort(to);
    return status;
}

/* --- snapshots
 * ------------------------------------------------------------------------------------------------------------------ */

static bool expire_is_named(const json_t *metadata, json_int_t id) {
    json_t *refs = json_object_get(metadata, "refs"), *ref;
    const char *name;
    json_object_foreach(refs, name, ref) {
        if (json_integer_value(json_object_get(ref, "snapshot-id")) == id)
            return true;
    }
    return false;
}

static size_t expire_choose(const struct lake_table *table, int64_t keep, int64_t *ids) {
    const json_t *json = table->metadata.json, *snapshots = json_object_get(json, "snapshots");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(snapshots) && json_object_size(json_object_get(json, "refs")) <= 1; i++) {
        const json_t *snapshot = json_array_get(snapshots, i);
        json_int_t id = json_integer_value(json_object_get(snapshot, "snapshot-id"));
        int64_t age = lake_now(table->lake) - json_integer_value(json_object_get(snapshot, "timestamp-ms"));
        if (age >= keep && id != table_metadata_current(&table->metadata) && !expire_is_named(json, id))
            ids[count++] = id;
    }
    return count;
}

/* --- objects
 * ------------------------------------------------------------------------------------------------------------------ */

struct expire_sweep {
    const struct lake_table *table;
    const struct names *kept, *gone;
    int64_t before; /* ms */
    struct lake_expired *expired;
};

/* Versions of the metadata and the hint have rules of their own. */
static bool expire_is_metadata(const char *name) {
    size_t length = strlen(name);
    return strcmp(name, "metadata/version-hint.text") == 0 ||
           (length > 14 && strcmp(name + length - 14, ".metadata.json") == 0);
}

static int expire_sweep_one(void *context, const struct object_listed *object, struct error *error) {
    const struct expire_sweep *sweep = context;
    if (expire_is_metadata(object->name) || names_have(sweep->kept, object->name) ||
        !(names_have(sweep->gone, object->name) || object->modified < sweep->before))
        return 0;
    int status = sweep->table->objects->driver->remove(sweep->table->objects, object->name, error);
    sweep->expired->objects += !status;
    sweep->expired->bytes += status ? 0 : object->bytes;
    return status;
}

static int expire_sweep(const struct lake_table *table, const struct names *kept, const struct names *gone,
                        int64_t before, struct lake_expired *expired, struct error *error) {
    static const char *const folders[] = {"data/", "metadata/"};
    struct expire_sweep sweep = {table, kept, gone, before, expired};
    int status = 0;
    for (size_t i = 0; i < 2 && !status; i++)
        status = table->objects->driver->list(table->objects, folders[i], expire_sweep_one, &sweep, error);
    if (!status && table->metadata.version)
        status = versions_clean(table->objects, table->metadata.version, before, error);
    return status;
}

static int expire_commit(struct lake_table *table, const int64_t *ids, size_t count, struct error *error) {
    struct metadata_change change = {
        .base = &table->metadata, .expired = ids, .expired_count = count, .now = lake_now(table->lake)};
    int status = table->lake->catalog->driver->commit(table->lake->catalog, table->name, &change, error);
    return status == ERROR_CONFLICT
               ? error_set(error, ERROR_BUSY, "table %s was changed by another program meanwhile: try again",
                           table->name)
               : status;
}

/* New snapshots may have come since: they are kept, and what they need. */
static int expire_with(struct lake_table *table, const struct lake_expiry *expiry, int64_t *ids,
                       struct lake_expired *expired, struct error *error) {
    struct names kept = {0}, gone = {0};
    size_t count = expire_choose(table, expiry->keep, ids);
    int status = expire_note(table, ids, count, &gone, error);
    if (!status && count)
        status = expire_commit(table, ids, count, error);
    if (!status)
        status = table_refresh(table, error);
    if (!status)
        status = expire_note(table, NULL, 0, &kept, error);
    expired->snapshots = status ? 0 : (int64_t)count;
    if (!status)
        status = expire_sweep(table, &kept, &gone, lake_now(table->lake) - expiry->orphans, expired, error);
    names_release(&kept);
    names_release(&gone);
    return status;
}

int lake_expire(struct lake_table *table, const struct lake_expiry *expiry, struct lake_expired *ret_expired,
                struct error *error) {
    struct lake_expired expired = {0};
    int status = table_refresh(table, error);
    if (status)
        return status;
    int64_t *ids = memory_zero(json_array_size(json_object_get(table->metadata.json, "snapshots")) + 1, sizeof *ids);
    if (!ids)
        return error_no_memory(error);
    status = expire_with(table, expiry, ids, &expired, error);
    free(ids);
    if (!status)
        *ret_expired = expired;
    return status;
}
