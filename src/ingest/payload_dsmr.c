/* Telegrams of a P1 port (codec/meter/dsmr.h), one or more in a payload; `line` is the number of the telegram. */
#include "codec/meter/dsmr.h"

#include "ingest/payload_gather.h"

static bool dsmr_add(struct payload_gather *gather, const struct payload_line *line) {
    struct dsmr_telegram telegram;
    const char *reason = dsmr_read(line->text, gather->payload->received, gather->arena, &telegram);
    if (reason)
        return payload_reject(gather, line, reason);
    for (size_t i = 0; i < telegram.count; i++) {
        const struct dsmr_reading *read = &telegram.readings[i];
        struct payload_reading reading = {.series = read->series,
                                          .timestamp = read->timestamp,
                                          .value = read->value,
                                          .part = (uint32_t)i,
                                          .own_time = read->own_time};
        if (!payload_add(gather, &reading, line))
            return false;
    }
    return true;
}

bool payload_read_dsmr(struct payload_gather *gather) {
    struct slice rest = gather->payload->body;
    struct payload_line line = {.number = 1};
    for (; dsmr_next(&rest, &line.text); line.number++)
        if (!dsmr_add(gather, &line))
            return false;
    if (line.number > 1)
        return true;
    line.text = gather->payload->body;
    return payload_reject(gather, &line, "no telegram: it begins with / and ends with a line that begins with !");
}
