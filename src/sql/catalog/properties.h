/* WITH (..) of statements about streams and tables: one table of the properties says what each is called, what it
 * holds and which statements know it. Names do not mind their case. Texts point into the statement's tree. */
#ifndef METERLINE_SQL_CATALOG_PROPERTIES_H
#define METERLINE_SQL_CATALOG_PROPERTIES_H

#include "codec/row/format.h"
#include "core/arena.h"
#include "core/error.h"
#include "sql/syntax/ast.h"

enum property_name {
    PROPERTY_KAFKA_TOPIC,
    PROPERTY_FORMAT,
    PROPERTY_KEY_FORMAT,
    PROPERTY_VALUE_FORMAT,
    PROPERTY_KEY_DELIMITER,
    PROPERTY_VALUE_DELIMITER,
    PROPERTY_KEY_SCHEMA_ID,
    PROPERTY_VALUE_SCHEMA_ID,
    PROPERTY_KEY_SCHEMA_FULL_NAME,
    PROPERTY_VALUE_SCHEMA_FULL_NAME,
    PROPERTY_VALUE_AVRO_SCHEMA_FULL_NAME,
    PROPERTY_PARTITIONS,
    PROPERTY_REPLICAS,
    PROPERTY_RETENTION_MS,
    PROPERTY_CLEANUP_POLICY,
    PROPERTY_TIMESTAMP,
    PROPERTY_TIMESTAMP_FORMAT,
    PROPERTY_KEY_OF,
    PROPERTY_MAX_AHEAD,
    PROPERTY_REQUIRED,
    PROPERTY_DUPLICATES,
    PROPERTY_WRAP_SINGLE_VALUE,
    PROPERTY_WINDOW_IN_KEY,
    PROPERTY_WINDOW_TYPE,
    PROPERTY_WINDOW_SIZE,
    PROPERTY_SOURCED_BY_CONNECTOR,
    PROPERTY_QUERY_ID,
    PROPERTY_COUNT,
};

/* Which statement the properties belong to; bits, for the table. */
enum property_use {
    PROPERTY_USE_STREAM = 1,        /* CREATE STREAM with columns */
    PROPERTY_USE_TABLE = 2,         /* CREATE TABLE with columns */
    PROPERTY_USE_STREAM_RESULT = 4, /* CREATE STREAM AS SELECT */
    PROPERTY_USE_TABLE_RESULT = 8,  /* CREATE TABLE AS SELECT */
    PROPERTY_USE_INSERT = 16,       /* INSERT INTO .. SELECT */
    PROPERTY_USE_TOPIC = 32,        /* ASSERT TOPIC */
};

/* Names of columns, as they count. */
struct property_names {
    const struct slice *names;
    size_t count;
};

struct properties {
    bool given[PROPERTY_COUNT];
    struct place places[PROPERTY_COUNT]; /* of the values given */
    struct slice topic;                  /* data NULL: not given; so are the other texts */
    enum format format, key_format, value_format;
    char key_delimiter, value_delimiter; /* 0: not given */
    int64_t key_schema_id, value_schema_id;
    struct slice key_schema_name, value_schema_name;
    int64_t partitions, replicas; /* 0: not given */
    int64_t retention;            /* ms; -1: not given, or for ever */
    struct slice cleanup_policy;  /* "compact", "delete" or both, in lower case */
    struct slice timestamp;       /* a column's name, as it counts */
    struct slice timestamp_format;
    struct property_names key_of, required; /* meterline's own, as the next */
    int64_t max_ahead;                      /* ms; 0: not given */
    struct slice duplicates;                /* as it was written */
    bool wrap_single_value;
    bool window_in_key; /* meterline's own: FALSE leaves the window out of a windowed result's key */
    enum window_kind window;
    int64_t window_size;                    /* ms; of a calendar the most that a window lasts */
    const struct calendar *window_calendar; /* WINDOW_SIZE = 'day@Europe/Athens'; NULL: a duration */
    struct slice connector;
    struct slice query_id; /* in upper case */
};

/* ERROR_INVALID with the place: unknown, given twice, not for this statement, of the wrong type, out of range. */
int properties_read(const struct property_list *list, enum property_use use, struct arena *arena,
                    struct properties *ret_properties, struct error *error);
/* The property of that name, in any case; NULL: it is not given. For statements whose properties have no table of
 * their own. */
const struct property *property_of(const struct property_list *list, const char *name);
const char *property_text(enum property_name name); /* "KAFKA_TOPIC" */

#endif
