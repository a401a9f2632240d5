/* Sources: what a stream or table is, and the rules for defining one.
 *
 * A definition is made in an arena from CREATE with columns (`source_declare`) or from CREATE .. AS SELECT, whose
 * columns the analysis knows (`source_result`). Both check everything that can be known without a server; the
 * catalog then keeps a copy. */
#ifndef METERLINE_SQL_CATALOG_SOURCE_H
#define METERLINE_SQL_CATALOG_SOURCE_H

#include "codec/row/format.h"
#include "core/arena.h"
#include "core/error.h"
#include "model/type.h"
#include "sql/syntax/ast.h"

struct catalog;

struct source_column {
    struct slice name;
    const struct type *type;
    enum column_role role;
    struct slice header; /* of HEADER('name') */
    struct place place;  /* in the statement that made it, for messages */
};

struct source_encoding {
    enum format format;       /* of a key without columns: of the keys that are made of the source */
    char delimiter;           /* of DELIMITED */
    int64_t schema_id;        /* in the registry; 0: the newest of the topic's subject */
    struct slice schema_name; /* full name of the Avro record; data NULL: the default */
};

struct source {
    enum object_kind object; /* OBJECT_STREAM or OBJECT_TABLE */
    bool read_only;          /* CREATE SOURCE ..: no INSERT INTO, no DELETE TOPIC */
    bool result;             /* made by AS SELECT, else declared */
    struct slice name, topic;
    struct slice text;             /* the statement that made it */
    struct slice query;            /* of a result: id of the query that fills it, once the catalog has it */
    struct source_column *columns; /* in the order of declaration */
    size_t column_count;
    struct source_encoding key, value;
    bool preset;  /* settings, and not its text alone, have said its formats */
    bool wrapped; /* a lone value column is a field of a record: always, unless WRAP_SINGLE_VALUE=false */
    int64_t partitions, replicas; /* 0: as the topic has, or the defaults */
    int64_t retention;            /* ms; -1: not given */
    struct slice cleanup_policy;  /* data NULL: not given */
    struct slice timestamp;       /* column that ROWTIME comes from; data NULL: the record's own timestamp */
    struct slice timestamp_format;
    /* names of columns. The key is those of `key_of` with points between; every row has those of `required` */
    struct slice *key_of, *required;
    size_t key_of_count, required_count;
    int64_t max_ahead;       /* ms that the event time may be ahead of the clock at which the log took it; 0: any */
    bool drop_duplicates;    /* rows that have come before do not count in windows */
    enum window_kind window; /* of a windowed key */
    int64_t window_size;     /* ms; 0 for a session; of a calendar the most that a window lasts */
    const struct calendar *window_calendar; /* NULL: windows of a fixed size */
};

enum { SOURCE_PREFIX_SIZE = 250 };

/* Which of the defaults a statement has come to depend on. */
struct source_notes {
    bool key, value, wrapping, prefix;
};

/* Settings of the session for what WITH leaves out. */
struct source_defaults {
    enum format key, value;                /* FORMAT_UNSET: KAFKA; none */
    bool wrapped;                          /* a lone value column, where the format knows both forms */
    char topic_prefix[SOURCE_PREFIX_SIZE]; /* of results */
    struct source_notes *notes;            /* NULL: not wanted */
};

/* From CREATE with columns or none. When it has no value columns and its value format is AVRO, `inferred` are those
 * of its schema in the registry (source_wants_schema says so; NULL: ERROR_INVALID that asks for columns or a
 * registry). `text` is the statement's. */
int source_declare(const struct create_statement *create, struct slice text, const struct catalog *catalog,
                   const struct source_defaults *defaults, const struct source_column *inferred, size_t inferred_count,
                   struct arena *arena, struct source *ret_source, struct error *error);
/* Must value columns come from the registry? */
bool source_wants_schema(const struct create_statement *create, const struct source_defaults *defaults);
/* From CREATE .. AS SELECT with the result's columns; formats and partitions that are not given are those of
 * `input`, the FROM source. */
int source_result(const struct create_statement *create, struct slice text, const struct source *input,
                  const struct source_defaults *defaults, const struct source_column *columns, size_t column_count,
                  struct arena *arena, struct source *ret_source, struct error *error);

bool source_is_key(const struct source_column *column);   /* KEY or PRIMARY KEY */
bool source_is_value(const struct source_column *column); /* neither key nor header */
size_t source_key_count(const struct source *source);
const struct source_column *source_column(const struct source *source, struct slice name); /* NULL: there is none */
/* ROWTIME, ROWPARTITION, ROWOFFSET, WINDOWSTART, WINDOWEND: columns that every source, or every windowed one, has. */
bool source_is_system_column(struct slice name);
/* "stream" or "table" */
const char *source_kind(const struct source *source);
/* A copy that depends on nothing but `arena`. */
int source_copy(const struct source *source, struct arena *arena, struct source *ret_copy, struct error *error);

/* What follows are parts of the rules, in source_check.c and source_rules.c. */
struct properties;
int source_check(const struct source *source, struct place name_place, const struct place format_places[2],
                 struct error *error);
/* KEY_OF, MAX_AHEAD, REQUIRED and DUPLICATES. */
int source_set_rules(const struct properties *properties, struct source *source, struct arena *arena,
                     struct error *error);

#endif
