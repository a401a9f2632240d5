/* Definitions from statements: properties, defaults, columns. What makes a definition wrong is in source_check.c. */
#include "sql/catalog/source.h"

#include "sql/catalog/properties.h"
#include "sql/catalog/type_resolve.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

bool source_is_key(const struct source_column *column) {
    return column->role == COLUMN_KEY || column->role == COLUMN_PRIMARY_KEY;
}

bool source_is_value(const struct source_column *column) {
    return column->role == COLUMN_VALUE;
}

size_t source_key_count(const struct source *source) {
    size_t count = 0;
    for (size_t i = 0; i < source->column_count; i++)
        count += source_is_key(&source->columns[i]);
    return count;
}

const struct source_column *source_column(const struct source *source, struct slice name) {
    for (size_t i = 0; i < source->column_count; i++)
        if (slice_equal(source->columns[i].name, name))
            return &source->columns[i];
    return NULL;
}

const char *source_kind(const struct source *source) {
    return source->object == OBJECT_TABLE ? "table" : "stream";
}

/* --- from properties
 * --------------------------------------------------------------------------------------------------------------- */

static int source_refuse(const struct properties *properties, enum property_name name, const char *problem,
                         struct error *error) {
    return place_error(error, properties->places[name], "%s %s", property_text(name), problem);
}

/* A delimiter or schema that the format has no use for. */
static int source_check_encoding(const struct properties *properties, const struct source_encoding *encoding,
                                 enum property_name delimiter, enum property_name schema_id,
                                 enum property_name schema_name, struct error *error) {
    if (properties->given[delimiter] && encoding->format != FORMAT_DELIMITED)
        return source_refuse(properties, delimiter, "goes with the format DELIMITED only", error);
    if (properties->given[schema_id] && encoding->format != FORMAT_AVRO && encoding->format != FORMAT_JSON_SR)
        return source_refuse(properties, schema_id, "goes with the formats AVRO and JSON_SR only", error);
    if (properties->given[schema_name] && encoding->format != FORMAT_AVRO)
        return source_refuse(properties, schema_name, "goes with the format AVRO only", error);
    return 0;
}

static int source_set_encodings(const struct properties *properties, struct source *source, struct error *error) {
    source->key.schema_id = properties->key_schema_id;
    source->key.schema_name = properties->key_schema_name;
    source->value.schema_id = properties->value_schema_id;
    source->value.schema_name = properties->value_schema_name;
    if (source->key.delimiter == 0 || properties->given[PROPERTY_KEY_DELIMITER])
        source->key.delimiter = properties->given[PROPERTY_KEY_DELIMITER] ? properties->key_delimiter : ',';
    if (source->value.delimiter == 0 || properties->given[PROPERTY_VALUE_DELIMITER])
        source->value.delimiter = properties->given[PROPERTY_VALUE_DELIMITER] ? properties->value_delimiter : ',';
    int status = source_check_encoding(properties, &source->key, PROPERTY_KEY_DELIMITER, PROPERTY_KEY_SCHEMA_ID,
                                       PROPERTY_KEY_SCHEMA_FULL_NAME, error);
    if (status < 0)
        return status;
    if (properties->given[PROPERTY_VALUE_AVRO_SCHEMA_FULL_NAME] && properties->given[PROPERTY_VALUE_SCHEMA_FULL_NAME])
        return source_refuse(properties, PROPERTY_VALUE_AVRO_SCHEMA_FULL_NAME,
                             "is the old name of VALUE_SCHEMA_FULL_NAME; give one of them", error);
    enum property_name name = properties->given[PROPERTY_VALUE_AVRO_SCHEMA_FULL_NAME]
                                  ? PROPERTY_VALUE_AVRO_SCHEMA_FULL_NAME
                                  : PROPERTY_VALUE_SCHEMA_FULL_NAME;
    return source_check_encoding(properties, &source->value, PROPERTY_VALUE_DELIMITER, PROPERTY_VALUE_SCHEMA_ID, name,
                                 error);
}

/* FORMAT stands for both others. */
static int source_read_formats(const struct properties *properties, enum format *ret_key, enum format *ret_value,
                               struct error *error) {
    enum property_name other = properties->given[PROPERTY_KEY_FORMAT] ? PROPERTY_KEY_FORMAT : PROPERTY_VALUE_FORMAT;
    if (properties->given[PROPERTY_FORMAT] && properties->given[other])
        return source_refuse(properties, other,
                             "cannot be given beside FORMAT, which stands for both the key's and the value's", error);
    *ret_key = properties->given[PROPERTY_FORMAT] ? properties->format : properties->key_format;
    *ret_value = properties->given[PROPERTY_FORMAT] ? properties->format : properties->value_format;
    return 0;
}

static int source_no_timestamp(const struct source *source, struct place place, struct error *error) {
    struct slice names[NAMES_NEAREST_MAXIMUM];
    char suggestion[NAMES_SUGGESTION_SIZE];
    size_t count = 0;
    for (; count < source->column_count && count < NAMES_NEAREST_MAXIMUM; count++)
        names[count] = source->columns[count].name;
    return place_error(error, place, "TIMESTAMP: %.*s has no column %.*s%s", names_shown(source->name),
                       source->name.data, names_shown(source->timestamp), source->timestamp.data,
                       names_nearest(suggestion, source->timestamp, names, count));
}

static int source_set_timestamp(const struct properties *properties, struct source *source, struct error *error) {
    source->timestamp = properties->timestamp;
    source->timestamp_format = properties->timestamp_format;
    if (!properties->given[PROPERTY_TIMESTAMP])
        return properties->given[PROPERTY_TIMESTAMP_FORMAT]
                   ? source_refuse(properties, PROPERTY_TIMESTAMP_FORMAT, "needs TIMESTAMP, the column that it is for",
                                   error)
                   : 0;
    const struct source_column *column = source_column(source, source->timestamp);
    if (!column || column->role == COLUMN_HEADER || column->role == COLUMN_HEADERS)
        return source_no_timestamp(source, properties->places[PROPERTY_TIMESTAMP], error);
    if (column->type->kind == TYPE_STRING && !properties->given[PROPERTY_TIMESTAMP_FORMAT])
        return source_refuse(properties, PROPERTY_TIMESTAMP,
                             "is a column of type STRING, which needs TIMESTAMP_FORMAT: how its times are written",
                             error);
    bool text = column->type->kind == TYPE_STRING,
         number = column->type->kind == TYPE_BIGINT || column->type->kind == TYPE_TIMESTAMP;
    if (!text && !number)
        return source_refuse(properties, PROPERTY_TIMESTAMP,
                             "needs a column of type BIGINT, TIMESTAMP, or STRING with TIMESTAMP_FORMAT", error);
    if (number && properties->given[PROPERTY_TIMESTAMP_FORMAT])
        return source_refuse(properties, PROPERTY_TIMESTAMP_FORMAT, "is for a TIMESTAMP column of type STRING", error);
    return 0;
}

/* JSON, JSON_SR and AVRO write a lone value column either way; of the others each knows one. */
static int source_set_wrapping(const struct properties *properties, const struct source_defaults *defaults,
                               struct source *source, struct error *error) {
    size_t values = 0;
    enum format format = source->value.format;
    bool either = format == FORMAT_JSON || format == FORMAT_JSON_SR || format == FORMAT_AVRO,
         given = properties->given[PROPERTY_WRAP_SINGLE_VALUE], wanted = properties->wrap_single_value;
    for (size_t i = 0; i < source->column_count; i++)
        values += source_is_value(&source->columns[i]);
    source->wrapped = true;
    if (given && values != 1)
        return source_refuse(properties, PROPERTY_WRAP_SINGLE_VALUE, "is for exactly one value column", error);
    if (given && !either && wanted != format_always_wraps(format))
        return place_error(error, properties->places[PROPERTY_WRAP_SINGLE_VALUE],
                           "the format %s %s: WRAP_SINGLE_VALUE can only be %s", format_name(format),
                           wanted ? "has no record around a single value" : "always writes a record",
                           wanted ? "FALSE" : "TRUE");
    if (either && values == 1) {
        source->wrapped = given ? wanted : defaults->wrapped;
        source->preset |= !given && !defaults->wrapped;
        if (!given && !defaults->wrapped && defaults->notes)
            defaults->notes->wrapping = true;
    }
    return 0;
}

static int source_set_window(const struct properties *properties, struct source *source, struct error *error) {
    bool type = properties->given[PROPERTY_WINDOW_TYPE], size = properties->given[PROPERTY_WINDOW_SIZE];
    if (size && !type)
        return source_refuse(properties, PROPERTY_WINDOW_SIZE, "needs WINDOW_TYPE", error);
    if (type && size == (properties->window == WINDOW_SESSION))
        return size ? source_refuse(properties, PROPERTY_WINDOW_SIZE,
                                    "does not go with SESSION windows, which have no size", error)
                    : source_refuse(properties, PROPERTY_WINDOW_TYPE,
                                    "needs WINDOW_SIZE: WINDOW_SIZE='10 SECONDS' or, by a calendar, "
                                    "WINDOW_SIZE='day@Europe/Athens'",
                                    error);
    if (type && source_key_count(source) == 0)
        return source_refuse(properties, PROPERTY_WINDOW_TYPE, "needs a key column: a window is part of the key",
                             error);
    source->window = properties->window;
    source->window_size = properties->window_size;
    source->window_calendar = properties->window_calendar;
    return 0;
}

static int source_set_cleanup(const struct properties *properties, struct source *source, struct error *error) {
    struct slice policy = properties->cleanup_policy;
    bool known = slice_equal(policy, SLICE("compact")) || slice_equal(policy, SLICE("delete")) ||
                 slice_equal(policy, SLICE("compact,delete")) || slice_equal(policy, SLICE("delete,compact"));
    if (policy.data && !known)
        return source_refuse(properties, PROPERTY_CLEANUP_POLICY, "must be 'compact', 'delete' or 'compact,delete'",
                             error);
    source->cleanup_policy = policy;
    return 0;
}

/* As Kafka's: letters, digits, '.', '_' and '-', at most 249 of them. */
static int source_check_topic(const struct source *source, const struct create_statement *create,
                              const struct properties *properties, struct error *error) {
    enum { TOPIC_MAXIMUM = 249 };
    struct place place =
        properties->given[PROPERTY_KAFKA_TOPIC] ? properties->places[PROPERTY_KAFKA_TOPIC] : create->name.place;
    bool good = source->topic.length > 0 && source->topic.length <= TOPIC_MAXIMUM &&
                !slice_equal(source->topic, SLICE(".")) && !slice_equal(source->topic, SLICE(".."));
    for (size_t i = 0; i < source->topic.length && good; i++) {
        char c = source->topic.data[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    }
    return good ? 0
                : place_error(error, place,
                              "'%.*s' cannot be the name of a topic, which has 1 to %d letters, digits, '.', '_' and "
                              "'-'; give one by KAFKA_TOPIC",
                              names_shown(source->topic), source->topic.data, TOPIC_MAXIMUM);
}

/* What all definitions have in common; formats and columns are there. */
static int source_finish(const struct create_statement *create, const struct properties *properties,
                         const struct source_defaults *defaults, struct arena *arena, struct source *source,
                         struct error *error) {
    static const enum property_name formats[2][2] = {{PROPERTY_KEY_FORMAT, PROPERTY_FORMAT},
                                                     {PROPERTY_VALUE_FORMAT, PROPERTY_FORMAT}};
    struct place places[2];
    int status;
    for (size_t i = 0; i < 2; i++)
        places[i] = properties->given[formats[i][0]]   ? properties->places[formats[i][0]]
                    : properties->given[formats[i][1]] ? properties->places[formats[i][1]]
                                                       : create->name.place;
    if (properties->given[PROPERTY_PARTITIONS])
        source->partitions = properties->partitions;
    if (properties->given[PROPERTY_REPLICAS])
        source->replicas = properties->replicas;
    source->retention = properties->retention;
    if ((status = source_check_topic(source, create, properties, error)) < 0 ||
        (status = source_set_encodings(properties, source, error)) < 0 ||
        (status = source_check(source, create->name.place, places, error)) < 0 ||
        (status = source_set_timestamp(properties, source, error)) < 0 ||
        (status = source_set_wrapping(properties, defaults, source, error)) < 0 ||
        (status = source_set_window(properties, source, error)) < 0 ||
        (status = source_set_rules(properties, source, arena, error)) < 0)
        return status;
    return source_set_cleanup(properties, source, error);
}

/* --- declared
 * ------------------------------------------------------------------------------------------------------------------ */

static int source_declare_columns(const struct create_statement *create, const struct catalog *catalog,
                                  const struct source_column *inferred, size_t inferred_count, struct arena *arena,
                                  struct source *source, struct error *error) {
    size_t count = create->columns.count;
    source->columns = arena_allocate(arena, (count + inferred_count) * sizeof *source->columns);
    if (!source->columns)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct column_declaration *definition = &create->columns.items[i];
        struct source_column *column = &source->columns[i];
        *column = (struct source_column){.name = definition->name.name,
                                         .role = definition->role,
                                         .header = definition->header,
                                         .place = definition->name.place};
        int status = type_resolve(definition->type, catalog, arena, &column->type, error);
        if (status < 0)
            return status;
    }
    for (size_t i = 0; i < inferred_count; i++) {
        source->columns[count + i] = inferred[i];
        source->columns[count + i].place = create->name.place;
    }
    source->column_count = count + inferred_count;
    return 0;
}

static bool source_declares_values(const struct create_statement *create) {
    for (size_t i = 0; i < create->columns.count; i++)
        if (create->columns.items[i].role == COLUMN_VALUE)
            return true;
    return false;
}

bool source_wants_schema(const struct create_statement *create, const struct source_defaults *defaults) {
    struct arena arena = {0};
    struct properties properties;
    enum format key, value;
    enum property_use use = create->object == OBJECT_TABLE ? PROPERTY_USE_TABLE : PROPERTY_USE_STREAM;
    bool wants = !create->query && !source_declares_values(create) &&
                 properties_read(&create->properties, use, &arena, &properties, NULL) == 0 &&
                 source_read_formats(&properties, &key, &value, NULL) == 0 &&
                 format_tells_columns(value == FORMAT_UNSET ? defaults->value : value);
    arena_release(&arena);
    return wants;
}

static int source_declare_needs(const struct create_statement *create, const struct properties *properties,
                                const struct source *source, bool inferred, struct error *error) {
    const char *kind = create->object == OBJECT_TABLE ? "CREATE TABLE" : "CREATE STREAM";
    struct slice name = create->name.name;
    if (!properties->given[PROPERTY_KAFKA_TOPIC])
        return place_error(error, create->name.place, "%s %.*s needs its topic: WITH (KAFKA_TOPIC='...')", kind,
                           names_shown(name), name.data);
    if (source->value.format == FORMAT_UNSET)
        return place_error(error, create->name.place, "%s %.*s needs VALUE_FORMAT, or FORMAT for key and value: %s",
                           kind, names_shown(name), name.data, format_choices());
    if (format_tells_columns(source->value.format) && !source_declares_values(create) && !inferred)
        return place_error(error, create->name.place,
                           "%s %.*s has no value columns, and no schema registry is there to know them", kind,
                           names_shown(name), name.data);
    return 0;
}

/* What the session says where WITH says nothing; a key's format is KAFKA where the session says nothing either. */
static void source_set_default_key(const struct source_defaults *defaults, struct source *source) {
    bool set = defaults->key != FORMAT_UNSET;
    source->key.format = set ? defaults->key : FORMAT_KAFKA;
    source->preset |= set;
    if (set && defaults->notes)
        defaults->notes->key = true;
}

static void source_set_default_value(const struct source_defaults *defaults, struct source *source) {
    bool set = defaults->value != FORMAT_UNSET;
    source->value.format = defaults->value;
    source->preset |= set;
    if (set && defaults->notes)
        defaults->notes->value = true;
}

int source_declare(const struct create_statement *create, struct slice text, const struct catalog *catalog,
                   const struct source_defaults *defaults, const struct source_column *inferred, size_t inferred_count,
                   struct arena *arena, struct source *ret_source, struct error *error) {
    struct properties properties;
    struct source source = {
        .object = create->object, .read_only = create->read_only, .name = create->name.name, .text = text};
    int status =
        properties_read(&create->properties, create->object == OBJECT_TABLE ? PROPERTY_USE_TABLE : PROPERTY_USE_STREAM,
                        arena, &properties, error);
    if (status < 0 || (status = source_read_formats(&properties, &source.key.format, &source.value.format, error)) < 0)
        return status;
    if (source.key.format == FORMAT_UNSET)
        source_set_default_key(defaults, &source);
    if (source.value.format == FORMAT_UNSET)
        source_set_default_value(defaults, &source);
    if ((status = source_declare_needs(create, &properties, &source, inferred != NULL, error)) < 0 ||
        (status = source_declare_columns(create, catalog, inferred, inferred_count, arena, &source, error)) < 0)
        return status;
    source.topic = properties.topic;
    status = source_finish(create, &properties, defaults, arena, &source, error);
    if (status == 0)
        *ret_source = source;
    return status;
}

/* --- results
 * ------------------------------------------------------------------------------------------------------------------ */

/* The format that was given, or else the input's with its delimiter. */
static void source_inherit(struct source_encoding *encoding, enum format given, const struct source_encoding *input) {
    encoding->format = given != FORMAT_UNSET ? given : input->format;
    if (given == FORMAT_UNSET)
        encoding->delimiter = input->delimiter;
}

/* The name of the result, after the session's prefix. */
static int source_name_topic(const struct source_defaults *defaults, struct arena *arena, struct source *source,
                             struct error *error) {
    size_t prefix = strlen(defaults->topic_prefix);
    char *topic = arena_allocate(arena, prefix + source->name.length + 1);
    if (!topic)
        return error_no_memory(error);
    memcpy(topic, defaults->topic_prefix, prefix);
    memcpy(topic + prefix, source->name.data, source->name.length);
    topic[prefix + source->name.length] = '\0';
    source->topic = (struct slice){topic, prefix + source->name.length};
    if (prefix && defaults->notes)
        defaults->notes->prefix = true;
    return 0;
}

int source_result(const struct create_statement *create, struct slice text, const struct source *input,
                  const struct source_defaults *defaults, const struct source_column *columns, size_t column_count,
                  struct arena *arena, struct source *ret_source, struct error *error) {
    struct properties properties;
    enum format key, value;
    struct source source = {.object = create->object,
                            .result = true,
                            .name = create->name.name,
                            .text = text,
                            .column_count = column_count,
                            .partitions = input->partitions,
                            .replicas = input->replicas};
    enum property_use use = create->object == OBJECT_TABLE ? PROPERTY_USE_TABLE_RESULT : PROPERTY_USE_STREAM_RESULT;
    int status = properties_read(&create->properties, use, arena, &properties, error);
    if (status < 0 || (status = source_read_formats(&properties, &key, &value, error)) < 0)
        return status;
    source.columns = arena_allocate(arena, column_count * sizeof *columns);
    if (!source.columns)
        return error_no_memory(error);
    if (column_count)
        memcpy(source.columns, columns, column_count * sizeof *columns);
    source_inherit(&source.key, key, &input->key);
    source_inherit(&source.value, value, &input->value);
    bool keyed = source_key_count(&source) > 0;
    if (keyed && key == FORMAT_UNSET && source.key.format == FORMAT_NONE)
        source_set_default_key(defaults, &source);
    if (!keyed && key == FORMAT_UNSET && source_key_count(input) > 0) /* PARTITION BY NULL */
        source.key.format = FORMAT_NONE;
    source.topic = properties.topic;
    if (!properties.given[PROPERTY_KAFKA_TOPIC])
        status = source_name_topic(defaults, arena, &source, error);
    if (!status)
        status = source_finish(create, &properties, defaults, arena, &source, error);
    if (status == 0)
        *ret_source = source;
    return status;
}

/* --- copies
 * ------------------------------------------------------------------------------------------------------------------ */

static bool source_copy_texts(struct source *source, struct arena *arena) {
    struct slice *texts[] = {&source->name,           &source->topic,           &source->text,
                             &source->query,          &source->key.schema_name, &source->value.schema_name,
                             &source->cleanup_policy, &source->timestamp,       &source->timestamp_format};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct slice copy = arena_copy(arena, *texts[i]);
        if (texts[i]->data && !copy.data)
            return false;
        *texts[i] = copy;
    }
    return true;
}

static bool source_copy_names(struct slice **names, size_t count, struct arena *arena) {
    struct slice *copies = arena_allocate(arena, (count + 1) * sizeof *copies);
    for (size_t i = 0; copies && i < count; i++) {
        copies[i] = arena_copy(arena, (*names)[i]);
        if (!copies[i].data)
            return false;
    }
    *names = copies;
    return copies != NULL;
}

static bool source_copy_column(struct source_column *column, struct arena *arena) {
    bool header = column->header.data != NULL;
    column->name = arena_copy(arena, column->name);
    column->header = arena_copy(arena, column->header);
    column->type = type_copy(arena, column->type);
    return column->name.data && column->type && (column->header.data || !header);
}

int source_copy(const struct source *source, struct arena *arena, struct source *ret_copy, struct error *error) {
    struct source copy = *source;
    copy.columns = arena_allocate(arena, source->column_count * sizeof *copy.columns);
    if (!copy.columns || !source_copy_texts(&copy, arena) ||
        !source_copy_names(&copy.key_of, copy.key_of_count, arena) ||
        !source_copy_names(&copy.required, copy.required_count, arena))
        return error_no_memory(error);
    for (size_t i = 0; i < source->column_count; i++) {
        copy.columns[i] = source->columns[i];
        if (!source_copy_column(&copy.columns[i], arena))
            return error_no_memory(error);
    }
    int status = calendar_copy(source->window_calendar, arena, &copy.window_calendar, error);
    *ret_copy = copy;
    return status;
}
