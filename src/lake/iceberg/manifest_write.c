/* Manifests written: records of Avro, field by field as the schemas here say. */
#include "lake/iceberg/manifest.h"

#include <stdio.h>

#include "core/memory.h"
#include "lake/iceberg/avro_file.h"
#include "lake/iceberg/bound.h"

/* clang-format off */
#define COUNTS(name, list, key, value) \
    "{\"name\":\"" name "\",\"type\":[\"null\",{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"k" key "_v" value "\",\"fields\":[" \
    "{\"name\":\"key\",\"type\":\"int\",\"field-id\":" key "},{\"name\":\"value\",\"type\":\"long\",\"field-id\":" value "}]}," \
    "\"logicalType\":\"map\"}],\"default\":null,\"field-id\":" list "}"
#define BOUNDS(name, list, key, value) \
    "{\"name\":\"" name "\",\"type\":[\"null\",{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"k" key "_v" value "\",\"fields\":[" \
    "{\"name\":\"key\",\"type\":\"int\",\"field-id\":" key "},{\"name\":\"value\",\"type\":\"bytes\",\"field-id\":" value "}]}," \
    "\"logicalType\":\"map\"}],\"default\":null,\"field-id\":" list "}"
#define OPTIONAL(name, type, id) "{\"name\":\"" name "\",\"type\":[\"null\",\"" type "\"],\"default\":null,\"field-id\":" id "}"
#define REQUIRED(name, type, id) "{\"name\":\"" name "\",\"type\":\"" type "\",\"field-id\":" id "}"

static const char entry_schema[] = /* %s: the field of the partition */
    "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["
    REQUIRED("status", "int", "0") "," OPTIONAL("snapshot_id", "long", "1") "," OPTIONAL("sequence_number", "long", "3") ","
    OPTIONAL("file_sequence_number", "long", "4") ","
    "{\"name\":\"data_file\",\"field-id\":2,\"type\":{\"type\":\"record\",\"name\":\"r2\",\"fields\":["
    REQUIRED("content", "int", "134") "," REQUIRED("file_path", "string", "100") "," REQUIRED("file_format", "string", "101") ","
    "{\"name\":\"partition\",\"field-id\":102,\"type\":{\"type\":\"record\",\"name\":\"r102\",\"fields\":[%s]}},"
    REQUIRED("record_count", "long", "103") "," REQUIRED("file_size_in_bytes", "long", "104") ","
    COUNTS("value_counts", "109", "119", "120") "," COUNTS("null_value_counts", "110", "121", "122") ","
    BOUNDS("lower_bounds", "125", "126", "127") "," BOUNDS("upper_bounds", "128", "129", "130") ","
    OPTIONAL("sort_order_id", "int", "140") "]}}]}";

static const char list_schema[] =
    "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":["
    REQUIRED("manifest_path", "string", "500") "," REQUIRED("manifest_length", "long", "501") ","
    REQUIRED("partition_spec_id", "int", "502") "," REQUIRED("content", "int", "517") "," REQUIRED("sequence_number", "long", "515") ","
    REQUIRED("min_sequence_number", "long", "516") "," REQUIRED("added_snapshot_id", "long", "503") ","
    REQUIRED("added_files_count", "int", "504") "," REQUIRED("existing_files_count", "int", "505") ","
    REQUIRED("deleted_files_count", "int", "506") "," REQUIRED("added_rows_count", "long", "512") ","
    REQUIRED("existing_rows_count", "long", "513") "," REQUIRED("deleted_rows_count", "long", "514") ","
    "{\"name\":\"partitions\",\"default\":null,\"field-id\":507,\"type\":[\"null\",{\"type\":\"array\",\"element-id\":508,\"items\":"
    "{\"type\":\"record\",\"name\":\"r508\",\"fields\":[" REQUIRED("contains_null", "boolean", "509") ","
    OPTIONAL("contains_nan", "boolean", "518") "," OPTIONAL("lower_bound", "bytes", "510") "," OPTIONAL("upper_bound", "bytes", "511") "]}}]}"
    "]}";
/* clang-format on */

static void manifest_put_text(struct bytes *to, struct slice text) {
    bytes_append_zigzag(to, (int64_t)text.length);
    bytes_append_slice(to, text);
}

/* A union of null and long. */
static void manifest_put_optional(struct bytes *to, int64_t number) {
    bytes_append_zigzag(to, number >= 0);
    if (number >= 0)
        bytes_append_zigzag(to, number);
}

enum manifest_list_kind { VALUE_COUNTS, NULL_COUNTS, LOWER_BOUNDS, UPPER_BOUNDS };

static bool manifest_has(const struct lake_bounds *bounds, enum manifest_list_kind kind) {
    return kind == VALUE_COUNTS ? bounds->values >= 0 : kind == NULL_COUNTS ? bounds->nulls >= 0 : bounds->bounded;
}

/* A union of null and an array of pairs: (column, what is known of it). */
static void manifest_put_columns(struct bytes *to, const struct manifest_shape *shape, const struct lake_bounds *bounds,
                                 enum manifest_list_kind kind, struct bytes *scratch) {
    int64_t count = 0;
    for (size_t c = 0; c < shape->column_count; c++)
        count += manifest_has(&bounds[c], kind);
    bytes_append_zigzag(to, count > 0);
    if (count == 0)
        return;
    bytes_append_zigzag(to, count);
    for (size_t c = 0; c < shape->column_count; c++) {
        if (!manifest_has(&bounds[c], kind))
            continue;
        bytes_append_zigzag(to, shape->columns[c].id);
        if (kind == VALUE_COUNTS || kind == NULL_COUNTS) {
            bytes_append_zigzag(to, kind == VALUE_COUNTS ? bounds[c].values : bounds[c].nulls);
            continue;
        }
        scratch->length = 0;
        bound_write(scratch, shape->columns[c].type, kind == LOWER_BOUNDS ? &bounds[c].lower : &bounds[c].upper);
        manifest_put_text(to, bytes_slice(scratch));
    }
    bytes_append_zigzag(to, 0);
}

static void manifest_put_file(struct bytes *to, const struct manifest_shape *shape, const struct lake_file *file,
                              struct bytes *scratch) {
    bytes_append_zigzag(to, file->content);
    manifest_put_text(to, slice_of(file->location));
    manifest_put_text(to, SLICE("PARQUET"));
    if (shape->partition != LAKE_UNPARTITIONED) {
        bytes_append_zigzag(to, file->partitioned);
        if (file->partitioned)
            bytes_append_zigzag(to, file->partition);
    }
    bytes_append_zigzag(to, file->records);
    bytes_append_zigzag(to, file->bytes);
    for (enum manifest_list_kind kind = VALUE_COUNTS; kind <= UPPER_BOUNDS; kind++)
        manifest_put_columns(to, shape, file->bounds, kind, scratch);
    manifest_put_optional(to, 0); /* no order is declared: DuckDB refuses to INSERT into a table that has one */
}

static void manifest_put_entry(struct bytes *to, const struct manifest_shape *shape, const struct manifest_entry *entry,
                               struct bytes *scratch) {
    bytes_append_zigzag(to, entry->status);
    manifest_put_optional(to, entry->snapshot);
    manifest_put_optional(to, entry->sequence);
    manifest_put_optional(to, entry->file_sequence);
    manifest_put_file(to, shape, &entry->file, scratch);
}

static void manifest_entry_schema(const struct manifest_shape *shape, struct bytes *to) {
    char field[512] = "";
    if (shape->partition != LAKE_UNPARTITIONED)
        snprintf(field, sizeof field, "{\"name\":\"%s\",\"type\":[\"null\",%s],\"default\":null,\"field-id\":%d}",
                 shape->partition_name,
                 shape->partition == LAKE_BY_DAY ? "{\"type\":\"int\",\"logicalType\":\"date\"}" : "\"int\"",
                 (int)shape->field);
    const char *hole = strstr(entry_schema, "%s");
    bytes_append(to, entry_schema, (size_t)(hole - entry_schema));
    bytes_append_string(to, field);
    bytes_append_string(to, hole + 2);
}

int manifest_write(const struct manifest_shape *shape, const struct manifest_entry *entries, size_t count,
                   struct bytes *to, struct error *error) {
    cleanup(bytes_release) struct bytes records = {0}, scratch = {0}, schema = {0};
    char schema_id[24], spec_id[24];
    snprintf(schema_id, sizeof schema_id, "%lld", (long long)shape->schema_id);
    snprintf(spec_id, sizeof spec_id, "%d", (int)shape->spec);
    for (size_t i = 0; i < count; i++)
        manifest_put_entry(&records, shape, &entries[i], &scratch);
    manifest_entry_schema(shape, &schema);
    const struct client_property header[] = {
        {"schema", shape->schema_json}, {"schema-id", schema_id}, {"partition-spec", shape->spec_json},
        {"partition-spec-id", spec_id}, {"format-version", "2"},  {"content", "data"},
    };
    avro_file_write(bytes_slice(&schema), header, sizeof header / sizeof *header, bytes_slice(&records), count, to);
    return records.failed || scratch.failed || schema.failed || to->failed ? error_no_memory(error) : 0;
}

static void manifest_put_bound(struct bytes *to, struct slice bound) {
    bytes_append_zigzag(to, bound.data != NULL);
    if (bound.data)
        manifest_put_text(to, bound);
}

static void manifest_put_summaries(struct bytes *to, const struct manifest_list_entry *entry) {
    bytes_append_zigzag(to, 1);
    if (entry->summary_count)
        bytes_append_zigzag(to, (int64_t)entry->summary_count);
    for (size_t i = 0; i < entry->summary_count; i++) {
        bytes_append_char(to, entry->summaries[i].contains_null);
        bytes_append_zigzag(to, 0); /* of NaN nothing is said */
        manifest_put_bound(to, entry->summaries[i].lower);
        manifest_put_bound(to, entry->summaries[i].upper);
    }
    bytes_append_zigzag(to, 0);
}

static int64_t manifest_count(int64_t count) {
    return count < 0 ? 0 : count;
}

int manifest_list_write(const struct manifest_list_entry *entries, size_t count, int64_t snapshot, int64_t parent,
                        int64_t sequence, struct bytes *to, struct error *error) {
    cleanup(bytes_release) struct bytes records = {0};
    char numbers[3][24];
    snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)snapshot);
    snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)parent);
    snprintf(numbers[2], sizeof numbers[2], "%lld", (long long)sequence);
    for (size_t i = 0; i < count; i++) {
        const struct manifest_list_entry *entry = &entries[i];
        manifest_put_text(&records, slice_of(entry->path));
        const int64_t fields[] = {entry->length,
                                  entry->spec,
                                  entry->deletes,
                                  entry->sequence,
                                  entry->min_sequence,
                                  entry->added_snapshot,
                                  manifest_count(entry->added_files),
                                  manifest_count(entry->existing_files),
                                  manifest_count(entry->deleted_files),
                                  manifest_count(entry->added_rows),
                                  manifest_count(entry->existing_rows),
                                  manifest_count(entry->deleted_rows)};
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            bytes_append_zigzag(&records, fields[f]);
        manifest_put_summaries(&records, entry);
    }
    const struct client_property header[] = {{"snapshot-id", numbers[0]},
                                             {"parent-snapshot-id", parent ? numbers[1] : "null"},
                                             {"sequence-number", numbers[2]},
                                             {"format-version", "2"}};
    avro_file_write((struct slice){list_schema, sizeof list_schema - 1}, header, sizeof header / sizeof *header,
                    bytes_slice(&records), count, to);
    return records.failed || to->failed ? error_no_memory(error) : 0;
}
