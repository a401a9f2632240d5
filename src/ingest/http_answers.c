/* Answers after the commit. Clients of InfluxDB drop a batch that was answered with 4xx: it stands for "what is good is
 * stored, what is not is in the topic of rejections", never for what could succeed later. */
#include <inttypes.h>

#include "codec/json/json.h"
#include "core/memory.h"
#include "ingest/http_request.h"

enum { ERRORS_SHOWN = 20, LINE_SHOWN = 200, HEADER_SHOWN = 200 };

static void answer_json(struct http_exchange *exchange, int status, const struct bytes *body) {
    http_answer(exchange, status, "application/json", bytes_slice(body));
}

/* X-Influxdb-Error, in what a header may hold. */
static void answer_error_header(struct http_exchange *exchange, const char *reason) {
    char text[HEADER_SHOWN + 1];
    size_t length = 0;
    for (; reason[length] && length < HEADER_SHOWN; length++)
        text[length] = reason[length] < 0x20 || reason[length] > 0x7e ? '?' : reason[length];
    text[length] = '\0';
    http_answer_header(exchange, "X-Influxdb-Error", text);
}

static const char *influx_code(int status) {
    switch (status) {
    case 401:
        return "unauthorized";
    case 403:
        return "forbidden";
    case 404:
        return "not found";
    case 413:
        return "request too large";
    case 422:
        return "unprocessable entity";
    case 409:
        return "conflict";
    case 429:
        return "too many requests";
    case 503:
        return "unavailable";
    default:
        return status >= 500 ? "internal error" : "invalid";
    }
}

void ingest_answer_error(enum ingest_dialect dialect, struct http_exchange *exchange, int status, const char *reason) {
    cleanup(bytes_release) struct bytes body = {0};
    struct slice text = slice_of(reason);
    if (dialect == DIALECT_INFLUX2) {
        bytes_append_format(&body, "{\"code\":\"%s\",\"message\":", influx_code(status));
    } else if (dialect == DIALECT_THINGSBOARD) {
        bytes_append_format(&body, "{\"status\":%d,\"message\":", status);
    } else {
        bytes_append_string(&body, "{\"error\":");
    }
    if (dialect == DIALECT_INFLUX1 || dialect == DIALECT_INFLUX2)
        answer_error_header(exchange, reason);
    json_write_string(&body, text);
    bytes_append_string(&body, "}\n");
    answer_json(exchange, status, &body);
}

/* {"accepted":97,"rejected":3,"duplicates":0,"errors":[{"line":7,"reason":".."}]} */
static void answer_own(struct ingest_request *request) {
    cleanup(bytes_release) struct bytes body = {0};
    const struct payload_result *result = &request->result;
    bytes_append_format(&body, "{\"accepted\":%zu,\"rejected\":%zu,\"duplicates\":%zu,\"errors\":[",
                        result->count - request->delivery.duplicates, result->rejected, request->delivery.duplicates);
    for (size_t i = 0; i < result->rejected && i < ERRORS_SHOWN; i++) {
        bytes_append_format(&body, "%s{\"line\":%u,\"reason\":", i ? "," : "", result->rejections[i].line);
        json_write_string(&body, slice_of(result->rejections[i].reason));
        bytes_append_char(&body, '}');
    }
    bytes_append_string(&body, "]}\n");
    answer_json(request->exchange, result->rejected && !result->count ? 422 : 200, &body);
}

/* {"error":"partial write of line protocol occurred","data":[{"original_line":..,"line_number":7,"error_message":..}]} */
static void answer_influx3(struct ingest_request *request) {
    cleanup(bytes_release) struct bytes body = {0};
    const struct payload_result *result = &request->result;
    bytes_append_string(&body, "{\"error\":\"partial write of line protocol occurred\",\"data\":[");
    for (size_t i = 0; i < result->rejected && i < ERRORS_SHOWN; i++) {
        struct slice line = result->rejections[i].text;
        line.length = line.length < LINE_SHOWN ? line.length : LINE_SHOWN;
        bytes_append_string(&body, i ? ",{\"original_line\":" : "{\"original_line\":");
        json_write_string(&body, line);
        bytes_append_format(&body, ",\"line_number\":%u,\"error_message\":", result->rejections[i].line);
        json_write_string(&body, slice_of(result->rejections[i].reason));
        bytes_append_char(&body, '}');
    }
    bytes_append_string(&body, "]}\n");
    answer_json(request->exchange, 400, &body);
}

static void answer_partial(struct ingest_request *request) {
    cleanup(bytes_release) struct bytes reason = {0};
    const struct payload_result *result = &request->result;
    bytes_append_format(&reason, "partial write: line %u: %s (%zu stored, %zu kept in %s-rejected)",
                        result->rejections[0].line, result->rejections[0].reason, result->count, result->rejected,
                        request->ingest->topic);
    bytes_append_char(&reason, '\0');
    ingest_answer_error(request->dialect, request->exchange, 400, reason.failed ? "partial write" : reason.data);
}

void ingest_answer_committed(struct ingest_request *request) {
    const struct payload_result *result = &request->result;
    if (request->dialect == DIALECT_OWN)
        answer_own(request);
    else if (request->dialect == DIALECT_THINGSBOARD && (!result->rejected || result->count))
        http_answer(request->exchange, 200, NULL, SLICE("")); /* a device can do nothing about a part */
    else if (!result->rejected)
        http_answer(request->exchange, 204, NULL, SLICE(""));
    else if (request->dialect == DIALECT_INFLUX3)
        answer_influx3(request);
    else
        answer_partial(request);
}
