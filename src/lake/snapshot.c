/* Snapshots: the files of a table at one time, and its history. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/number.h"
#include "lake/table.h"

/* A file and where it stands: order of the log. */
struct placed_file {
    struct lake_file file;
    size_t place;
};

struct snapshot_files {
    struct placed_file *data;
    size_t count, capacity;
};

static int snapshot_compare(const void *a, const void *b) {
    const struct placed_file *one = a, *other = b;
    if (one->file.sequence != other->file.sequence)
        return one->file.sequence < other->file.sequence ? -1 : 1;
    return one->place < other->place ? -1 : 1;
}

/* How a program opens the file. */
static int snapshot_path(const struct lake_table *table, struct arena *arena, struct lake_file *file,
                         struct error *error) {
    const char *name;
    int status = table_object(table, file->location, &name, error);
    if (status)
        return status;
    size_t length = strlen(table->objects->root) + strlen(name) + 2;
    char *path = arena_allocate(arena, length);
    if (!path)
        return error_no_memory(error);
    snprintf(path, length, "%s/%s", table->objects->root, name);
    file->path = path;
    return 0;
}

static int snapshot_add(const struct lake_table *table, const struct manifest_list_entry *manifest, struct arena *arena,
                        struct snapshot_files *files, struct snapshot_files *deletes, struct error *error) {
    struct manifest_entry *entries;
    size_t count;
    int status = table_manifest(table, manifest, arena, &entries, &count, error);
    for (size_t i = 0; i < count && !status; i++) {
        struct snapshot_files *to = entries[i].file.content == LAKE_DATA ? files : deletes;
        if (entries[i].status == MANIFEST_DELETED)
            continue;
        status = snapshot_path(table, arena, &entries[i].file, error);
        if (!status && !memory_reserve((void **)&to->data, &to->capacity, to->count + 1, sizeof *to->data))
            status = error_no_memory(error);
        if (!status) {
            to->data[to->count] = (struct placed_file){entries[i].file, to->count};
            to->count++;
        }
    }
    return status;
}

static int snapshot_keep(struct snapshot_files *files, struct arena *arena, const struct lake_file **ret_files,
                         size_t *ret_count, struct error *error) {
    struct lake_file *kept = arena_allocate(arena, (files->count + 1) * sizeof *kept);
    if (!kept)
        return error_no_memory(error);
    if (files->count)
        qsort(files->data, files->count, sizeof *files->data, snapshot_compare);
    for (size_t i = 0; i < files->count; i++)
        kept[i] = files->data[i].file;
    *ret_files = kept;
    *ret_count = files->count;
    return 0;
}

static int snapshot_files(const struct lake_table *table, const json_t *json, struct arena *arena,
                          struct lake_snapshot *snapshot, struct error *error) {
    struct manifest_list_entry *manifests;
    struct snapshot_files files = {0}, deletes = {0};
    size_t count;
    int status = table_manifests(table, json, arena, &manifests, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        status = snapshot_add(table, &manifests[i], arena, &files, &deletes, error);
    if (!status)
        status = snapshot_keep(&files, arena, &snapshot->files, &snapshot->file_count, error);
    if (!status)
        status = snapshot_keep(&deletes, arena, &snapshot->deletes, &snapshot->delete_count, error);
    free(files.data);
    free(deletes.data);
    return status;
}

static int snapshot_columns(const struct lake_table *table, struct arena *arena, struct lake_snapshot *snapshot,
                            struct error *error) {
    struct lake_column *columns = arena_allocate(arena, (table->shape.column_count + 1) * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    for (size_t c = 0; c < table->shape.column_count; c++) {
        columns[c] = table->shape.columns[c];
        columns[c].name = arena_copy(arena, columns[c].name);
        columns[c].type = type_copy(arena, columns[c].type);
        if (!columns[c].name.data || !columns[c].type)
            return error_no_memory(error);
    }
    snapshot->columns = columns;
    snapshot->column_count = table->shape.column_count;
    snapshot->partition = table->shape.partition;
    snapshot->partition_column = table->partition_column;
    return 0;
}

int lake_snapshot_read(struct lake_table *table, int64_t id, struct arena *arena, struct lake_snapshot *ret_snapshot,
                       struct error *error) {
    struct lake_snapshot snapshot = {0};
    int status = table_refresh(table, error);
    if (status)
        return status;
    const json_t *json = table_metadata_snapshot(&table->metadata, id);
    if (id && !json)
        return error_set(error, ERROR_NOT_FOUND, "table %s has no snapshot %lld: `meterline lake snapshots` lists them",
                         table->name, (long long)id);
    snapshot.id = json ? json_integer_value(json_object_get(json, "snapshot-id")) : 0;
    snapshot.sequence = json_integer_value(json_object_get(json, "sequence-number"));
    snapshot.time = json_integer_value(json_object_get(json, "timestamp-ms"));
    status = snapshot_columns(table, arena, &snapshot, error);
    if (!status)
        status = snapshot_files(table, json, arena, &snapshot, error);
    if (status)
        return error_wrap(error, "table %s", table->name);
    *ret_snapshot = snapshot;
    return 0;
}

/* Texts in bounds are in the order of bytes. */
static int snapshot_compare_values(const struct type *type, const struct value *a, const struct value *b) {
    return type->kind == TYPE_STRING ? slice_compare(a->text, b->text) : value_compare(type, a, b);
}

bool lake_file_meets(const struct lake_snapshot *snapshot, const struct lake_file *file,
                     const struct lake_range *ranges, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct lake_bounds *bounds = &file->bounds[ranges[i].column];
        const struct type *type = snapshot->columns[ranges[i].column].type;
        if (!bounds->bounded)
            continue;
        if ((ranges[i].has_lower && snapshot_compare_values(type, &bounds->upper, &ranges[i].lower) < 0) ||
            (ranges[i].has_upper && snapshot_compare_values(type, &bounds->lower, &ranges[i].upper) > 0))
            return false;
    }
    return true;
}

/* --- history
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t history_number(const json_t *summary, const char *name) {
    const char *text = json_string_value(json_object_get(summary, name));
    int64_t number;
    return text && number_read_integer(slice_of(text), &number) ? number : -1;
}

/* What a commit did not do is not in its summary. */
static int64_t history_count(const json_t *summary, const char *name) {
    int64_t number = history_number(summary, name);
    return number < 0 ? 0 : number;
}

int lake_history(struct lake_table *table, struct arena *arena, const struct lake_history_entry **ret_entries,
                 size_t *ret_count, struct error *error) {
    int status = table_refresh(table, error);
    if (status)
        return status;
    const json_t *snapshots = json_object_get(table->metadata.json, "snapshots");
    size_t count = json_array_size(snapshots);
    struct lake_history_entry *entries = arena_allocate(arena, (count + 1) * sizeof *entries);
    if (!entries)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const json_t *json = json_array_get(snapshots, i), *summary = json_object_get(json, "summary");
        const char *operation = json_string_value(json_object_get(summary, "operation"));
        entries[i] =
            (struct lake_history_entry){.id = json_integer_value(json_object_get(json, "snapshot-id")),
                                        .parent = json_integer_value(json_object_get(json, "parent-snapshot-id")),
                                        .time = json_integer_value(json_object_get(json, "timestamp-ms")),
                                        .sequence = json_integer_value(json_object_get(json, "sequence-number")),
                                        .operation = arena_copy(arena, slice_of(operation ? operation : "")).data,
                                        .added_files = history_count(summary, "added-data-files"),
                                        .added_records = history_count(summary, "added-records"),
                                        .removed_files = history_count(summary, "deleted-data-files"),
                                        .removed_records = history_count(summary, "deleted-records"),
                                        .records = history_number(summary, "total-records")};
        if (!entries[i].operation)
            return error_no_memory(error);
    }
    *ret_entries = entries;
    *ret_count = count;
    return 0;
}
