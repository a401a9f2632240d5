/* Our own JSON: readings with the names of topic `metrics`, one, in an array, or one a line. The texts of the objects
 * are found first; codec/reading.h reads them, many at a time. */
#include "codec/json/json_scan.h"
#include "ingest/payload_gather.h"

enum { JSON_BATCH = 512 };

struct json_batch {
    struct payload_line lines[JSON_BATCH];
    size_t count;
};

static bool json_batch_add(struct payload_gather *gather, const struct reading *read, const struct payload_line *line) {
    if (read->null || read->reason)
        return payload_reject(gather, line, read->reason ? read->reason : "null is no reading");
    struct payload_reading reading = {
        .series = read->series, .timestamp = read->timestamp, .value = read->value, .own_time = true};
    return payload_add(gather, &reading, line);
}

/* Reads what is in the batch, and empties it. Without a registry only memory can be wanting. */
static bool json_batch_read(struct payload_gather *gather, struct json_batch *batch) {
    struct reading *readings;
    if (reading_reader_read(gather->reader->json, &batch->lines->text, sizeof *batch->lines, batch->count,
                            gather->arena, &readings, NULL))
        return false;
    for (size_t i = 0; i < batch->count; i++)
        if (!json_batch_add(gather, &readings[i], &batch->lines[i]))
            return false;
    batch->count = 0;
    return true;
}

static bool json_batch_push(struct payload_gather *gather, struct json_batch *batch, const struct payload_line *line) {
    batch->lines[batch->count++] = *line;
    return batch->count < JSON_BATCH || json_batch_read(gather, batch);
}

bool payload_read_ndjson(struct payload_gather *gather) {
    struct json_batch batch = {.count = 0};
    struct slice rest = gather->payload->body;
    struct payload_line line = {0};
    int status;
    while ((status = payload_next_line(gather, &rest, &line)) > 0)
        if (!json_batch_push(gather, &batch, &line))
            return false;
    return !status && json_batch_read(gather, &batch);
}

/* The next object of a document, which is one or an array: its text and number. */
static bool json_document_item(struct json_scan *scan, struct payload_line *line) {
    json_space(scan);
    const char *first = scan->at;
    if (!json_skip(scan, 1))
        return false;
    line->text = (struct slice){first, (size_t)(scan->at - first)};
    line->number++;
    return true;
}

/* False: it is no JSON (scan->reason), or memory has run out (no reason). */
static bool json_document_read(struct payload_gather *gather, struct json_scan *scan) {
    struct json_batch batch = {.count = 0};
    struct payload_line line = {0};
    bool array = json_take(scan, '[');
    if (!array || !json_take(scan, ']')) {
        do {
            if (!json_document_item(scan, &line) || !json_batch_push(gather, &batch, &line))
                return false;
        } while (array && json_take(scan, ','));
        if (array && !json_take(scan, ']'))
            return json_unexpected(scan);
    }
    json_space(scan);
    return scan->at == scan->end ? json_batch_read(gather, &batch) : json_unexpected(scan);
}

bool payload_read_json(struct payload_gather *gather) {
    struct slice body = gather->payload->body;
    struct json_scan scan = {
        .start = body.data, .at = body.data, .end = body.data + body.length, .arena = gather->arena};
    if (json_document_read(gather, &scan))
        return true;
    if (!scan.reason)
        return false;
    payload_take_back(gather, (struct payload_mark){0});
    return payload_reject(gather, &(struct payload_line){body, 1}, scan.reason);
}
