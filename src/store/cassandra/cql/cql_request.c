/* Bodies are written from front to end; counts that are known only later are patched in. A mistake in the order of
 * calls is kept and reported when the request is finished. */
#include "store/cassandra/cql/cql_request.h"

#include <stdlib.h>

#include "store/cassandra/cql/cql_value.h"

enum { BATCH_UNLOGGED = 1, BATCH_PREPARED = 1, BODY_KEPT = 64 << 10 };
enum { QUERY_VALUES = 0x01, QUERY_PAGE_SIZE = 0x04, QUERY_PAGING_STATE = 0x08, QUERY_TIMESTAMP = 0x20 };

void cql_request_reset(struct cql_request *request) {
    struct bytes body = request->body, paging_state = request->paging_state;
    if (body.capacity > BODY_KEPT || body.failed)
        bytes_release(&body);
    if (paging_state.capacity > BODY_KEPT || paging_state.failed)
        bytes_release(&paging_state);
    body.length = paging_state.length = 0;
    *request = (struct cql_request){
        .body = body, .paging_state = paging_state, .consistency = CQL_LOCAL_QUORUM, .next_slot = request->next_slot};
}

void cql_request_release(struct cql_request *request) {
    bytes_release(&request->body);
    bytes_release(&request->paging_state);
}

static void request_mistake(struct cql_request *request, const char *mistake) {
    if (!request->mistake)
        request->mistake = mistake;
}

/* Room for a number that is not known yet. */
static size_t request_leave_short(struct cql_request *request) {
    size_t at = request->body.length;
    cql_write_short(&request->body, 0);
    return at;
}

static void request_patch_short(struct cql_request *request, size_t at, uint16_t value) {
    value = htobe16(value);
    if (!request->body.failed)
        memcpy(request->body.data + at, &value, sizeof value);
}

static void request_open_values(struct cql_request *request, const struct cql_statement *statement) {
    request->statement = statement;
    request->count_at = request_leave_short(request);
    request->bound = 0;
}

static void request_close_values(struct cql_request *request) {
    if (request->statement && request->bound != request->statement->marker_count)
        request_mistake(request, "not every bind marker has a value");
    request_patch_short(request, request->count_at, request->bound);
}

void cql_request_query(struct cql_request *request, struct slice text) {
    request->opcode = CQL_QUERY;
    cql_write_long_string(&request->body, text);
    request->head = request_leave_short(request);
    cql_write_byte(&request->body, 0);
    request_open_values(request, NULL);
}

void cql_request_execute(struct cql_request *request, const struct cql_statement *statement) {
    request->opcode = CQL_EXECUTE;
    cql_write_short_bytes(&request->body, statement->id);
    request->head = request_leave_short(request);
    cql_write_byte(&request->body, 0);
    request->key_count = statement->key_count;
    request_open_values(request, statement);
}

void cql_request_batch(struct cql_request *request) {
    request->opcode = CQL_BATCH;
    cql_write_byte(&request->body, BATCH_UNLOGGED);
    request->head = request_leave_short(request);
}

void cql_request_add(struct cql_request *request, const struct cql_statement *statement) {
    if (request->statements)
        request_close_values(request);
    else
        request->key_count = statement->key_count;
    if (request->statements == UINT16_MAX) {
        request_mistake(request, "a batch holds at most 65535 statements");
        return;
    }
    request->statements++;
    cql_write_byte(&request->body, BATCH_PREPARED);
    cql_write_short_bytes(&request->body, statement->id);
    request_open_values(request, statement);
}

void cql_request_prepare(struct cql_request *request, struct slice text) {
    request->opcode = CQL_PREPARE;
    cql_write_long_string(&request->body, text);
}

void cql_request_register(struct cql_request *request, const struct slice *events, uint16_t count) {
    request->opcode = CQL_REGISTER;
    cql_write_short(&request->body, count);
    for (uint16_t i = 0; i < count; i++)
        cql_write_string(&request->body, events[i]);
}

void cql_request_page(struct cql_request *request, struct slice paging_state) {
    request->paging_state.length = 0;
    bytes_append_slice(&request->paging_state, paging_state);
}

/* Before a value of `length` bytes is written: is there a marker for it, and is it part of the partition key? */
static bool request_bind(struct cql_request *request, size_t length) {
    const struct cql_statement *statement = request->statement;
    if (statement ? request->bound >= statement->marker_count
                  : request->opcode != CQL_QUERY || request->bound == UINT16_MAX) {
        request_mistake(request, "more values than bind markers");
        return false;
    }
    uint8_t position = statement && request->statements <= 1 ? statement->key_position[request->bound] : CQL_NOT_KEY;
    if (position < CQL_KEY_MAXIMUM) {
        request->key_at[position] = (uint32_t)request->body.length + 4;
        request->key_length[position] = (uint32_t)length;
        request->key_bound++;
    }
    request->bound++;
    return true;
}

void cql_bind_bytes(struct cql_request *request, struct slice value) {
    if (request_bind(request, value.length))
        cql_write_bytes(&request->body, value);
}

static void request_bind_fixed(struct cql_request *request, const void *big_endian, uint32_t length) {
    if (!request_bind(request, length))
        return;
    char *to = bytes_reserve(&request->body, 4 + length);
    if (!to)
        return;
    uint32_t wire = htobe32(length);
    memcpy(to, &wire, 4);
    memcpy(to + 4, big_endian, length);
    request->body.length += 4 + length;
}

void cql_bind_integer(struct cql_request *request, int32_t value) {
    uint32_t wire = htobe32((uint32_t)value);
    request_bind_fixed(request, &wire, sizeof wire);
}

void cql_bind_bigint(struct cql_request *request, int64_t value) {
    uint64_t wire = htobe64((uint64_t)value);
    request_bind_fixed(request, &wire, sizeof wire);
}

void cql_bind_double(struct cql_request *request, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = htobe64(bits);
    request_bind_fixed(request, &bits, sizeof bits);
}

static void request_finish_query(struct cql_request *request) {
    struct bytes *body = &request->body;
    uint8_t flags = QUERY_VALUES;
    request_close_values(request);
    if (request->page_size > 0) {
        flags |= QUERY_PAGE_SIZE;
        cql_write_int(body, request->page_size);
    }
    if (request->paging_state.length) {
        flags |= QUERY_PAGING_STATE;
        cql_write_bytes(body, bytes_slice(&request->paging_state));
    }
    if (request->timestamp > 0) {
        flags |= QUERY_TIMESTAMP;
        cql_write_long(body, request->timestamp);
    }
    request_patch_short(request, request->head, (uint16_t)request->consistency);
    if (!body->failed)
        body->data[request->head + 2] = (char)flags;
}

static void request_finish_batch(struct cql_request *request) {
    if (request->statements)
        request_close_values(request);
    else
        request_mistake(request, "a batch without statements");
    request_patch_short(request, request->head, request->statements);
    cql_write_short(&request->body, (uint16_t)request->consistency);
    cql_write_byte(&request->body, request->timestamp > 0 ? QUERY_TIMESTAMP : 0);
    if (request->timestamp > 0)
        cql_write_long(&request->body, request->timestamp);
}

int cql_request_finish(struct cql_request *request, struct error *error) {
    if (request->opcode == CQL_QUERY || request->opcode == CQL_EXECUTE)
        request_finish_query(request);
    else if (request->opcode == CQL_BATCH)
        request_finish_batch(request);
    if (request->mistake)
        return error_set(error, ERROR_INVALID, "a request to Cassandra is not complete: %s", request->mistake);
    if (request->body.length > CQL_BODY_MAXIMUM)
        return error_set(error, ERROR_INVALID, "a request to Cassandra has %zu bytes; at most %d are sent",
                         request->body.length, CQL_BODY_MAXIMUM);
    return request->body.failed || request->paging_state.failed ? error_no_memory(error) : 0;
}

/* One column: its value. Several: each as a short length, the value and a zero byte (Cassandra's CompositeType). */
struct slice cql_request_key(const struct cql_request *request, struct bytes *scratch) {
    if (!request->key_count || request->key_bound < request->key_count || request->body.failed)
        return (struct slice){NULL, 0};
    const char *body = request->body.data;
    if (request->key_count == 1)
        return (struct slice){body + request->key_at[0], request->key_length[0]};
    scratch->length = 0;
    for (uint16_t i = 0; i < request->key_count; i++) {
        cql_write_short_bytes(scratch, (struct slice){body + request->key_at[i], request->key_length[i]});
        cql_write_byte(scratch, 0);
    }
    return scratch->failed ? (struct slice){NULL, 0} : bytes_slice(scratch);
}

void cql_write_startup(struct bytes *to, bool lz4) {
    cql_write_short(to, lz4 ? 2 : 1);
    cql_write_string(to, SLICE("CQL_VERSION"));
    cql_write_string(to, SLICE("3.0.0"));
    if (lz4) {
        cql_write_string(to, SLICE("COMPRESSION"));
        cql_write_string(to, SLICE("lz4"));
    }
}

void cql_write_plain(struct bytes *to, struct slice user, struct slice password) {
    cql_write_int(to, (int32_t)(2 + user.length + password.length));
    cql_write_byte(to, 0);
    bytes_append_slice(to, user);
    cql_write_byte(to, 0);
    bytes_append_slice(to, password);
}
