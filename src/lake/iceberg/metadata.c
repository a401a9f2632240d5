#include "lake/iceberg/metadata.h"

#include <stdio.h>
#include <stdlib.h>

#include "lake/iceberg/schema.h"

enum { FORMAT_VERSION = 2, PARTITION_FIELD = 1000, METADATA_LOG_MAXIMUM = 100 };

void table_metadata_release(struct table_metadata *metadata) {
    json_decref(metadata->json);
    free(metadata->location);
    *metadata = (struct table_metadata){0};
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int metadata_check(const json_t *json, struct error *error) {
    json_int_t version = json_integer_value(json_object_get(json, "format-version"));
    if (!json_is_string(json_object_get(json, "location")) || !json_is_array(json_object_get(json, "schemas")))
        return error_set(error, ERROR_CORRUPT, "these are no table metadata: there is no location, or no schema");
    if (version != FORMAT_VERSION)
        return error_set(error, ERROR_UNSUPPORTED,
                         "the table is of Iceberg's format version %d; version %d is read here", (int)version,
                         FORMAT_VERSION);
    if (json_array_size(json_object_get(json, "encryption-keys")) > 0)
        return error_set(error, ERROR_UNSUPPORTED, "the table is encrypted");
    return 0;
}

int table_metadata_read(struct slice text, struct table_metadata *ret_metadata, struct error *error) {
    json_error_t problem;
    json_t *json = json_loadb(text.data, text.length, 0, &problem);
    if (!json)
        return error_set(error, ERROR_CORRUPT, "the table's metadata are no JSON: line %d: %s", problem.line,
                         problem.text);
    int status = metadata_check(json, error);
    if (status) {
        json_decref(json);
        return status;
    }
    *ret_metadata = (struct table_metadata){.json = json};
    return 0;
}

int table_metadata_write(const struct table_metadata *metadata, struct bytes *to, struct error *error) {
    char *text = json_dumps(metadata->json, JSON_COMPACT);
    if (text)
        bytes_append_string(to, text);
    bool failed = !text || to->failed;
    free(text);
    return failed ? error_no_memory(error) : 0;
}

const char *table_metadata_location(const struct table_metadata *metadata) {
    return json_string_value(json_object_get(metadata->json, "location"));
}

const char *table_metadata_property(const struct table_metadata *metadata, const char *name) {
    return json_string_value(json_object_get(json_object_get(metadata->json, "properties"), name));
}

int64_t table_metadata_current(const struct table_metadata *metadata) {
    json_int_t id = json_integer_value(json_object_get(metadata->json, "current-snapshot-id"));
    return id > 0 ? id : 0; /* -1 and null: none */
}

int64_t table_metadata_sequence(const struct table_metadata *metadata) {
    return json_integer_value(json_object_get(metadata->json, "last-sequence-number"));
}

json_t *table_metadata_snapshot(const struct table_metadata *metadata, int64_t id) {
    const json_t *snapshots = json_object_get(metadata->json, "snapshots");
    id = id ? id : table_metadata_current(metadata);
    for (size_t i = 0; i < json_array_size(snapshots); i++) {
        json_t *snapshot = json_array_get(snapshots, i);
        if (id && json_integer_value(json_object_get(snapshot, "snapshot-id")) == id)
            return snapshot;
    }
    return NULL;
}

/* The element of an array of objects whose `key` is `id`. */
static json_t *metadata_with_id(const json_t *array, const char *key, json_int_t id) {
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_integer_value(json_object_get(json_array_get(array, i), key)) == id)
            return json_array_get(array, i);
    return NULL;
}

/* --- schema and partitions
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *metadata_dump(const json_t *json, struct arena *arena) {
    char *text = json_dumps(json, JSON_COMPACT);
    const char *copy = text ? arena_copy(arena, slice_of(text)).data : NULL;
    free(text);
    return copy;
}

static int metadata_partition(const json_t *spec, struct arena *arena, struct manifest_shape *shape,
                              size_t *ret_partition_column, struct error *error) {
    const json_t *fields = json_object_get(spec, "fields"), *field = json_array_get(fields, 0);
    size_t count = json_array_size(fields), column = 0;
    const char *transform = json_string_value(json_object_get(field, "transform")),
               *name = json_string_value(json_object_get(field, "name"));
    shape->partition = LAKE_UNPARTITIONED;
    if (count == 0)
        return 0;
    while (column < shape->column_count &&
           shape->columns[column].id != json_integer_value(json_object_get(field, "source-id")))
        column++;
    bool month = transform && strcmp(transform, "month") == 0, day = transform && strcmp(transform, "day") == 0;
    if (count > 1 || !name || !(month || day) || column == shape->column_count ||
        shape->columns[column].type->kind != TYPE_TIMESTAMP)
        return error_set(error, ERROR_UNSUPPORTED,
                         "the table is partitioned in a way that is not written here: tables have no partition, or one "
                         "by month or day of a time");
    shape->partition = month ? LAKE_BY_MONTH : LAKE_BY_DAY;
    shape->field = (int32_t)json_integer_value(json_object_get(field, "field-id"));
    shape->partition_name = arena_copy(arena, slice_of(name)).data;
    *ret_partition_column = column;
    return shape->partition_name ? 0 : error_no_memory(error);
}

int table_metadata_shape(const struct table_metadata *metadata, struct arena *arena, struct manifest_shape *ret_shape,
                         size_t *ret_partition_column, struct error *error) {
    const json_t *json = metadata->json;
    struct manifest_shape shape = {.schema_id = json_integer_value(json_object_get(json, "current-schema-id")),
                                   .spec = (int32_t)json_integer_value(json_object_get(json, "default-spec-id"))};
    const json_t *schema = metadata_with_id(json_object_get(json, "schemas"), "schema-id", shape.schema_id),
                 *spec = metadata_with_id(json_object_get(json, "partition-specs"), "spec-id", shape.spec);
    struct lake_column *columns;
    if (!schema || !spec)
        return error_set(error, ERROR_CORRUPT, "the table's metadata lack schema %lld or partition spec %d",
                         (long long)shape.schema_id, (int)shape.spec);
    int status = schema_read(schema, arena, &columns, &shape.column_count, error);
    if (status)
        return status;
    shape.columns = columns;
    status = metadata_partition(spec, arena, &shape, ret_partition_column, error);
    if (status)
        return status;
    shape.schema_json = metadata_dump(schema, arena);
    shape.spec_json = metadata_dump(json_object_get(spec, "fields"), arena);
    if (!shape.schema_json || !shape.spec_json)
        return error_no_memory(error);
    *ret_shape = shape;
    return 0;
}

/* --- a new table
 * ------------------------------------------------------------------------------------------------------------------ */

static json_t *metadata_new_spec(const struct lake_table_settings *settings) {
    char name[LAKE_COLUMN_NAME_MAXIMUM + 16];
    bool day = settings->partition == LAKE_BY_DAY;
    if (settings->partition == LAKE_UNPARTITIONED)
        return json_pack("{s:i,s:[]}", "spec-id", 0, "fields");
    const struct lake_column *column = &settings->columns[settings->partition_column];
    snprintf(name, sizeof name, "%.*s_%s", (int)column->name.length, column->name.data, day ? "day" : "month");
    return json_pack("{s:i,s:[{s:s,s:s,s:i,s:i}]}", "spec-id", 0, "fields", "name", name, "transform",
                     day ? "day" : "month", "source-id", (int)settings->partition_column + 1, "field-id",
                     PARTITION_FIELD);
}

int table_metadata_new(const struct lake_table_settings *settings, const char *location, const char *uuid, int64_t now,
                       struct table_metadata *ret_metadata, struct error *error) {
    json_t *schema;
    int status = schema_write(settings->columns, settings->column_count, &schema, error);
    if (status)
        return status;
    json_t *json = json_pack(
        "{s:i,s:s,s:s,s:i,s:I,s:i,s:[o],s:i,s:[o],s:i,s:i,s:[{s:i,s:[]}],s:i,s:{s:s,s:s,s:s},s:n,s:{},s:[],s:[],s:[]}",
        "format-version", FORMAT_VERSION, "table-uuid", uuid, "location", location, "last-sequence-number", 0,
        "last-updated-ms", (json_int_t)now, "last-column-id", (int)settings->column_count, "schemas", schema,
        "current-schema-id", 0, "partition-specs", metadata_new_spec(settings), "default-spec-id", 0,
        "last-partition-id", settings->partition == LAKE_UNPARTITIONED ? PARTITION_FIELD - 1 : PARTITION_FIELD,
        "sort-orders", "order-id", 0, "fields", "default-sort-order-id", 0, "properties", "created-by", "meterline",
        "write.parquet.compression-codec", "zstd", "write.metadata.previous-versions-max", "100", "current-snapshot-id",
        "refs", "snapshots", "snapshot-log", "metadata-log");
    if (!json)
        return error_no_memory(error);
    *ret_metadata = (struct table_metadata){.json = json};
    return 0;
}

/* --- changes
 * ------------------------------------------------------------------------------------------------------------------ */

static bool metadata_is_expired(const struct metadata_change *change, json_int_t id) {
    for (size_t i = 0; i < change->expired_count; i++)
        if (change->expired[i] == id)
            return true;
    return false;
}

static void metadata_drop_expired(json_t *array, const struct metadata_change *change) {
    for (size_t i = json_array_size(array); i-- > 0;)
        if (metadata_is_expired(change, json_integer_value(json_object_get(json_array_get(array, i), "snapshot-id"))))
            json_array_remove(array, i);
}

/* The object or array of that name, made when it is missing. */
static json_t *metadata_part(json_t *json, const char *name, bool array) {
    json_t *part = json_object_get(json, name);
    if (part && !json_is_null(part))
        return part;
    return json_object_set_new(json, name, array ? json_array() : json_object()) ? NULL : json_object_get(json, name);
}

static int metadata_set_properties(json_t *properties, const struct metadata_change *change) {
    int failed = 0;
    for (size_t i = 0; i < change->property_count; i++) {
        const struct metadata_property *property = &change->properties[i];
        if (property->value)
            failed |= json_object_set_new(properties, property->name, json_string(property->value));
        else
            json_object_del(properties, property->name);
    }
    return failed;
}

static int metadata_add_snapshot(json_t *json, const struct metadata_change *change) {
    json_int_t id = json_integer_value(json_object_get(change->snapshot, "snapshot-id"));
    return json_array_append(metadata_part(json, "snapshots", true), change->snapshot) |
           json_object_set_new(metadata_part(json, "refs", false), "main",
                               json_pack("{s:I,s:s}", "snapshot-id", id, "type", "branch")) |
           json_array_append_new(metadata_part(json, "snapshot-log", true),
                                 json_pack("{s:I,s:O}", "snapshot-id", id, "timestamp-ms",
                                           json_object_get(change->snapshot, "timestamp-ms"))) |
           json_object_set_new(json, "current-snapshot-id", json_integer(id)) |
           json_object_set(json, "last-sequence-number", json_object_get(change->snapshot, "sequence-number"));
}

/* The metadata before, so that their files can be found and removed some day. */
static int metadata_log_base(json_t *json, const struct metadata_change *change) {
    json_t *log = metadata_part(json, "metadata-log", true);
    if (!change->base->location || !log)
        return log ? 0 : -1;
    while (json_array_size(log) >= METADATA_LOG_MAXIMUM)
        json_array_remove(log, 0);
    return json_array_append_new(log, json_pack("{s:O,s:s}", "timestamp-ms",
                                                json_object_get(change->base->json, "last-updated-ms"), "metadata-file",
                                                change->base->location));
}

int table_metadata_change(const struct metadata_change *change, struct table_metadata *ret_metadata,
                          struct error *error) {
    json_t *json = json_deep_copy(change->base->json);
    if (!json)
        return error_no_memory(error);
    json_t *properties = metadata_part(json, "properties", false);
    int failed = !properties || metadata_set_properties(properties, change) || metadata_log_base(json, change);
    metadata_drop_expired(json_object_get(json, "snapshots"), change);
    metadata_drop_expired(json_object_get(json, "snapshot-log"), change);
    if (!failed && change->snapshot)
        failed = metadata_add_snapshot(json, change);
    if (!failed)
        failed = json_object_set_new(json, "last-updated-ms", json_integer(change->now));
    if (failed) {
        json_decref(json);
        return error_no_memory(error);
    }
    *ret_metadata = (struct table_metadata){.json = json, .version = change->base->version + 1};
    return 0;
}

json_t *metadata_updates(const struct metadata_change *change) {
    json_t *updates = json_array(), *set = json_object(), *removed = json_array(), *expired = json_array();
    int failed = !updates || !set || !removed || !expired;
    for (size_t i = 0; i < change->property_count && !failed; i++)
        failed = change->properties[i].value
                     ? json_object_set_new(set, change->properties[i].name, json_string(change->properties[i].value))
                     : json_array_append_new(removed, json_string(change->properties[i].name));
    for (size_t i = 0; i < change->expired_count && !failed; i++)
        failed = json_array_append_new(expired, json_integer(change->expired[i]));
    if (!failed && json_object_size(set))
        failed = json_array_append_new(updates, json_pack("{s:s,s:O}", "action", "set-properties", "updates", set));
    if (!failed && json_array_size(removed))
        failed =
            json_array_append_new(updates, json_pack("{s:s,s:O}", "action", "remove-properties", "removals", removed));
    if (!failed && change->snapshot)
        failed = json_array_append_new(
                     updates, json_pack("{s:s,s:O}", "action", "add-snapshot", "snapshot", change->snapshot)) ||
                 json_array_append_new(updates, json_pack("{s:s,s:s,s:s,s:O}", "action", "set-snapshot-ref", "ref-name",
                                                          "main", "type", "branch", "snapshot-id",
                                                          json_object_get(change->snapshot, "snapshot-id")));
    if (!failed && json_array_size(expired))
        failed = json_array_append_new(updates,
                                       json_pack("{s:s,s:O}", "action", "remove-snapshots", "snapshot-ids", expired));
    json_decref(set);
    json_decref(removed);
    json_decref(expired);
    if (failed)
        json_decref(updates);
    return failed ? NULL : updates;
}
