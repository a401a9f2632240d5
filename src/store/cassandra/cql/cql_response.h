/* Decoding what a server sends (native_protocol_v4.spec, section 4.2). The decoder allocates nothing: a response is
 * a view into the frame's body, and every length in it has been checked when cql_response_decode returns, so walking
 * it afterwards cannot fail. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_RESPONSE_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_RESPONSE_H

#include "core/error.h"
#include "core/slice.h"
#include "store/cassandra/cql/cql_frame.h"
#include "store/cassandra/cql/cql_value.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    CQL_COLUMNS_MAXIMUM = 256, /* of a result; wider ones are refused */
    CQL_KEY_MAXIMUM = 16,      /* columns of a partition key */
};

enum cql_result {
    CQL_RESULT_VOID = 1,
    CQL_RESULT_ROWS = 2,
    CQL_RESULT_KEYSPACE = 3,
    CQL_RESULT_PREPARED = 4,
    CQL_RESULT_SCHEMA = 5
};

/* Types of columns (section 4.2.5.2), those that are looked at. */
enum cql_type {
    CQL_TYPE_CUSTOM = 0x00,
    CQL_TYPE_BIGINT = 0x02,
    CQL_TYPE_DOUBLE = 0x07,
    CQL_TYPE_TIMESTAMP = 0x0b,
    CQL_TYPE_VARCHAR = 0x0d,
    CQL_TYPE_LIST = 0x20,
    CQL_TYPE_MAP = 0x21,
    CQL_TYPE_SET = 0x22,
    CQL_TYPE_UDT = 0x30,
    CQL_TYPE_TUPLE = 0x31,
};

struct cql_column {
    struct slice keyspace, table, name;
    uint16_t type;
};

/* Column descriptions of a result or of bind markers; walked with cql_columns_next. */
struct cql_columns {
    uint32_t count;     /* columns of the result, also when they are not described */
    uint32_t described; /* 0 when the server left the description out */
    bool one_table;     /* keyspace and table are given once for all */
    struct slice keyspace, table;
    struct cql_reader reader;
    uint32_t read;
};

struct cql_rows {
    struct cql_columns columns;
    struct slice paging_state; /* data NULL: this was the last page */
    uint32_t count;
    struct cql_reader reader;
    uint32_t read;
};

struct cql_prepared {
    struct slice id;
    uint16_t key_count;            /* 0: not every column of the partition key has its marker */
    uint16_t key[CQL_KEY_MAXIMUM]; /* index of the bind marker for each column of the partition key */
    struct cql_columns markers, columns;
};

struct cql_server_error {
    int32_t code; /* section 9; cql_error.h has the table */
    struct slice text;
    uint16_t consistency; /* of unavailable, time-outs and failures */
    int32_t received, required, failures;
    struct slice write_type; /* "SIMPLE", "BATCH", ...; data NULL for reads */
    bool data_present;       /* of reads */
    struct slice unprepared_id;
};

struct cql_event {
    struct slice type;    /* "TOPOLOGY_CHANGE", "STATUS_CHANGE" or "SCHEMA_CHANGE" */
    struct slice change;  /* "UP", "NEW_NODE", "CREATED", ... */
    struct slice address; /* 4 or 16 bytes; data NULL for schema changes */
    int32_t port;
    struct slice target, keyspace; /* of schema changes */
};

struct cql_response {
    uint8_t opcode;
    int32_t kind;         /* of a RESULT: enum cql_result */
    struct slice warning; /* the first one, or data NULL */
    union {
        struct cql_server_error error;
        struct cql_rows rows;
        struct cql_prepared prepared;
        struct cql_event event;      /* also of a RESULT of kind CQL_RESULT_SCHEMA */
        struct slice authenticator;  /* class name */
        struct slice token;          /* of AUTH_CHALLENGE and AUTH_SUCCESS; data NULL: null */
        struct cql_reader supported; /* string multimap: cql_supports */
    };
};

/* `body` is the uncompressed body. ERROR_CORRUPT: damaged; ERROR_UNSUPPORTED: an opcode, kind or width that is not
 * read. */
int cql_response_decode(const struct cql_frame *frame, struct slice body, struct cql_response *ret_response,
                        struct error *error);

bool cql_columns_next(struct cql_columns *columns, struct cql_column *ret_column);
/* The next row into `cells`, which has room for columns.count of them (at most CQL_COLUMNS_MAXIMUM); false after
 * the last. */
bool cql_rows_next(struct cql_rows *rows, struct slice *cells);
/* Whether SUPPORTED lists `value` for `option` ("COMPRESSION", "lz4"). */
bool cql_supports(const struct cql_response *response, struct slice option, struct slice value);

#endif
