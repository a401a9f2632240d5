/* The formats by name, and what they share: lines, names, times, and the two lists that grow in the arena. */
#include "ingest/payload.h"

#include <math.h>

#include "codec/row/reason.h"
#include "core/memory.h"
#include "core/text.h"
#include "ingest/payload_gather.h"
#include "model/time/time.h"

const struct payload_limits payload_limits_default = {.earliest = INT64_C(946684800000), .ahead = INT64_C(86400000)};

/* --- what is found
 * ------------------------------------------------------------------------------------------------------------------ */

/* So that a body of line ends cannot become many times as much in memory. */
static bool payload_has_memory(struct payload_gather *gather) {
    size_t limit = PAYLOAD_MEMORY_FREE + PAYLOAD_MEMORY_TIMES * gather->payload->body.length;
    gather->too_much = gather->arena->given > limit;
    return !gather->too_much;
}

/* Room for one more in an array in the arena; the old one stays behind in it until it is reset. */
static void *payload_grow(struct arena *arena, void *array, size_t count, size_t *room, size_t size) {
    if (count < *room)
        return array;
    size_t more = *room ? *room * 2 : 64;
    void *grown = more > SIZE_MAX / size ? NULL : arena_allocate(arena, more * size);
    if (!grown)
        return NULL;
    if (count)
        memcpy(grown, array, count * size);
    *room = more;
    return grown;
}

bool payload_reject(struct payload_gather *gather, const struct payload_line *line, const char *reason) {
    struct payload_result *result = &gather->result;
    struct payload_rejection *rejections =
        payload_grow(gather->arena, result->rejections, result->rejected, &gather->rejection_room, sizeof *rejections);
    if (!rejections || !payload_has_memory(gather))
        return false;
    result->rejections = rejections;
    rejections[result->rejected++] = (struct payload_rejection){line->number, reason, line->text};
    return true;
}

const char *payload_name_reason(struct arena *arena, const char *what, struct slice name) {
    if (name.length - 1 < PAYLOAD_NAME_MAXIMUM && text_without_controls(name) && (text_ascii(name) || utf8_valid(name)))
        return NULL;
    if (name.length == 0)
        return reason_format(arena, "%s is empty", what);
    if (name.length > PAYLOAD_NAME_MAXIMUM)
        return reason_format(arena, "%s has %zu bytes; at most %d are possible", what, name.length,
                             PAYLOAD_NAME_MAXIMUM);
    return reason_format(arena, text_without_controls(name) ? "%s is not UTF-8" : "%s has control characters", what);
}

const char *payload_time_reason(const struct payload_gather *gather, int64_t timestamp) {
    if (timestamp >= gather->earliest && timestamp <= gather->latest)
        return NULL;
    if (timestamp < TIME_MINIMUM || timestamp > TIME_MAXIMUM)
        return reason_range(gather->arena, "timestamp", timestamp);
    char text[TIME_TEXT_SIZE], limit[TIME_TEXT_SIZE];
    bool early = timestamp < gather->earliest;
    int length = (int)time_write(text, timestamp);
    int limit_length = (int)time_write(limit, early ? gather->earliest : gather->latest);
    return reason_format(gather->arena, "timestamp %.*s is %s than %.*s: the clock that it was made by is wrong",
                         length, text, early ? "earlier" : "later", limit_length, limit);
}

static const char *payload_series_reason(struct arena *arena, const struct series *series) {
    const char *reason = payload_name_reason(arena, "gateway", series->gateway);
    if (!reason)
        reason = payload_name_reason(arena, "metricType", series->type);
    return reason ? reason : payload_name_reason(arena, "metricAttribute", series->attribute);
}

bool payload_add(struct payload_gather *gather, const struct payload_reading *reading,
                 const struct payload_line *line) {
    struct payload_result *result = &gather->result;
    const char *reason = isfinite(reading->value) ? NULL : "value is not a finite number";
    if (!reason)
        reason = payload_time_reason(gather, reading->timestamp);
    if (!reason)
        reason = payload_series_reason(gather->arena, &reading->series);
    if (reason)
        return payload_reject(gather, line, reason);
    struct payload_reading *readings =
        payload_grow(gather->arena, result->readings, result->count, &gather->reading_room, sizeof *readings);
    if (!readings || !payload_has_memory(gather))
        return false;
    result->readings = readings;
    readings[result->count] = *reading;
    readings[result->count++].line = line->number;
    return true;
}

/* --- lines
 * ------------------------------------------------------------------------------------------------------------------ */

static bool payload_is_blank(struct slice line) {
    for (size_t i = 0; i < line.length; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t')
            return false;
    return true;
}

int payload_next_line(struct payload_gather *gather, struct slice *rest, struct payload_line *line) {
    while (rest->length > 0) {
        const char *end = memchr(rest->data, '\n', rest->length);
        size_t length = end ? (size_t)(end - rest->data) : rest->length, passed = length + (end != NULL);
        line->text = (struct slice){rest->data, length};
        line->number++;
        rest->data += passed;
        rest->length -= passed;
        if (length > 0 && line->text.data[length - 1] == '\r')
            line->text.length--;
        if (payload_is_blank(line->text))
            continue;
        if (line->text.length <= PAYLOAD_LINE_MAXIMUM)
            return 1;
        if (!payload_reject(gather, line,
                            reason_format(gather->arena, "the line has %zu bytes; at most %d are possible",
                                          line->text.length, PAYLOAD_LINE_MAXIMUM)))
            return ERROR_NO_MEMORY;
    }
    return 0;
}

/* --- the door
 * ------------------------------------------------------------------------------------------------------------------ */

int payload_reader_new(struct payload_reader **ret_reader, struct error *error) {
    struct payload_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    int status = reading_reader_new(FORMAT_JSON, NULL, &reader->json, error);
    if (status) {
        payload_reader_free(reader);
        return status;
    }
    *ret_reader = reader;
    return 0;
}

struct payload_reader *payload_reader_free(struct payload_reader *reader) {
    if (!reader)
        return NULL;
    reading_reader_free(reader->json);
    reading_csv_release(&reader->csv);
    free(reader);
    return NULL;
}

static bool (*const payload_formats[])(struct payload_gather *gather) = {
    [PAYLOAD_JSON] = payload_read_json,
    [PAYLOAD_NDJSON] = payload_read_ndjson,
    [PAYLOAD_CSV] = payload_read_csv,
    [PAYLOAD_LINE_PROTOCOL] = payload_read_line_protocol,
    [PAYLOAD_THINGSBOARD_DEVICE] = payload_read_thingsboard_device,
    [PAYLOAD_THINGSBOARD_GATEWAY] = payload_read_thingsboard_gateway,
    [PAYLOAD_VALUE] = payload_read_value,
    [PAYLOAD_DSMR] = payload_read_dsmr,
};

int payload_read(struct payload_reader *reader, const struct payload *payload, struct arena *arena,
                 struct payload_result *ret_result, struct error *error) {
    const struct payload_limits *limits = payload->limits ? payload->limits : &payload_limits_default;
    struct payload_gather gather = {.reader = reader, .payload = payload, .arena = arena, .earliest = limits->earliest};
    if (!limits->ahead || __builtin_add_overflow(payload->received, limits->ahead, &gather.latest) ||
        gather.latest > TIME_MAXIMUM)
        gather.latest = TIME_MAXIMUM;
    if (gather.earliest < TIME_MINIMUM)
        gather.earliest = TIME_MINIMUM;
    if (!payload_formats[payload->format](&gather))
        return gather.too_much ? error_set(error, ERROR_INVALID,
                                           "there are too many short or wrong lines in one payload: send it in parts")
                               : error_no_memory(error);
    *ret_result = gather.result;
    return 0;
}
