/* One reading whose series is known from where it came: a number, or an object with value and timestamp (or ts), ISO-8601
 * or whole ms. */
#include "codec/json/json_scan.h"
#include "codec/json/json_span.h"
#include "codec/row/reason.h"
#include "core/number.h"
#include "ingest/payload_gather.h"
#include "model/time/time.h"

static struct slice value_trim(struct slice text) {
    while (text.length && (unsigned char)text.data[text.length - 1] <= ' ')
        text.length--;
    while (text.length && (unsigned char)text.data[0] <= ' ')
        text = (struct slice){text.data + 1, text.length - 1};
    return text;
}

static const char *value_read_time(struct slice object, struct arena *arena, struct payload_reading *reading) {
    struct slice time = json_span_member(object, "timestamp");
    if (!time.data)
        time = json_span_member(object, "ts");
    if (!time.data)
        return NULL;
    reading->own_time = true;
    if (number_read_integer(time, &reading->timestamp))
        return NULL;
    struct slice text = time.length < 2 || *time.data != '"' ? time : (struct slice){time.data + 1, time.length - 2};
    return time_read(text, &reading->timestamp) ? NULL : reason_timestamp(arena, "timestamp", text);
}

/* NULL, or why it is no reading. */
static const char *value_read(struct slice text, struct arena *arena, struct payload_reading *reading) {
    if (number_read_double(text, &reading->value))
        return NULL;
    struct json_scan scan = {.start = text.data, .at = text.data, .end = text.data + text.length, .arena = arena};
    if (text.length == 0 || *text.data != '{')
        return "neither a number nor a JSON object";
    if (!json_skip(&scan, 0) || (scan.at < scan.end && !json_unexpected(&scan)))
        return scan.reason;
    struct slice value = json_span_member(text, "value");
    if (!value.data)
        return "value is missing";
    if (!number_read_double(value, &reading->value))
        return "value is not a finite number";
    return value_read_time(text, arena, reading);
}

bool payload_read_value(struct payload_gather *gather) {
    const struct payload *payload = gather->payload;
    struct payload_line line = {payload->body, 1};
    struct payload_reading reading = {.series = {payload->gateway, payload->type, payload->attribute},
                                      .timestamp = payload->received};
    const char *reason = value_read(value_trim(payload->body), gather->arena, &reading);
    return reason ? payload_reject(gather, &line, reason) : payload_add(gather, &reading, &line);
}
