/* The table of properties comes first; reading finds the row by name and calls the reader of its kind. What is
 * unknown is refused with the nearest name, what does not go with the statement with the names that do. */
#include "sql/catalog/properties.h"

#include "core/number.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "sql/syntax/parser.h"
#include <ctype.h>
#include <strings.h>

enum property_type {
    PROPERTY_STRING,    /* struct slice, not empty */
    PROPERTY_NAME,      /* struct slice: bare in upper case, in backticks as it is */
    PROPERTY_PATH,      /* struct property_names: names with points between */
    PROPERTY_NAMES,     /* struct property_names: names with commas between */
    PROPERTY_UPPER,     /* struct slice in upper case */
    PROPERTY_LOWER,     /* struct slice in lower case */
    PROPERTY_ENCODING,  /* enum format */
    PROPERTY_CHARACTER, /* char: one ASCII character, SPACE or TAB */
    PROPERTY_POSITIVE,  /* int64_t, at least 1 */
    PROPERTY_NUMBER,    /* int64_t, at least -1 */
    PROPERTY_TRUTH,     /* bool */
    PROPERTY_WINDOW,    /* enum window_kind */
    PROPERTY_DURATION,  /* int64_t ms: '10 SECONDS' */
    PROPERTY_SIZE,      /* a duration, or the name of windows of a calendar */
};

enum {
    DECLARED = PROPERTY_USE_STREAM | PROPERTY_USE_TABLE,
    RESULT = PROPERTY_USE_STREAM_RESULT | PROPERTY_USE_TABLE_RESULT,
    SOURCE = DECLARED | RESULT,
};

struct property_row {
    const char *name;
    enum property_type type;
    int uses;
    size_t offset;
};

#define ROW(property, type, uses, member)                                                                              \
    [PROPERTY_##property] = {#property, type, uses, offsetof(struct properties, member)}
static const struct property_row property_rows[PROPERTY_COUNT] = {
    ROW(KAFKA_TOPIC, PROPERTY_STRING, SOURCE, topic),
    ROW(FORMAT, PROPERTY_ENCODING, SOURCE, format),
    ROW(KEY_FORMAT, PROPERTY_ENCODING, SOURCE, key_format),
    ROW(VALUE_FORMAT, PROPERTY_ENCODING, SOURCE, value_format),
    ROW(KEY_DELIMITER, PROPERTY_CHARACTER, SOURCE, key_delimiter),
    ROW(VALUE_DELIMITER, PROPERTY_CHARACTER, SOURCE, value_delimiter),
    ROW(KEY_SCHEMA_ID, PROPERTY_POSITIVE, SOURCE, key_schema_id),
    ROW(VALUE_SCHEMA_ID, PROPERTY_POSITIVE, SOURCE, value_schema_id),
    ROW(KEY_SCHEMA_FULL_NAME, PROPERTY_STRING, SOURCE, key_schema_name),
    ROW(VALUE_SCHEMA_FULL_NAME, PROPERTY_STRING, SOURCE, value_schema_name),
    ROW(VALUE_AVRO_SCHEMA_FULL_NAME, PROPERTY_STRING, SOURCE, value_schema_name),
    ROW(PARTITIONS, PROPERTY_POSITIVE, SOURCE | PROPERTY_USE_TOPIC, partitions),
    ROW(REPLICAS, PROPERTY_POSITIVE, SOURCE | PROPERTY_USE_TOPIC, replicas),
    ROW(RETENTION_MS, PROPERTY_NUMBER, SOURCE, retention),
    ROW(CLEANUP_POLICY, PROPERTY_LOWER, SOURCE, cleanup_policy),
    ROW(TIMESTAMP, PROPERTY_NAME, SOURCE, timestamp),
    ROW(TIMESTAMP_FORMAT, PROPERTY_STRING, SOURCE, timestamp_format),
    ROW(KEY_OF, PROPERTY_PATH, DECLARED, key_of),
    ROW(MAX_AHEAD, PROPERTY_DURATION, DECLARED, max_ahead),
    ROW(REQUIRED, PROPERTY_NAMES, DECLARED, required),
    ROW(DUPLICATES, PROPERTY_UPPER, PROPERTY_USE_STREAM, duplicates),
    ROW(WRAP_SINGLE_VALUE, PROPERTY_TRUTH, SOURCE, wrap_single_value),
    ROW(WINDOW_IN_KEY, PROPERTY_TRUTH, PROPERTY_USE_TABLE_RESULT, window_in_key),
    ROW(WINDOW_TYPE, PROPERTY_WINDOW, DECLARED, window),
    ROW(WINDOW_SIZE, PROPERTY_SIZE, DECLARED, window_size),
    ROW(SOURCED_BY_CONNECTOR, PROPERTY_STRING, DECLARED, connector),
    ROW(QUERY_ID, PROPERTY_UPPER, RESULT | PROPERTY_USE_INSERT, query_id),
};
#undef ROW

struct property_reader {
    const struct property_row *row;
    const struct property *property;
    struct arena *arena;
    struct properties *properties;
    struct error *error;
};

const struct property *property_of(const struct property_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].name.name.length == strlen(name) &&
            strncasecmp(list->items[i].name.name.data, name, strlen(name)) == 0)
            return &list->items[i];
    return NULL;
}

const char *property_text(enum property_name name) {
    return property_rows[name].name;
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static int property_refuse(const struct property_reader *reader, const char *expected) {
    return place_error(reader->error, reader->property->value->place, "%s must be %s", reader->row->name, expected);
}

static void *property_target(const struct property_reader *reader) {
    return (char *)reader->properties + reader->row->offset;
}

static int property_read_string(const struct property_reader *reader) {
    const struct expression *value = reader->property->value;
    if (value->kind != EXPRESSION_STRING || value->text.length == 0)
        return property_refuse(reader, "a string in single quotes that is not empty");
    *(struct slice *)property_target(reader) = value->text;
    return 0;
}

static int property_read_case(const struct property_reader *reader, int (*convert)(int)) {
    int status = property_read_string(reader);
    if (status < 0)
        return status;
    struct slice *target = property_target(reader), copy = arena_copy(reader->arena, *target);
    if (!copy.data)
        return error_no_memory(reader->error);
    for (size_t i = 0; i < copy.length; i++)
        ((char *)copy.data)[i] = (char)convert((unsigned char)copy.data[i]);
    *target = copy;
    return 0;
}

/* The name of a column inside a string: as an identifier counts. */
static int property_read_name(const struct property_reader *reader) {
    struct expression *node;
    int status = property_read_string(reader);
    if (status < 0)
        return status;
    struct lexer lexer = {.text = reader->property->value->text, .place = {.line = 1, .column = 1}};
    if (parser_lone_expression(&lexer, reader->arena, &node, NULL) < 0 || node->kind != EXPRESSION_COLUMN ||
        node->qualifier.data)
        return property_refuse(reader, "the name of a column, in backticks inside the string if it has small letters");
    *(struct slice *)property_target(reader) = node->name;
    return 0;
}

/* Names of columns inside a string, with points or commas between. */
static int property_read_names(const struct property_reader *reader, enum token_kind separator) {
    struct identifier *identifiers;
    size_t count;
    int status = property_read_string(reader);
    if (status < 0)
        return status;
    struct lexer lexer = {.text = reader->property->value->text, .place = {.line = 1, .column = 1}};
    if (parser_lone_names(&lexer, separator, reader->arena, &identifiers, &count, NULL) < 0)
        return property_refuse(reader, separator == TOKEN_COMMA
                                           ? "names of columns with commas between, in backticks inside the string "
                                             "where they have small letters"
                                           : "names of columns with points between, in backticks inside the string "
                                             "where they have small letters");
    struct slice *names = arena_allocate(reader->arena, count * sizeof *names);
    if (!names)
        return error_no_memory(reader->error);
    for (size_t i = 0; i < count; i++)
        names[i] = identifiers[i].name;
    *(struct property_names *)property_target(reader) = (struct property_names){names, count};
    return 0;
}

static int property_read_format(const struct property_reader *reader) {
    const struct expression *value = reader->property->value;
    enum format format = value->kind == EXPRESSION_STRING ? format_find(value->text) : FORMAT_UNSET;
    if (format == FORMAT_UNSET)
        return place_error(reader->error, value->place, "%s must be one of %s, in single quotes", reader->row->name,
                           format_choices());
    *(enum format *)property_target(reader) = format;
    return 0;
}

static int property_read_character(const struct property_reader *reader) {
    const struct expression *value = reader->property->value;
    char character = 0;
    if (value->kind == EXPRESSION_STRING && value->text.length == 5 && strncasecmp(value->text.data, "SPACE", 5) == 0)
        character = ' ';
    else if (value->kind == EXPRESSION_STRING && value->text.length == 3 &&
             strncasecmp(value->text.data, "TAB", 3) == 0)
        character = '\t';
    else if (value->kind == EXPRESSION_STRING && value->text.length == 1)
        character = value->text.data[0];
    if (character == 0 || character == '"' || character == '\n' || character == '\r')
        return property_refuse(reader, "one ASCII character, or SPACE or TAB, in single quotes");
    *(char *)property_target(reader) = character;
    return 0;
}

static int property_read_number(const struct property_reader *reader, int64_t minimum, const char *expected) {
    const struct expression *value = reader->property->value;
    int64_t number = value->integer;
    bool text = value->kind == EXPRESSION_STRING && number_read_integer(value->text, &number);
    if ((!text && value->kind != EXPRESSION_INTEGER) || number < minimum || (minimum > 0 && number > INT32_MAX))
        return property_refuse(reader, expected);
    *(int64_t *)property_target(reader) = number;
    return 0;
}

static int property_read_truth(const struct property_reader *reader) {
    const struct expression *value = reader->property->value;
    bool text = value->kind == EXPRESSION_STRING, yes = value->boolean;
    if (text && value->text.length == 4 && strncasecmp(value->text.data, "TRUE", 4) == 0)
        yes = true;
    else if (text && value->text.length == 5 && strncasecmp(value->text.data, "FALSE", 5) == 0)
        yes = false;
    else if (value->kind != EXPRESSION_BOOLEAN)
        return property_refuse(reader, "TRUE or FALSE");
    *(bool *)property_target(reader) = yes;
    return 0;
}

static int property_read_window(const struct property_reader *reader) {
    static const char *const names[] = {
        [WINDOW_NONE] = "", [WINDOW_TUMBLING] = "TUMBLING", [WINDOW_HOPPING] = "HOPPING", [WINDOW_SESSION] = "SESSION"};
    const struct expression *value = reader->property->value;
    for (size_t i = WINDOW_TUMBLING; value->kind == EXPRESSION_STRING && i < sizeof names / sizeof *names; i++)
        if (value->text.length == strlen(names[i]) &&
            strncasecmp(value->text.data, names[i], value->text.length) == 0) {
            *(enum window_kind *)property_target(reader) = (enum window_kind)i;
            return 0;
        }
    return property_refuse(reader, "'TUMBLING', 'HOPPING' or 'SESSION'");
}

static int property_read_duration(const struct property_reader *reader) {
    struct duration duration;
    const struct expression *value = reader->property->value;
    struct lexer lexer = {.text = value->text, .place = {.line = 1, .column = 1}};
    if (value->kind != EXPRESSION_STRING || parser_lone_duration(&lexer, reader->arena, &duration, NULL) < 0 ||
        duration.milliseconds == 0)
        return property_refuse(reader, "a number and a unit of time: '10 SECONDS'");
    *(int64_t *)property_target(reader) = duration.milliseconds;
    return 0;
}

static int property_read_size(const struct property_reader *reader) {
    const struct expression *value = reader->property->value;
    if (value->kind != EXPRESSION_STRING || !memchr(value->text.data, '@', value->text.length))
        return property_read_duration(reader);
    struct calendar *calendar = arena_allocate(reader->arena, sizeof *calendar);
    if (!calendar)
        return error_no_memory(reader->error);
    struct error reason;
    if (calendar_read(value->text, reader->arena, calendar, &reason))
        return place_error(reader->error, value->place, "%s", reason.message);
    reader->properties->window_calendar = calendar;
    *(int64_t *)property_target(reader) = calendar_longest(calendar);
    return 0;
}

static int property_read(const struct property_reader *reader) {
    switch (reader->row->type) {
    case PROPERTY_STRING:
        return property_read_string(reader);
    case PROPERTY_NAME:
        return property_read_name(reader);
    case PROPERTY_PATH:
        return property_read_names(reader, TOKEN_DOT);
    case PROPERTY_NAMES:
        return property_read_names(reader, TOKEN_COMMA);
    case PROPERTY_UPPER:
        return property_read_case(reader, toupper);
    case PROPERTY_LOWER:
        return property_read_case(reader, tolower);
    case PROPERTY_ENCODING:
        return property_read_format(reader);
    case PROPERTY_CHARACTER:
        return property_read_character(reader);
    case PROPERTY_POSITIVE:
        return property_read_number(reader, 1, "a whole number of at least 1");
    case PROPERTY_NUMBER:
        return property_read_number(reader, -1, "a whole number of at least -1");
    case PROPERTY_TRUTH:
        return property_read_truth(reader);
    case PROPERTY_WINDOW:
        return property_read_window(reader);
    case PROPERTY_DURATION:
        return property_read_duration(reader);
    case PROPERTY_SIZE:
        return property_read_size(reader);
    }
    return 0;
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct property_row *property_find(struct slice name) {
    for (size_t i = 0; i < PROPERTY_COUNT; i++)
        if (name.length == strlen(property_rows[i].name) &&
            strncasecmp(name.data, property_rows[i].name, name.length) == 0)
            return &property_rows[i];
    return NULL;
}

static int property_unknown(const struct identifier *name, enum property_use use, struct error *error) {
    const char *names[PROPERTY_COUNT];
    char upper[NAMES_SHOWN_MAXIMUM], suggestion[NAMES_SUGGESTION_SIZE];
    size_t count = 0, length = (size_t)names_shown(name->name);
    for (size_t i = 0; i < PROPERTY_COUNT; i++)
        if ((unsigned)property_rows[i].uses & use)
            names[count++] = property_rows[i].name;
    for (size_t i = 0; i < length; i++)
        upper[i] = (char)toupper((unsigned char)name->name.data[i]);
    return place_error(error, name->place, "there is no property %.*s%s", (int)length, name->name.data,
                       names_suggest(suggestion, (struct slice){upper, length}, names, count));
}

static const char *property_use_text(enum property_use use) {
    switch (use) {
    case PROPERTY_USE_STREAM:
        return "CREATE STREAM";
    case PROPERTY_USE_TABLE:
        return "CREATE TABLE";
    case PROPERTY_USE_STREAM_RESULT:
        return "CREATE STREAM AS SELECT";
    case PROPERTY_USE_TABLE_RESULT:
        return "CREATE TABLE AS SELECT";
    case PROPERTY_USE_INSERT:
        return "INSERT INTO .. SELECT";
    case PROPERTY_USE_TOPIC:
        break;
    }
    return "ASSERT TOPIC";
}

int properties_read(const struct property_list *list, enum property_use use, struct arena *arena,
                    struct properties *ret_properties, struct error *error) {
    struct properties properties = {.retention = -1};
    for (size_t i = 0; i < list->count; i++) {
        const struct property *property = &list->items[i];
        const struct property_row *row = property_find(property->name.name);
        if (!row)
            return property_unknown(&property->name, use, error);
        size_t at = (size_t)(row - property_rows);
        if (!((unsigned)row->uses & use))
            return place_error(error, property->name.place, "%s does not go with %s", row->name,
                               property_use_text(use));
        if (properties.given[at])
            return place_error(error, property->name.place, "%s is there twice", row->name);
        struct property_reader reader = {row, property, arena, &properties, error};
        int status = property_read(&reader);
        if (status < 0)
            return status;
        properties.given[at] = true;
        properties.places[at] = property->value->place;
    }
    *ret_properties = properties;
    return 0;
}
