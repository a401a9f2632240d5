#include "lake/iceberg/manifest.h"

#include <stdio.h>

#include "lake/iceberg/avro_file.h"
#include "lake/iceberg/bound.h"

/* Field ids of the specification. */
enum {
    ENTRY_STATUS = 0,
    ENTRY_SNAPSHOT = 1,
    ENTRY_FILE = 2,
    ENTRY_SEQUENCE = 3,
    ENTRY_FILE_SEQUENCE = 4,
    FILE_PATH = 100,
    FILE_FORMAT = 101,
    FILE_PARTITION = 102,
    FILE_RECORDS = 103,
    FILE_BYTES = 104,
    FILE_VALUE_COUNTS = 109,
    FILE_NULL_COUNTS = 110,
    FILE_LOWER = 125,
    FILE_UPPER = 128,
    FILE_KEY_METADATA = 131,
    FILE_CONTENT = 134,
    FILE_CONTENT_OFFSET = 144,
    LIST_PATH = 500,
    LIST_LENGTH = 501,
    LIST_SPEC = 502,
    LIST_SNAPSHOT = 503,
    LIST_ADDED_FILES = 504,
    LIST_EXISTING_FILES = 505,
    LIST_DELETED_FILES = 506,
    LIST_PARTITIONS = 507,
    LIST_SUMMARY_NULL = 509,
    LIST_SUMMARY_LOWER = 510,
    LIST_SUMMARY_UPPER = 511,
    LIST_ADDED_ROWS = 512,
    LIST_EXISTING_ROWS = 513,
    LIST_DELETED_ROWS = 514,
    LIST_SEQUENCE = 515,
    LIST_MIN_SEQUENCE = 516,
    LIST_CONTENT = 517,
};

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

/* NUL-terminated, in `arena`; NULL: no memory. */
static const char *manifest_text(const struct avro_datum *record, int32_t id, struct arena *arena) {
    const struct avro_datum *datum = avro_find(record, id);
    return arena_copy(arena, datum && datum->kind == AVRO_BYTES ? datum->bytes : SLICE("")).data;
}

/* The value for column `id` in a list of pairs; NULL: none. */
static const struct avro_datum *manifest_of_column(const struct avro_datum *file, int32_t list, int32_t id) {
    const struct avro_datum *pairs = avro_find(file, list);
    for (size_t i = 0; pairs && pairs->kind == AVRO_LIST && i < pairs->count; i++) {
        const struct avro_datum *pair = &pairs->fields[i].value;
        if (pair->kind == AVRO_RECORD && pair->count == 2 && pair->fields[0].value.number == id)
            return &pair->fields[1].value;
    }
    return NULL;
}

static void manifest_read_bounds(const struct avro_datum *file, const struct lake_column *column,
                                 struct lake_bounds *bounds) {
    const struct avro_datum *lower = manifest_of_column(file, FILE_LOWER, column->id),
                            *upper = manifest_of_column(file, FILE_UPPER, column->id),
                            *values = manifest_of_column(file, FILE_VALUE_COUNTS, column->id),
                            *nulls = manifest_of_column(file, FILE_NULL_COUNTS, column->id);
    *bounds = (struct lake_bounds){.values = values ? values->number : -1, .nulls = nulls ? nulls->number : -1};
    bounds->bounded = lower && upper && bound_read(lower->bytes, column->type, false, &bounds->lower) &&
                      bound_read(upper->bytes, column->type, true, &bounds->upper);
}

static int manifest_refuse(const struct avro_datum *datum, struct lake_file *file, struct error *error) {
    const struct avro_datum *format = avro_find(datum, FILE_FORMAT);
    bool parquet = format && format->bytes.length == 7 && strncasecmp(format->bytes.data, "parquet", 7) == 0;
    if (avro_find(datum, FILE_CONTENT_OFFSET) || (format && slice_equal(format->bytes, SLICE("PUFFIN"))))
        return error_set(error, ERROR_UNSUPPORTED, "%s is a deletion vector, which is of format version 3",
                         file->location);
    if (avro_find(datum, FILE_KEY_METADATA))
        return error_set(error, ERROR_UNSUPPORTED, "%s is encrypted", file->location);
    if (!parquet)
        return error_set(error, ERROR_UNSUPPORTED, "%s is no Parquet file", file->location);
    return 0;
}

static int manifest_read_file(const struct avro_datum *datum, const struct manifest_shape *shape, int32_t spec,
                              struct arena *arena, struct lake_file *file, struct error *error) {
    struct lake_bounds *bounds = arena_allocate(arena, (shape->column_count + 1) * sizeof *bounds);
    const struct avro_datum *partition = avro_find(datum, FILE_PARTITION);
    *file = (struct lake_file){.location = manifest_text(datum, FILE_PATH, arena),
                               .records = avro_number(datum, FILE_RECORDS, 0),
                               .bytes = avro_number(datum, FILE_BYTES, 0),
                               .bounds = bounds};
    int64_t content = avro_number(datum, FILE_CONTENT, 0);
    if (!bounds || !file->location)
        return error_no_memory(error);
    if (content < 0 || content > LAKE_EQUALITY_DELETES || file->records < 0 || file->bytes < 0)
        return error_set(error, ERROR_CORRUPT, "the entry of %s is damaged", file->location);
    file->content = (enum lake_content)content;
    for (size_t c = 0; c < shape->column_count; c++)
        manifest_read_bounds(datum, &shape->columns[c], &bounds[c]);
    if (partition && spec == shape->spec && partition->count == 1 && shape->partition != LAKE_UNPARTITIONED &&
        partition->fields[0].value.kind == AVRO_NUMBER) {
        file->partitioned = true;
        file->partition = partition->fields[0].value.number;
    }
    return manifest_refuse(datum, file, error);
}

int manifest_read(struct slice bytes, const struct manifest_shape *shape, int32_t spec, struct arena *arena,
                  struct manifest_entry **ret_entries, size_t *ret_count, struct error *error) {
    struct avro_file file;
    int status = avro_file_read(bytes, arena, &file, error);
    if (status)
        return status;
    struct manifest_entry *entries = arena_allocate(arena, (file.count + 1) * sizeof *entries);
    if (!entries)
        return error_no_memory(error);
    for (size_t i = 0; i < file.count && !status; i++) {
        const struct avro_datum *record = &file.records[i], *data = avro_find(record, ENTRY_FILE);
        int64_t kind = avro_number(record, ENTRY_STATUS, -1);
        if (!data || data->kind != AVRO_RECORD || kind < 0 || kind > MANIFEST_DELETED)
            return error_set(error, ERROR_CORRUPT, "entry %zu is damaged", i);
        entries[i] = (struct manifest_entry){.status = (enum manifest_status)kind,
                                             .snapshot = avro_number(record, ENTRY_SNAPSHOT, -1),
                                             .sequence = avro_number(record, ENTRY_SEQUENCE, -1),
                                             .file_sequence = avro_number(record, ENTRY_FILE_SEQUENCE, -1)};
        status = manifest_read_file(data, shape, spec, arena, &entries[i].file, error);
    }
    if (status)
        return status;
    *ret_entries = entries;
    *ret_count = file.count;
    return 0;
}

static bool manifest_read_summaries(const struct avro_datum *record, struct arena *arena,
                                    struct manifest_list_entry *entry) {
    const struct avro_datum *list = avro_find(record, LIST_PARTITIONS);
    size_t count = list && list->kind == AVRO_LIST ? list->count : 0;
    struct manifest_summary *summaries = arena_allocate(arena, (count + 1) * sizeof *summaries);
    if (!summaries)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct avro_datum *summary = &list->fields[i].value, *lower = avro_find(summary, LIST_SUMMARY_LOWER),
                                *upper = avro_find(summary, LIST_SUMMARY_UPPER);
        summaries[i] = (struct manifest_summary){.contains_null = avro_number(summary, LIST_SUMMARY_NULL, 1) != 0};
        if (lower && upper) {
            summaries[i].lower = lower->bytes;
            summaries[i].upper = upper->bytes;
        }
    }
    entry->summaries = summaries;
    entry->summary_count = count;
    return true;
}

int manifest_list_read(struct slice bytes, struct arena *arena, struct manifest_list_entry **ret_entries,
                       size_t *ret_count, struct error *error) {
    struct avro_file file;
    int status = avro_file_read(bytes, arena, &file, error);
    if (status)
        return status;
    struct manifest_list_entry *entries = arena_allocate(arena, (file.count + 1) * sizeof *entries);
    if (!entries)
        return error_no_memory(error);
    for (size_t i = 0; i < file.count; i++) {
        const struct avro_datum *record = &file.records[i];
        entries[i] = (struct manifest_list_entry){.path = manifest_text(record, LIST_PATH, arena),
                                                  .length = avro_number(record, LIST_LENGTH, 0),
                                                  .spec = (int32_t)avro_number(record, LIST_SPEC, 0),
                                                  .deletes = avro_number(record, LIST_CONTENT, 0) == 1,
                                                  .sequence = avro_number(record, LIST_SEQUENCE, 0),
                                                  .min_sequence = avro_number(record, LIST_MIN_SEQUENCE, 0),
                                                  .added_snapshot = avro_number(record, LIST_SNAPSHOT, -1),
                                                  .added_files = avro_number(record, LIST_ADDED_FILES, -1),
                                                  .existing_files = avro_number(record, LIST_EXISTING_FILES, -1),
                                                  .deleted_files = avro_number(record, LIST_DELETED_FILES, -1),
                                                  .added_rows = avro_number(record, LIST_ADDED_ROWS, -1),
                                                  .existing_rows = avro_number(record, LIST_EXISTING_ROWS, -1),
                                                  .deleted_rows = avro_number(record, LIST_DELETED_ROWS, -1)};
        if (!entries[i].path || !manifest_read_summaries(record, arena, &entries[i]))
            return error_no_memory(error);
    }
    *ret_entries = entries;
    *ret_count = file.count;
    return 0;
}
