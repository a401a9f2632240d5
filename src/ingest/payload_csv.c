/* CSV with a header; without one the whole payload is rejected. */
#include "ingest/payload_gather.h"

static bool csv_add(struct payload_gather *gather, const struct payload_line *line) {
    struct reading read;
    reading_csv_read(&gather->reader->csv, line->text, gather->arena, &read);
    if (read.reason)
        return payload_reject(gather, line, read.reason);
    if (read.null) {
        gather->result.not_numeric++;
        return true;
    }
    if (memchr(line->text.data, '"', line->text.length)) {
        read.series =
            (struct series){arena_copy(gather->arena, read.series.gateway), arena_copy(gather->arena, read.series.type),
                            arena_copy(gather->arena, read.series.attribute)};
        if (!read.series.gateway.data || !read.series.type.data || !read.series.attribute.data)
            return false;
    }
    struct payload_reading reading = {
        .series = read.series, .timestamp = read.timestamp, .value = read.value, .own_time = true};
    return payload_add(gather, &reading, line);
}

bool payload_read_csv(struct payload_gather *gather) {
    struct slice rest = gather->payload->body, extra;
    struct payload_line line = {0};
    int status = payload_next_line(gather, &rest, &line);
    if (status <= 0)
        return status == 0;
    if (reading_csv_read_header(&gather->reader->csv, line.text, &extra) != READING_CSV_GOOD)
        return payload_reject(gather, &(struct payload_line){gather->payload->body, line.number},
                              "the first line is not the header " READING_CSV_HEADER " (in any order)");
    while ((status = payload_next_line(gather, &rest, &line)) > 0)
        if (!csv_add(gather, &line))
            return false;
    return status == 0;
}
