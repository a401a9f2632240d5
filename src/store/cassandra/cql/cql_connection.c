/* The state machine of cql_connection.h: connection_advance makes the transitions, everything else notes what has
 * happened. Stream ids are taken from a list of free ones. */
#include "store/cassandra/cql/cql_connection.h"

#include <poll.h>
#include <stdlib.h>

#include "core/memory.h"
#include "store/cassandra/cql/cql_error.h"
#include "store/cassandra/cql/cql_lz4.h"
#include "store/cassandra/cql/cql_transport.h"
#include "store/cassandra/cql/cql_value.h"

enum {
    OUTPUT_EAGER = 64 << 10, /* bytes that are sent without waiting for more */
    BUFFER_KEPT = 1 << 20,   /* larger input buffers are given back after use */
    COMPRESS_MINIMUM = 512,  /* smaller bodies are not worth it */
};

enum connection_state { CONNECTING, SECURING, ASKING, STARTING, AUTHENTICATING, READY, FAILED };
enum connection_happening { CONNECTION_CONNECTED, CONNECTION_SECURED, CONNECTION_ANSWER, CONNECTION_FAULT };

struct cql_connection {
    const struct cql_connection_settings *settings;
    const struct cql_connection_owner *owner;
    enum connection_state state;
    struct cql_transport transport;
    bool lz4;              /* agreed on */
    struct bytes expanded; /* an uncompressed body */
    char node[CQL_ADDRESS_TEXT];
    struct error error;                     /* of FAILED */
    int64_t handshake_deadline, last_heard; /* ns */

    struct cql_request *streams[CQL_STREAMS_MAXIMUM]; /* NULL: free, or left behind */
    bool left_behind[CQL_STREAMS_MAXIMUM];            /* timed out; its answer may still come */
    int16_t free_streams[CQL_STREAMS_MAXIMUM];
    size_t free_count, left_behind_count;
};

static void connection_advance(struct cql_connection *connection, enum connection_happening happening,
                               const struct cql_response *response);

bool cql_connection_ready(const struct cql_connection *connection) {
    return connection->state == READY;
}

const struct error *cql_connection_failed(const struct cql_connection *connection) {
    return connection->state == FAILED ? &connection->error : NULL;
}

size_t cql_connection_in_flight(const struct cql_connection *connection) {
    return CQL_STREAMS_MAXIMUM - connection->free_count;
}

const char *cql_connection_node(const struct cql_connection *connection) {
    return connection->node;
}

int cql_connection_socket(const struct cql_connection *connection) {
    return connection->transport.socket;
}

bool cql_connection_has_room(const struct cql_connection *connection) {
    return connection->state == READY && connection->free_count &&
           cql_transport_waiting(&connection->transport) < connection->settings->output_maximum;
}

short cql_connection_interest(const struct cql_connection *connection) {
    bool writes = connection->state == CONNECTING || cql_transport_waiting(&connection->transport);
    return (short)(POLLIN | (writes ? POLLOUT : 0));
}

/* connection->error has been filled; the first one stays. */
static void connection_fail(struct cql_connection *connection) {
    error_wrap(&connection->error, "Cassandra at %s", connection->node);
    connection_advance(connection, CONNECTION_FAULT, NULL);
}

static void connection_lost(struct cql_connection *connection, const char *what) {
    error_set(&connection->error, ERROR_IO, "%s", what);
    connection->error.retriable = true;
    connection_fail(connection);
}

static void connection_corrupt(struct cql_connection *connection, const char *what, int stream) {
    error_set(&connection->error, ERROR_CORRUPT, "the server sent %s on stream %d", what, stream);
    connection->error.retriable = true; /* a new connection may do */
    connection_fail(connection);
}

/* ---- sending ---- */

/* A frame after those that wait: its header is written when the body's length is known. False: no memory; the
 * connection has failed. */
static bool connection_append(struct cql_connection *connection, uint8_t opcode, int16_t stream, struct slice body) {
    struct bytes *to = cql_transport_output(&connection->transport);
    struct cql_frame frame = {.opcode = opcode, .stream = stream};
    size_t start = to->length;
    if (bytes_reserve(to, CQL_FRAME_HEADER + body.length)) {
        to->length += CQL_FRAME_HEADER;
        if (connection->lz4 && body.length >= COMPRESS_MINIMUM && cql_lz4_compress(body, to))
            frame.flags = CQL_FLAG_COMPRESSED;
        else
            bytes_append_slice(to, body);
    }
    if (to->failed) {
        error_no_memory(&connection->error);
        connection_fail(connection);
        return false;
    }
    frame.length = (uint32_t)(to->length - start - CQL_FRAME_HEADER);
    cql_frame_encode(to->data + start, &frame);
    return true;
}

void cql_connection_flush(struct cql_connection *connection) {
    if (connection->state != CONNECTING && connection->state != FAILED &&
        cql_transport_flush(&connection->transport, &connection->error))
        connection_fail(connection);
}

bool cql_connection_send(struct cql_connection *connection, struct cql_request *request) {
    int16_t stream = connection->free_streams[connection->free_count - 1];
    if (!connection_append(connection, request->opcode, stream, bytes_slice(&request->body)))
        return false;
    connection->free_count--;
    connection->streams[stream] = request;
    if (cql_transport_waiting(&connection->transport) >= OUTPUT_EAGER)
        cql_connection_flush(connection);
    return true;
}

/* ---- the handshake ---- */

static bool connection_start(struct cql_connection *connection, const struct cql_response *supported) {
    bool lz4 = connection->settings->lz4 && cql_supports(supported, SLICE("COMPRESSION"), SLICE("lz4"));
    cleanup(bytes_release) struct bytes body = {0};
    cql_write_startup(&body, lz4);
    if (body.failed) {
        error_no_memory(&connection->error);
        connection_fail(connection);
        return false;
    }
    if (!connection_append(connection, CQL_STARTUP, 0, bytes_slice(&body))) /* itself never compressed */
        return false;
    connection->lz4 = lz4;
    return true;
}

/* PLAIN is what PasswordAuthenticator takes, and authenticators whose names say that they take passwords as it does. */
static int connection_check_authenticator(struct cql_connection *connection, struct slice name) {
    if (!connection->settings->user.data)
        return error_set(&connection->error, ERROR_INVALID,
                         "the server asks for a user and a password; write user:password@ before the host");
    if (memmem(name.data, name.length, "Password", 8))
        return 0;
    return error_set(
        &connection->error, ERROR_UNSUPPORTED,
        "the server asks for authentication by %.*s; only PasswordAuthenticator and the like are supported",
        (int)(name.length < 200 ? name.length : 200), name.data);
}

static bool connection_authenticate(struct cql_connection *connection, struct slice authenticator) {
    const struct cql_connection_settings *settings = connection->settings;
    if (connection_check_authenticator(connection, authenticator)) {
        connection_fail(connection);
        return false;
    }
    struct bytes body = {0};
    bytes_reserve(&body,
                  16 + settings->user.length + settings->password.length); /* once, so that no copy is left behind */
    cql_write_plain(&body, settings->user, settings->password);
    bool sent = !body.failed && connection_append(connection, CQL_AUTH_RESPONSE, 0, bytes_slice(&body));
    if (body.failed) {
        error_no_memory(&connection->error);
        connection_fail(connection);
    }
    if (body.data)
        explicit_bzero(body.data, body.capacity);
    bytes_release(&body);
    return sent;
}

static void connection_refused(struct cql_connection *connection, const struct cql_response *response) {
    if (response->opcode == CQL_ERROR)
        cql_error_set(&connection->error, "refused", &response->error);
    else
        error_set(&connection->error, ERROR_UNSUPPORTED, "the server answered the handshake with opcode 0x%02x",
                  response->opcode);
    connection_fail(connection);
}

/* The transitions. `response` belongs to CONNECTION_ANSWER only. What is sent on the way and fails has led to FAILED
 * already. */
static void connection_advance(struct cql_connection *connection, enum connection_happening happening,
                               const struct cql_response *response) {
    enum connection_state state = connection->state;
    if (state == FAILED || happening == CONNECTION_FAULT) {
        connection->state = FAILED;
    } else if (state == CONNECTING && happening == CONNECTION_CONNECTED && connection->transport.tls) {
        connection->state = SECURING;
    } else if (happening == CONNECTION_CONNECTED || happening == CONNECTION_SECURED) {
        if (connection_append(connection, CQL_OPTIONS, 0, SLICE("")))
            connection->state = ASKING;
    } else if (state == ASKING && response->opcode == CQL_SUPPORTED) {
        if (connection_start(connection, response))
            connection->state = STARTING;
    } else if (state == STARTING && response->opcode == CQL_AUTHENTICATE) {
        if (connection_authenticate(connection, response->authenticator))
            connection->state = AUTHENTICATING;
    } else if (state == STARTING && response->opcode == CQL_READY) {
        connection->state = READY;
    } else if (state == AUTHENTICATING && response->opcode == CQL_AUTH_SUCCESS) {
        cql_transport_wipe(&connection->transport); /* the password went through */
        connection->state = READY;
    } else {
        connection_refused(connection, response);
    }
}

/* ---- receiving ---- */

/* An answer to a request: its stream id is free again before the owner hears of it. */
static void connection_answer(struct cql_connection *connection, int16_t stream, const struct cql_response *response) {
    struct cql_request *request = stream < CQL_STREAMS_MAXIMUM ? connection->streams[stream] : NULL;
    if (!request && (stream >= CQL_STREAMS_MAXIMUM || !connection->left_behind[stream])) {
        connection_corrupt(connection, "an answer to nothing", stream);
        return;
    }
    connection->streams[stream] = NULL;
    connection->free_streams[connection->free_count++] = stream;
    if (request) {
        connection->owner->answered(connection->owner->context, connection, request, response);
    } else {
        connection->left_behind[stream] = false;
        connection->left_behind_count--;
    }
}

static void connection_dispatch(struct cql_connection *connection, int16_t stream,
                                const struct cql_response *response) {
    if (stream < 0 && response->opcode == CQL_EVENT && connection->state == READY)
        connection->owner->event(connection->owner->context, &response->event);
    else if (stream < 0 && response->opcode == CQL_ERROR) /* about the connection as a whole */
        connection_refused(connection, response);
    else if (stream < 0 || (connection->state != READY && stream != 0))
        connection_corrupt(connection, "what was not asked for", stream);
    else if (connection->state == READY)
        connection_answer(connection, stream, response);
    else
        connection_advance(connection, CONNECTION_ANSWER, response);
}

static int connection_check_version(const struct cql_frame *frame, struct slice body, struct error *error) {
    if (frame->version == CQL_VERSION)
        return 0;
    struct cql_response response;
    bool told = frame->opcode == CQL_ERROR && !(frame->flags & CQL_FLAG_COMPRESSED) &&
                cql_response_decode(frame, body, &response, NULL) == 0;
    struct slice text = told ? response.error.text : (struct slice){"", 0};
    return error_set(
        error, ERROR_UNSUPPORTED,
        "the server speaks version %u of the CQL native protocol; version 4 is needed (Cassandra 2.2 to 5)%s%.*s",
        frame->version, told ? ": " : "", (int)(text.length < 300 ? text.length : 300), text.data);
}

static int connection_expand(struct cql_connection *connection, struct slice *body) {
    if (!connection->lz4)
        return error_set(&connection->error, ERROR_CORRUPT,
                         "the server sent a compressed frame, which was not agreed on");
    int status = cql_lz4_expand(*body, CQL_BODY_MAXIMUM, &connection->expanded, &connection->error);
    if (!status)
        *body = bytes_slice(&connection->expanded);
    return status;
}

static void connection_frame(struct cql_connection *connection, const struct cql_frame *frame, struct slice body) {
    struct cql_response response;
    int status = connection_check_version(frame, body, &connection->error);
    if (!status && frame->flags & CQL_FLAG_COMPRESSED)
        status = connection_expand(connection, &body);
    if (!status)
        status = cql_response_decode(frame, body, &response, &connection->error);
    if (status)
        connection_fail(connection);
    else
        connection_dispatch(connection, frame->stream, &response);
    if (connection->expanded.capacity > BUFFER_KEPT)
        bytes_release(&connection->expanded);
}

/* All complete frames; what is left moves to the front. Callbacks may send, but nothing reads in between. */
static void connection_frames(struct cql_connection *connection) {
    struct bytes *input = &connection->transport.input;
    size_t at = 0;
    while (connection->state != FAILED && input->length - at >= CQL_FRAME_HEADER) {
        struct cql_frame frame;
        const char *from = input->data + at;
        if (cql_frame_decode(from, &frame, &connection->error)) {
            connection_fail(connection);
            return;
        }
        if (input->length - at - CQL_FRAME_HEADER < frame.length)
            break;
        connection_frame(connection, &frame, (struct slice){from + CQL_FRAME_HEADER, frame.length});
        at += CQL_FRAME_HEADER + frame.length;
    }
    input->length -= at;
    if (at && input->length)
        memmove(input->data, input->data + at, input->length);
    if (!input->length && input->capacity > BUFFER_KEPT)
        bytes_release(input);
}

/* One recv: when there is more, poll says so at once, and the other connections have their turn. Frames that came
 * before the end are heard. */
static void connection_read(struct cql_connection *connection) {
    struct cql_transport *transport = &connection->transport;
    bool closed = false;
    if (cql_transport_receive(transport, &closed, &connection->error)) {
        connection_fail(connection);
        return;
    }
    connection->last_heard = clock_monotonic_ns(connection->settings->clock);
    if (connection->state == SECURING && transport->secured)
        connection_advance(connection, CONNECTION_SECURED, NULL);
    connection_frames(connection);
    if (closed && connection->state != FAILED)
        connection_lost(connection, "the server closed the connection");
}

void cql_connection_service(struct cql_connection *connection, short happened) {
    if (connection->state == FAILED)
        return;
    if (connection->state != CONNECTING && happened & (POLLIN | POLLHUP | POLLERR))
        connection_read(connection);
    else if (connection->state == CONNECTING && happened &&
             cql_transport_connected(&connection->transport, &connection->error))
        connection_fail(connection);
    else if (connection->state == CONNECTING && happened)
        connection_advance(connection, CONNECTION_CONNECTED, NULL);
    cql_connection_flush(connection);
}

/* ---- time and the end ---- */

static bool connection_is_silent(const struct cql_connection *connection, int64_t now) {
    return now - connection->last_heard >= connection->settings->request_timeout ||
           connection->left_behind_count > CQL_STREAMS_MAXIMUM / 2;
}

struct cql_request *cql_connection_expire(struct cql_connection *connection, int64_t now) {
    if (connection->state != READY) {
        if (connection->state != FAILED && now >= connection->handshake_deadline)
            connection_lost(connection, "the server did not answer in time while connecting");
        return NULL;
    }
    for (int16_t stream = 0; stream < CQL_STREAMS_MAXIMUM && cql_connection_in_flight(connection); stream++) {
        struct cql_request *request = connection->streams[stream];
        if (!request || now < request->deadline)
            continue;
        if (connection_is_silent(connection, now)) {
            connection_lost(connection, "the server has not answered for the time of a request");
            return NULL;
        }
        connection->streams[stream] = NULL;
        connection->left_behind[stream] = true;
        connection->left_behind_count++;
        return request;
    }
    return NULL;
}

void cql_connection_retire(struct cql_connection *connection, int code, const char *reason) {
    if (connection->state == FAILED)
        return;
    error_set(&connection->error, code, "%s", reason);
    connection->error.retriable = true;
    connection_fail(connection);
}

struct cql_request *cql_connection_reclaim(struct cql_connection *connection) {
    for (int16_t stream = 0; stream < CQL_STREAMS_MAXIMUM && connection->state == FAILED; stream++) {
        struct cql_request *request = connection->streams[stream];
        connection->streams[stream] = NULL;
        if (request)
            return request;
    }
    return NULL;
}

int cql_connection_open(const struct cql_connection_settings *settings, const struct cql_connection_owner *owner,
                        const struct cql_address *address, const char *host, struct cql_connection **ret_connection,
                        struct error *error) {
    struct cql_connection *connection = memory_zero(1, sizeof *connection);
    if (!connection)
        return error_no_memory(error);
    connection->settings = settings;
    connection->owner = owner;
    connection->last_heard = clock_monotonic_ns(settings->clock);
    connection->handshake_deadline = connection->last_heard + settings->connect_timeout;
    for (int16_t stream = CQL_STREAMS_MAXIMUM - 1; stream >= 0; stream--)
        connection->free_streams[connection->free_count++] = stream;
    cql_address_write(address, connection->node);
    int status = cql_transport_open(&connection->transport, address, settings->tls, host, error);
    if (status) {
        status = error_wrap(error, "Cassandra at %s", connection->node);
        free(connection);
        return status;
    }
    *ret_connection = connection;
    return 0;
}

struct cql_connection *cql_connection_close(struct cql_connection *connection) {
    if (!connection)
        return NULL;
    cql_transport_close(&connection->transport);
    bytes_release(&connection->expanded);
    free(connection);
    return NULL;
}
