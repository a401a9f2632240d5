/* Opening lakes and tables; what a table's metadata point to. */
#include "lake/lake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "lake/table.h"

static const struct lake_column readings_columns[LAKE_READING_COLUMNS] = {
    [LAKE_GATEWAY] = {SLICE("gateway"), &type_string, 1, true},
    [LAKE_TYPE] = {SLICE("type"), &type_string, 2, true},
    [LAKE_ATTRIBUTE] = {SLICE("attribute"), &type_string, 3, true},
    [LAKE_TS] = {SLICE("ts"), &type_timestamp, 4, true},
    [LAKE_VALUE] = {SLICE("value"), &type_double, 5, true},
};
const struct lake_table_settings lake_readings = {readings_columns, LAKE_READING_COLUMNS, LAKE_BY_MONTH, LAKE_TS};

/* --- lakes
 * ------------------------------------------------------------------------------------------------------------------ */

static int lake_open_catalog(struct lake *lake, struct error *error) {
    const char *url = lake->url;
    if (strncmp(url, "file://", 7) == 0)
        url += 7;
    else if (strncmp(url, "file:", 5) == 0)
        url += 5;
    else if (strstr(url, "://"))
        return error_set(error, ERROR_INVALID, "lake %s: a lake is a folder, such as DIR or file:DIR", url);
    if (!*url)
        return error_set(error, ERROR_INVALID, "the lake's folder has no name");
    return catalog_folder_open(url, lake->options.create, &lake->catalog, error);
}

int lake_open(const char *url, const struct lake_options *options, struct lake **ret_lake, struct error *error) {
    struct lake *lake = memory_zero(1, sizeof *lake);
    if (!lake || !(lake->url = strdup(url))) {
        free(lake);
        return error_no_memory(error);
    }
    lake->options = *options;
    int status = lake_open_catalog(lake, error);
    if (status)
        lake_close(lake);
    else
        *ret_lake = lake;
    return status;
}

struct lake *lake_close(struct lake *lake) {
    if (!lake)
        return NULL;
    if (lake->catalog)
        lake->catalog->driver->close(lake->catalog);
    free(lake->url);
    free(lake);
    return NULL;
}

const char *lake_url(const struct lake *lake) {
    return lake->url;
}

int lake_tables(struct lake *lake, struct arena *arena, const char *const **ret_names, size_t *ret_count,
                struct error *error) {
    return lake->catalog->driver->tables(lake->catalog, arena, ret_names, ret_count, error);
}

/* --- tables
 * ------------------------------------------------------------------------------------------------------------------ */

/* A letter or digit, then some of them and _ too; what SQL engines take without quotes, and dots are no folders. */
static int table_check_name(const char *name, struct error *error) {
    size_t length = strlen(name);
    bool good = length > 0 && length <= LAKE_NAME_MAXIMUM;
    for (size_t i = 0; i < length && good; i++) {
        char c = name[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (i && c == '_');
    }
    return good ? 0
                : error_set(error, ERROR_INVALID,
                            "%s is no name of a table: it is made of 1 to %d letters, digits and _", name,
                            LAKE_NAME_MAXIMUM);
}

int table_refresh(struct lake_table *table, struct error *error) {
    struct table_metadata metadata;
    struct arena arena = {0};
    struct manifest_shape shape;
    size_t column = 0;
    int status = table->lake->catalog->driver->load(table->lake->catalog, table->name, &metadata, error);
    if (status)
        return status;
    status = table_metadata_shape(&metadata, &arena, &shape, &column, error);
    if (status) {
        table_metadata_release(&metadata);
        arena_release(&arena);
        return error_wrap(error, "table %s", table->name);
    }
    table_metadata_release(&table->metadata);
    arena_release(&table->arena);
    table->metadata = metadata;
    table->arena = arena;
    table->shape = shape;
    table->partition_column = column;
    return 0;
}

static int table_not_found(struct lake *lake, const char *name, struct error *error) {
    struct arena arena = {0};
    const char *const *names;
    size_t count;
    char list[600] = "";
    struct error ignored;
    if (lake_tables(lake, &arena, &names, &count, &ignored))
        count = 0;
    for (size_t i = 0, used = 0; i < count && used < sizeof list - 20; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    int status =
        count
            ? error_set(error, ERROR_NOT_FOUND, "there is no table %s in lake %s; there are: %s", name, lake->url, list)
            : error_set(error, ERROR_NOT_FOUND, "there is no table %s in lake %s, nor any other", name, lake->url);
    arena_release(&arena);
    return status;
}

int lake_table_open(struct lake *lake, const char *name, struct lake_table **ret_table, struct error *error) {
    int status = table_check_name(name, error);
    if (status)
        return status;
    struct lake_table *table = memory_zero(1, sizeof *table);
    if (!table || !(table->name = strdup(name))) {
        free(table);
        return error_no_memory(error);
    }
    table->lake = lake;
    status = table_refresh(table, error);
    if (!status)
        status = lake->catalog->driver->objects(lake->catalog, name, &table->metadata, &table->objects, error);
    if (!status) {
        *ret_table = table;
        return 0;
    }
    lake_table_close(table);
    return status == ERROR_NOT_FOUND ? table_not_found(lake, name, error) : status;
}

struct lake_table *lake_table_close(struct lake_table *table) {
    if (!table)
        return NULL;
    if (table->objects)
        table->objects->driver->close(table->objects);
    table_metadata_release(&table->metadata);
    arena_release(&table->arena);
    free(table->name);
    free(table);
    return NULL;
}

const char *lake_table_name(const struct lake_table *table) {
    return table->name;
}

int lake_table_create(struct lake *lake, const char *name, const struct lake_table_settings *settings,
                      struct error *error) {
    int status = table_check_name(name, error);
    if (!status)
        status = lake->catalog->driver->create(lake->catalog, name, settings, lake_now(lake), error);
    return status ? error_wrap(error, "table %s", name) : 0;
}

/* Has the table all columns that are wanted, by name and type? It may have more that may be NULL. */
static int table_check_columns(const struct lake_table *table, const struct lake_table_settings *settings,
                               struct error *error) {
    const struct manifest_shape *shape = &table->shape;
    for (size_t c = 0; c < settings->column_count; c++) {
        const struct lake_column *wanted = &settings->columns[c],
                                 *there = c < shape->column_count ? &shape->columns[c] : NULL;
        if (there && slice_equal(there->name, wanted->name) && type_equal(there->type, wanted->type))
            continue;
        struct arena arena = {0};
        struct slice type = type_text(&arena, wanted->type);
        int status = error_set(
            error, ERROR_INVALID,
            "table %s of lake %s has other columns: column %zu should be %.*s %.*s and is %.*s; name "
            "another lake, or move the table away",
            table->name, table->lake->url, c + 1, (int)wanted->name.length, wanted->name.data, (int)type.length,
            type.data ? type.data : "", there ? (int)there->name.length : 7, there ? there->name.data : "missing");
        arena_release(&arena);
        return status;
    }
    for (size_t c = settings->column_count; c < shape->column_count; c++)
        if (shape->columns[c].required)
            return error_set(error, ERROR_INVALID, "table %s of lake %s has a column %.*s more, which may not be NULL",
                             table->name, table->lake->url, (int)shape->columns[c].name.length,
                             shape->columns[c].name.data);
    return 0;
}

int lake_table_ensure(struct lake *lake, const char *name, const struct lake_table_settings *settings,
                      struct lake_table **ret_table, struct error *error) {
    struct lake_table *table;
    int status = lake_table_open(lake, name, &table, error);
    if (status == ERROR_NOT_FOUND) {
        status = lake_table_create(lake, name, settings, error);
        if (!status || status == ERROR_EXISTS) /* by another process at the same time */
            status = lake_table_open(lake, name, &table, error);
    }
    if (!status) {
        status = table_check_columns(table, settings, error);
        if (status)
            lake_table_close(table);
    }
    if (!status)
        *ret_table = table;
    return status;
}

/* --- what metadata point to
 * ------------------------------------------------------------------------------------------------------------------ */

/* Of a table in a folder also where the folder was when it was made: a lake may be moved. */
int table_object(const struct lake_table *table, const char *location, const char **ret_name, struct error *error) {
    const char *roots[] = {table_metadata_location(&table->metadata), table->objects->root};
    if (strncmp(location, "file:", 5) == 0)
        location += strncmp(location, "file://", 7) == 0 ? 7 : 5;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        const char *root = roots[i];
        if (strncmp(root, "file:", 5) == 0)
            root += strncmp(root, "file://", 7) == 0 ? 7 : 5;
        size_t length = strlen(root);
        while (length && root[length - 1] == '/')
            length--;
        if (strncmp(location, root, length) == 0 && location[length] == '/') {
            *ret_name = location + length + 1;
            return 0;
        }
    }
    return error_set(error, ERROR_UNSUPPORTED, "table %s: %s lies outside of the table's folder %s", table->name,
                     location, roots[0]);
}

const char *table_location(const struct lake_table *table, struct arena *arena, const char *name) {
    const char *root = table_metadata_location(&table->metadata);
    size_t length = strlen(root) + strlen(name) + 2;
    char *to = arena_allocate(arena, length);
    if (to)
        snprintf(to, length, "%s/%s", root, name);
    return to;
}

int table_read_object(const struct lake_table *table, const char *location, struct arena *arena,
                      struct slice *ret_bytes, struct error *error) {
    cleanup(bytes_release) struct bytes bytes = {0};
    const char *name;
    int status = table_object(table, location, &name, error);
    if (!status)
        status = table->objects->driver->get(table->objects, name, 0, -1, &bytes, error);
    if (status)
        return status;
    *ret_bytes = arena_copy(arena, bytes_slice(&bytes));
    return ret_bytes->data ? 0 : error_no_memory(error);
}

int table_manifests(const struct lake_table *table, const json_t *snapshot, struct arena *arena,
                    struct manifest_list_entry **ret_entries, size_t *ret_count, struct error *error) {
    const char *location = json_string_value(json_object_get(snapshot, "manifest-list"));
    struct slice bytes;
    *ret_entries = NULL;
    *ret_count = 0;
    if (!snapshot)
        return 0;
    if (!location)
        return error_set(error, ERROR_CORRUPT, "table %s: snapshot %lld has no list of manifests", table->name,
                         (long long)json_integer_value(json_object_get(snapshot, "snapshot-id")));
    int status = table_read_object(table, location, arena, &bytes, error);
    if (status)
        return status;
    status = manifest_list_read(bytes, arena, ret_entries, ret_count, error);
    return status ? error_wrap(error, "%s", location) : 0;
}

int table_manifest(const struct lake_table *table, const struct manifest_list_entry *manifest, struct arena *arena,
                   struct manifest_entry **ret_entries, size_t *ret_count, struct error *error) {
    struct slice bytes;
    int status = table_read_object(table, manifest->path, arena, &bytes, error);
    if (status)
        return status;
    status = manifest_read(bytes, &table->shape, manifest->spec, arena, ret_entries, ret_count, error);
    if (status)
        return error_wrap(error, "%s", manifest->path);
    for (size_t i = 0; i < *ret_count; i++) {
        struct manifest_entry *entry = &(*ret_entries)[i];
        entry->snapshot = entry->snapshot < 0 ? manifest->added_snapshot : entry->snapshot;
        entry->sequence = entry->sequence < 0 ? manifest->sequence : entry->sequence;
        entry->file_sequence = entry->file_sequence < 0 ? manifest->sequence : entry->file_sequence;
        entry->file.sequence = entry->sequence;
    }
    return 0;
}
