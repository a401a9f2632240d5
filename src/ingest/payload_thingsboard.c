/* ThingsBoard's telemetry ("MQTT device API", "MQTT gateway API"):
 *
 *     device    {"ts":1451649600512,"values":{"key":22.5, ..}}   an object with a time
 *               {"key":22.5, ..}                                 one without: the time is the server's
 *               [ either, .. ]
 *     gateway   {"Device A":[ either, .. ], "Device B":[ .. ]}
 *
 * A key "TYPE.ATTRIBUTE" names both; any other is an attribute, of the payload's type or else of TELEMETRY. Numbers
 * become readings, everything else is counted as not numeric. `line` is the number of the object, `part` that of the
 * key in it. */
#include "codec/json/json_scan.h"
#include "core/number.h"
#include "ingest/payload_gather.h"

struct thingsboard {
    struct payload_gather *gather;
    struct json_scan scan;
    struct slice gateway;
    struct payload_line line;
};

static bool thingsboard_name(struct json_scan *scan, struct slice *ret_name) {
    struct json_span span;
    if (!json_take(scan, '"') || !json_span(scan, &span))
        return scan->reason ? false : json_unexpected(scan);
    return json_text(scan, &span, ret_name) && (json_take(scan, ':') || json_unexpected(scan));
}

static void thingsboard_split_key(const struct thingsboard *board, struct slice key, struct series *series) {
    const char *point = memchr(key.data, '.', key.length);
    struct slice type = board->gather->payload->type;
    series->gateway = board->gateway;
    series->type = type.data ? type : SLICE("TELEMETRY");
    series->attribute = key;
    if (!point || point == key.data || point + 1 == key.data + key.length)
        return;
    series->type = (struct slice){key.data, (size_t)(point - key.data)};
    series->attribute = (struct slice){point + 1, key.length - series->type.length - 1};
}

/* A value at scan->at; a number is added. */
static bool thingsboard_value(struct thingsboard *board, struct slice key, struct payload_reading *reading) {
    struct slice text;
    json_space(&board->scan);
    if (!json_at_number(&board->scan)) {
        board->gather->result.not_numeric++;
        return json_skip(&board->scan, 3);
    }
    if (!json_number(&board->scan, &text))
        return false;
    thingsboard_split_key(board, key, &reading->series);
    if (!number_read_double(text, &reading->value))
        return payload_reject(board->gather, &board->line, "value is not a finite number");
    return payload_add(board->gather, reading, &board->line);
}

/* The members of an object of values, after its brace. */
static bool thingsboard_values(struct thingsboard *board, int64_t timestamp, bool own_time) {
    struct payload_reading reading = {.timestamp = timestamp, .own_time = own_time};
    struct slice key;
    if (json_take(&board->scan, '}'))
        return true;
    for (;; reading.part++) {
        if (!thingsboard_name(&board->scan, &key) || !thingsboard_value(board, key, &reading))
            return false;
        if (!json_take(&board->scan, ','))
            return json_take(&board->scan, '}') || json_unexpected(&board->scan);
    }
}

/* What an object has beside its values, found before they are read: ts may come after them. */
struct thingsboard_frame {
    struct slice ts, values; /* texts; data NULL: there is none */
    struct slice text;       /* of the object */
    size_t others;           /* other members */
};

static bool thingsboard_frame(struct thingsboard *board, struct thingsboard_frame *frame) {
    struct json_scan *scan = &board->scan;
    *frame = (struct thingsboard_frame){.text.data = scan->at};
    if (!json_take(scan, '{'))
        return json_unexpected(scan);
    if (!json_take(scan, '}')) {
        do {
            struct slice name;
            if (!thingsboard_name(scan, &name))
                return false;
            json_space(scan);
            const char *first = scan->at;
            if (!json_skip(scan, 3))
                return false;
            struct slice value = {first, (size_t)(scan->at - first)};
            if (slice_equal(name, SLICE("ts")))
                frame->ts = value;
            else if (slice_equal(name, SLICE("values")) && *first == '{')
                frame->values = value;
            else
                frame->others++;
        } while (json_take(scan, ','));
        if (!json_take(scan, '}'))
            return json_unexpected(scan);
    }
    frame->text.length = (size_t)(scan->at - frame->text.data);
    return true;
}

/* An object, with or without a time of its own. */
static bool thingsboard_object(struct thingsboard *board) {
    struct thingsboard_frame frame;
    int64_t timestamp = board->gather->payload->received;
    json_space(&board->scan);
    if (!thingsboard_frame(board, &frame))
        return false;
    bool timed = frame.ts.data && frame.values.data && !frame.others;
    board->line = (struct payload_line){frame.text, board->line.number + 1};
    if (timed && !number_read_integer(frame.ts, &timestamp))
        return payload_reject(board->gather, &board->line, "ts is not a time in whole ms since 1970");
    const char *reason = payload_time_reason(board->gather, timestamp);
    if (reason)
        return payload_reject(board->gather, &board->line, reason);
    const char *after = board->scan.at;
    board->scan.at = (timed ? frame.values : frame.text).data + 1;
    if (!thingsboard_values(board, timestamp, timed))
        return false;
    board->scan.at = after;
    return true;
}

static bool thingsboard_objects(struct thingsboard *board) {
    if (!json_take(&board->scan, '['))
        return thingsboard_object(board);
    if (json_take(&board->scan, ']'))
        return true;
    do {
        if (!thingsboard_object(board))
            return false;
    } while (json_take(&board->scan, ','));
    return json_take(&board->scan, ']') || json_unexpected(&board->scan);
}

static bool thingsboard_devices(struct thingsboard *board) {
    if (!json_take(&board->scan, '{'))
        return json_unexpected(&board->scan);
    if (json_take(&board->scan, '}'))
        return true;
    do {
        if (!thingsboard_name(&board->scan, &board->gateway) || !thingsboard_objects(board))
            return false;
    } while (json_take(&board->scan, ','));
    return json_take(&board->scan, '}') || json_unexpected(&board->scan);
}

static bool thingsboard_read(struct payload_gather *gather, bool (*read)(struct thingsboard *board)) {
    struct slice body = gather->payload->body;
    struct thingsboard board = {
        .gather = gather,
        .scan = {.start = body.data, .at = body.data, .end = body.data + body.length, .arena = gather->arena},
        .gateway = gather->payload->gateway};
    bool good = read(&board);
    if (good) {
        json_space(&board.scan);
        good = board.scan.at == board.scan.end || json_unexpected(&board.scan);
    }
    if (good)
        return true;
    if (!board.scan.reason || board.scan.no_memory)
        return false;
    payload_take_back(gather, (struct payload_mark){0});
    return payload_reject(gather, &(struct payload_line){body, 1}, board.scan.reason);
}

bool payload_read_thingsboard_device(struct payload_gather *gather) {
    return thingsboard_read(gather, thingsboard_objects);
}

bool payload_read_thingsboard_gateway(struct payload_gather *gather) {
    return thingsboard_read(gather, thingsboard_devices);
}
