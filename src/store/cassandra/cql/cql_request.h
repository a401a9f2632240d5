/* Requests (native_protocol_v4.spec, section 4.1): a slot that a caller fills with a statement and its values, and
 * that the client keeps until the answer is there, because it may have to be sent again. The body is encoded in
 * place as values are bound, in the order of the bind markers.
 *
 *     EXECUTE   id | consistency | flags | count | value ...  | page size, paging state, timestamp
 *     QUERY     text | consistency | flags | count | value ... | page size, paging state, timestamp
 *     BATCH     unlogged | statements | (prepared | id | count | value ...) ... | consistency | flags | timestamp
 *
 * Flags and counts are filled in when they are known. What goes wrong while binding is kept and comes out of
 * cql_request_finish. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_REQUEST_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_REQUEST_H

#include "core/bytes.h"
#include "core/error.h"
#include "store/cassandra/cql/cql_response.h"
#include <stdbool.h>
#include <stdint.h>

struct cql_request;

enum cql_consistency {
    CQL_ANY = 0,
    CQL_ONE = 1,
    CQL_TWO = 2,
    CQL_THREE = 3,
    CQL_QUORUM = 4,
    CQL_ALL = 5,
    CQL_LOCAL_QUORUM = 6,
    CQL_EACH_QUORUM = 7,
    CQL_LOCAL_ONE = 10,
};

/* A prepared statement; owned by the cluster that prepared it. */
struct cql_statement {
    struct cql_statement *next;
    struct slice text, id; /* owned */
    uint16_t marker_count, key_count;
    uint8_t key_position
        [CQL_COLUMNS_MAXIMUM]; /* for each marker: its column's place in the partition key, or CQL_NOT_KEY */
};

enum { CQL_NOT_KEY = 255 };

/* `response` on success, `error` otherwise; the other is NULL. Both, and all slices in them, live until the callback
 * returns. */
typedef void cql_callback(void *context, const struct cql_response *response, const struct error *error);

struct cql_request {
    /* what the caller sets between taking and submitting it */
    enum cql_consistency consistency;
    bool idempotent;   /* doing it twice is the same as once: it may be sent again when in doubt */
    int32_t page_size; /* rows of a page; 0: all at once */
    int64_t timestamp; /* microseconds, of the write; 0: the coordinator's clock */

    /* encoding */
    struct bytes body, paging_state;
    uint8_t opcode;
    const struct cql_statement *statement; /* the one whose values are bound now */
    size_t head, count_at;                 /* where consistency and the current count stand in the body */
    uint16_t bound, statements;
    uint32_t key_at[CQL_KEY_MAXIMUM],
        key_length[CQL_KEY_MAXIMUM]; /* partition key of the (first) statement, in the body */
    uint16_t key_count, key_bound;
    const char *mistake;

    /* on its way: the cluster's */
    struct cql_request *next, *previous; /* of the list of waiting requests, of free slots, or of PREPAREs under way */
    struct cql_request *next_slot;       /* of all slots */
    struct cql_request *hold;            /* waits for this PREPARE */
    uint8_t attempts, preparations;
    bool internal;  /* of the client itself: not counted in the bounds */
    size_t counted; /* bytes of it in the bounds */
    bool has_token;
    int64_t token;
    int64_t submitted, deadline, not_before; /* ns, monotonic */
    const void *tried;                       /* the node of the last attempt */
    cql_callback *callback;
    void *context;
};

void cql_request_reset(struct cql_request *request); /* keeps the buffers, when they are not large */
void cql_request_release(struct cql_request *request);

void cql_request_query(struct cql_request *request, struct slice text);
void cql_request_execute(struct cql_request *request, const struct cql_statement *statement);
void cql_request_batch(struct cql_request *request); /* unlogged; then for each row: add, bind */
void cql_request_add(struct cql_request *request, const struct cql_statement *statement);
void cql_request_prepare(struct cql_request *request, struct slice text);
void cql_request_register(struct cql_request *request, const struct slice *events, uint16_t count);
/* Goes on after the page that gave this state; copied. */
void cql_request_page(struct cql_request *request, struct slice paging_state);

void cql_bind_bytes(struct cql_request *request,
                    struct slice value); /* blob, text, or any encoded value; data NULL: null */
void cql_bind_integer(struct cql_request *request, int32_t value); /* int */
void cql_bind_bigint(struct cql_request *request, int64_t value);  /* bigint, timestamp (ms) */
void cql_bind_double(struct cql_request *request, double value);

/* Completes the body. ERROR_INVALID: values do not fit the markers; ERROR_NO_MEMORY. */
int cql_request_finish(struct cql_request *request, struct error *error);
/* The partition key as it is hashed, in `scratch` or the body; data NULL when the statement does not tell it. */
struct slice cql_request_key(const struct cql_request *request, struct bytes *scratch);

/* Bodies of the handshake. */
void cql_write_startup(struct bytes *to, bool lz4);
void cql_write_plain(struct bytes *to, struct slice user,
                     struct slice password); /* AUTH_RESPONSE with SASL PLAIN (RFC 4616) */

#endif
