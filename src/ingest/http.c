#include "ingest/http.h"

#include <stdio.h>
#include <strings.h>

#include "core/memory.h"
#include "ingest/http_request.h"

enum { AWAY_SECONDS = 5, SLOW_SECONDS = 1, SOURCE_MAXIMUM = 128 };

void ingest_http_init(struct ingest_http *ingest) {
    payload_pool_init(&ingest->readers);
}

void ingest_http_release(struct ingest_http *ingest) {
    payload_pool_release(&ingest->readers);
}

/* Who may, and is there a use in reading the body? */
static struct ingest_request *request_begin(struct http_exchange *exchange, enum ingest_dialect dialect) {
    struct ingest_http *ingest = exchange->server->context;
    struct ingest_request *request = arena_allocate(&exchange->arena, sizeof *request);
    if (!request) {
        http_answer_error(exchange, 503, "out of memory", SLOW_SECONDS);
        return NULL;
    }
    memset(request, 0, sizeof *request);
    request->exchange = exchange;
    request->ingest = ingest;
    request->dialect = dialect;
    request->payload.received = clock_wall(ingest->clock);
    exchange->state = request;
    if (!ingest_authorise(request))
        return NULL;
    if (committer_log_is_away(ingest->committer))
        http_answer_error(exchange, 503, "the log takes nothing now; nothing was stored", AWAY_SECONDS);
    else if (committer_waiting(ingest->committer) > ingest->wait_maximum)
        http_answer_error(exchange, 503, "the log is slow now; nothing was stored", SLOW_SECONDS);
    return exchange->answered ? NULL : request;
}

static bool parameter_is(struct slice query, const char *name, const char *value) {
    char text[32];
    size_t length;
    return http_query_parameter(query, name, text, sizeof text, &length) &&
           slice_equal((struct slice){text, length}, slice_of(value));
}

/* What was sent without its parameters: "text/csv; charset=utf-8". */
static struct slice media_type(struct slice value) {
    const char *semicolon = value.length ? memchr(value.data, ';', value.length) : NULL;
    size_t length = semicolon ? (size_t)(semicolon - value.data) : value.length;
    while (length && value.data[length - 1] == ' ')
        length--;
    return (struct slice){value.data, length};
}

static bool format_of(struct slice value, enum payload_format *ret_format) {
    static const struct {
        const char *type;
        enum payload_format format;
    } types[] = {{"application/json", PAYLOAD_JSON},          {"application/x-ndjson", PAYLOAD_NDJSON},
                 {"application/ndjson", PAYLOAD_NDJSON},      {"application/jsonl", PAYLOAD_NDJSON},
                 {"application/x-jsonlines", PAYLOAD_NDJSON}, {"text/csv", PAYLOAD_CSV},
                 {"application/x-dsmr-p1", PAYLOAD_DSMR}};
    struct slice type = media_type(value);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (type.length == strlen(types[i].type) && strncasecmp(type.data, types[i].type, type.length) == 0) {
            *ret_format = types[i].format;
            return true;
        }
    return false;
}

static void own_begin(struct http_exchange *exchange) {
    struct ingest_request *request = request_begin(exchange, DIALECT_OWN);
    if (!request)
        return;
    request->unwaited = parameter_is(exchange->head.query, "wait", "none");
    if (!format_of(http_head_field(&exchange->head, "content-type"), &request->payload.format))
        http_answer_error(exchange, 415,
                          "Content-Type says what the body is: application/json, application/x-ndjson, text/csv or "
                          "application/x-dsmr-p1",
                          0);
}

/* The unit of times, as three generations of InfluxDB call it; false: the request was answered. */
static bool read_precision(struct http_exchange *exchange, enum payload_precision *ret_precision) {
    static const struct {
        const char *name;
        enum payload_precision precision;
    } names[] = {{"ns", PAYLOAD_NANOSECONDS},
                 {"n", PAYLOAD_NANOSECONDS},
                 {"nanosecond", PAYLOAD_NANOSECONDS},
                 {"us", PAYLOAD_MICROSECONDS},
                 {"u", PAYLOAD_MICROSECONDS},
                 {"microsecond", PAYLOAD_MICROSECONDS},
                 {"ms", PAYLOAD_MILLISECONDS},
                 {"millisecond", PAYLOAD_MILLISECONDS},
                 {"s", PAYLOAD_SECONDS},
                 {"second", PAYLOAD_SECONDS},
                 {"auto", PAYLOAD_AUTO}};
    char text[16];
    size_t length;
    if (!http_query_parameter(exchange->head.query, "precision", text, sizeof text, &length))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal((struct slice){text, length}, slice_of(names[i].name))) {
            *ret_precision = names[i].precision;
            return true;
        }
    http_answer_error(exchange, 400, "precision must be ns, us, ms, s or auto", 0);
    return false;
}

static void influx_begin(struct http_exchange *exchange, enum ingest_dialect dialect) {
    struct ingest_request *request = request_begin(exchange, dialect);
    if (!request)
        return;
    request->payload.format = PAYLOAD_LINE_PROTOCOL;
    request->payload.precision = dialect == DIALECT_INFLUX3 ? PAYLOAD_AUTO : PAYLOAD_NANOSECONDS;
    read_precision(exchange, &request->payload.precision);
}

static void influx1_begin(struct http_exchange *exchange) {
    influx_begin(exchange, DIALECT_INFLUX1);
}

static void influx2_begin(struct http_exchange *exchange) {
    influx_begin(exchange, DIALECT_INFLUX2);
}

static void influx3_begin(struct http_exchange *exchange) {
    influx_begin(exchange, DIALECT_INFLUX3);
}

/* The device is who the token was made for. Where no token is needed, what stands in its place names the device. */
static void thingsboard_begin(struct http_exchange *exchange) {
    struct ingest_request *request = request_begin(exchange, DIALECT_THINGSBOARD);
    if (!request)
        return;
    request->payload.format = PAYLOAD_THINGSBOARD_DEVICE;
    request->payload.gateway = request->known ? slice_of(request->token.name) : exchange->parameter;
}

/* Many readings of a gateway come one after another. */
static bool may_write_all(struct ingest_request *request) {
    struct slice before = {0};
    for (size_t i = 0; i < request->result.count && request->known; i++) {
        struct slice gateway = request->result.readings[i].series.gateway;
        if (!slice_equal(gateway, before) && !token_allows_gateway(&request->token, gateway))
            return false;
        before = gateway;
    }
    return true;
}

static void request_answer(struct http_exchange *exchange) {
    struct ingest_request *request = exchange->state;
    const struct delivery *delivery = &request->delivery;
    if (exchange->answered)
        return; /* before the commit */
    if (!delivery->status)
        ingest_answer_committed(request);
    else if (delivery->status == ERROR_CONFLICT)
        http_answer_error(exchange, 422, delivery->error.message, 0);
    else
        http_answer_error(exchange, 503, "the log did not take the readings; send them again", AWAY_SECONDS);
}

static void delivery_done(struct delivery *delivery) {
    struct ingest_request *request =
        (struct ingest_request *)(void *)((char *)delivery - offsetof(struct ingest_request, delivery));
    http_exchange_return(request->exchange, request_answer);
}

/* "http 192.0.2.1 /write"; the path of a route, as that of a request may hold a token. */
static struct slice source_of(struct ingest_request *request) {
    static const char *const paths[] = {"/api/v1/readings", "/write", "/api/v2/write", "/api/v3/write_lp",
                                        "/api/v1/TOKEN/telemetry"};
    char host[NET_ADDRESS_SIZE], *text = arena_allocate(&request->exchange->arena, SOURCE_MAXIMUM);
    net_address_write_host(&request->exchange->peer, host);
    if (!text)
        return SLICE("http");
    int length = snprintf(text, SOURCE_MAXIMUM, "http %s %s", host, paths[request->dialect]);
    return (struct slice){text, (size_t)length};
}

/* What the sender calls the delivery, as one of the holder of its token: others may use the same word. False: it was
 * answered. */
static bool identity_of(struct ingest_request *request, struct slice *ret_identity) {
    struct http_exchange *exchange = request->exchange;
    struct slice key = http_head_field(&exchange->head, "idempotency-key");
    *ret_identity = (struct slice){0};
    if (key.length == 0)
        return true;
    size_t size = key.length + TOKEN_ID_LENGTH + 2;
    char *text = size <= DELIVERY_IDENTITY_MAXIMUM ? arena_allocate(&exchange->arena, size) : NULL;
    if (!text) {
        http_answer_error(exchange, 400, "Idempotency-Key is too long: 245 bytes are possible", 0);
        return false;
    }
    int length = snprintf(text, size, "%s/%.*s", request->token.id, (int)key.length, key.data);
    *ret_identity = (struct slice){text, (size_t)length};
    return true;
}

static void request_submit(struct ingest_request *request) {
    struct http_exchange *exchange = request->exchange;
    struct slice identity;
    if (!identity_of(request, &identity))
        return;
    request->delivery = (struct delivery){.readings = request->result.readings,
                                          .count = request->result.count,
                                          .rejections = request->result.rejections,
                                          .rejected = request->result.rejected,
                                          .identity = identity,
                                          .source = source_of(request),
                                          .received = request->payload.received,
                                          .done = delivery_done};
    http_exchange_lend(exchange);
    if (request->unwaited)
        http_answer(exchange, 202, NULL, SLICE(""));
    committer_submit(request->ingest->committer, &request->delivery);
}

static void request_handle(struct http_exchange *exchange) {
    struct ingest_request *request = exchange->state;
    struct error error = {0};
    request->payload.body = exchange->body;
    int status =
        payload_pool_read(&request->ingest->readers, &request->payload, &exchange->arena, &request->result, &error);
    http_exchange_charge(exchange, exchange->arena.given);
    if (status == ERROR_INVALID)
        http_answer_error(exchange, 413, error.message, 0);
    else if (status)
        http_answer_error(exchange, 503, "there is no room for the readings now", SLOW_SECONDS);
    else if (!may_write_all(request))
        http_answer_error(exchange, 403,
                          "the token may not write readings of one of these gateways; nothing was stored", 0);
    else if (request->result.count || request->result.rejected)
        request_submit(request);
    else
        ingest_answer_committed(request);
}

static void own_fail(struct http_exchange *exchange, int status, const char *reason) {
    ingest_answer_error(DIALECT_OWN, exchange, status, reason);
}

static void influx1_fail(struct http_exchange *exchange, int status, const char *reason) {
    ingest_answer_error(DIALECT_INFLUX1, exchange, status, reason);
}

static void influx2_fail(struct http_exchange *exchange, int status, const char *reason) {
    ingest_answer_error(DIALECT_INFLUX2, exchange, status, reason);
}

static void thingsboard_fail(struct http_exchange *exchange, int status, const char *reason) {
    ingest_answer_error(DIALECT_THINGSBOARD, exchange, status, reason);
}

static const struct http_handler own = {own_begin, request_handle, own_fail};
static const struct http_handler influx1 = {influx1_begin, request_handle, influx1_fail};
static const struct http_handler influx2 = {influx2_begin, request_handle, influx2_fail};
static const struct http_handler influx3 = {influx3_begin, request_handle, own_fail};
static const struct http_handler thingsboard = {thingsboard_begin, request_handle, thingsboard_fail};

const struct http_route ingest_http_routes[] = {
    {HTTP_POST, "/api/v1/readings", &own},
    {HTTP_POST, "/write", &influx1},
    {HTTP_POST, "/api/v2/write", &influx2},
    {HTTP_POST, "/api/v3/write_lp", &influx3},
    {HTTP_POST, "/api/v1/*/telemetry", &thingsboard},
    {HTTP_GET, "/ping", &ingest_ping},
    {HTTP_GET, "/health", &ingest_health},
    {HTTP_GET, "/livez", &ingest_livez},
    {HTTP_GET, "/readyz", &ingest_readyz},
    {HTTP_GET, "/metrics", &ingest_metrics},
    {0},
};
