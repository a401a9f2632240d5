/* Inside of payloads: where formats put what they find, and the rules that hold for all of them.
 *
 * A format adds readings and rejections; a text that turns out to be bad in its middle is taken back to where it began
 * (payload_mark, payload_take_back) and rejected as a whole. Functions return false when memory, or what a payload
 * may take of it, has run out, and for nothing else. */
#ifndef METERLINE_INGEST_PAYLOAD_GATHER_H
#define METERLINE_INGEST_PAYLOAD_GATHER_H

#include "codec/reading.h"
#include "codec/reading_csv.h"
#include "ingest/payload.h"

struct payload_reader {
    struct reading_reader *json;
    struct reading_csv csv;
};

struct payload_gather {
    struct payload_reader *reader;
    const struct payload *payload;
    struct arena *arena;
    int64_t earliest, latest; /* times between them are taken */
    struct payload_result result;
    size_t reading_room, rejection_room;
    bool too_much; /* the arena's limit is reached */
};

/* A whole text of the payload: what is rejected is shown and kept by it. */
struct payload_line {
    struct slice text;
    uint32_t number;
};

/* Adds a reading, or rejects it for a name, value or time that cannot be. */
bool payload_add(struct payload_gather *gather, const struct payload_reading *reading, const struct payload_line *line);
bool payload_reject(struct payload_gather *gather, const struct payload_line *line, const char *reason);
/* NULL, or why a time cannot be. */
const char *payload_time_reason(const struct payload_gather *gather, int64_t timestamp);
/* NULL, or why a name of a series cannot be one; `what` is "gateway". */
const char *payload_name_reason(struct arena *arena, const char *what, struct slice name);

struct payload_mark {
    size_t readings, rejections, not_numeric;
};

static inline struct payload_mark payload_mark(const struct payload_gather *gather) {
    return (struct payload_mark){gather->result.count, gather->result.rejected, gather->result.not_numeric};
}

static inline void payload_take_back(struct payload_gather *gather, struct payload_mark mark) {
    gather->result.count = mark.readings;
    gather->result.rejected = mark.rejections;
    gather->result.not_numeric = mark.not_numeric;
}

/* The next line, without LF or CRLF, that is not blank; one that is too long is rejected and passed over. 1, 0 at the
 * end, or ERROR_NO_MEMORY. `rest` begins as the body, `line->number` as 0. */
int payload_next_line(struct payload_gather *gather, struct slice *rest, struct payload_line *line);

/* The formats: all of the payload. False: memory has run out. */
bool payload_read_json(struct payload_gather *gather);
bool payload_read_ndjson(struct payload_gather *gather);
bool payload_read_csv(struct payload_gather *gather);
bool payload_read_line_protocol(struct payload_gather *gather);
bool payload_read_thingsboard_device(struct payload_gather *gather);
bool payload_read_thingsboard_gateway(struct payload_gather *gather);
bool payload_read_value(struct payload_gather *gather);
bool payload_read_dsmr(struct payload_gather *gather);

#endif
