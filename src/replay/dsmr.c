/* Telegrams of a P1 port, one after another, as a meter sends them: from a file, a serial line or a pipe. What stands
 * between them is passed over. Readings have the times of their telegrams; a telegram without one is malformed. */
#include "codec/meter/dsmr.h"

#include "codec/reading.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "replay/source_driver.h"

struct dsmr {
    struct bytes text; /* of the telegram at hand, as the meter sent it */
    struct arena arena;
    struct dsmr_telegram telegram;
    size_t next; /* reading of it */
};

static int dsmr_open(struct replay_source *source, struct error *error) {
    source->state = memory_zero(1, sizeof(struct dsmr));
    return source->state ? 0 : error_no_memory(error);
}

/* 1: a telegram is there, 0 at the end, or an error. */
static int dsmr_gather(struct replay_source *source, struct error *error) {
    struct dsmr *dsmr = source->state;
    struct slice line;
    int status;
    dsmr->text.length = 0;
    while ((status = input_next(source->input, &line, error)) != INPUT_END) {
        if (status < 0)
            return status;
        if (status == INPUT_TOO_LONG || dsmr->text.length > DSMR_TELEGRAM_MAXIMUM)
            line = SLICE(""); /* what is no telegram, is none with less of it */
        if (line.length && *line.data == '/')
            dsmr->text.length = 0; /* the one before broke off */
        else if (dsmr->text.length == 0)
            continue;
        bytes_append_slice(&dsmr->text, line);
        bytes_append_string(&dsmr->text, "\r\n");
        if (dsmr->text.failed)
            return error_no_memory(error);
        if (line.length && *line.data == '!')
            return 1;
    }
    return 0;
}

static int dsmr_next_telegram(struct replay_source *source, struct error *error) {
    struct dsmr *dsmr = source->state;
    for (;;) {
        int status = dsmr_gather(source, error);
        if (status <= 0)
            return status;
        source->counts.rows++;
        arena_reset(&dsmr->arena);
        dsmr->next = dsmr->telegram.count = 0;
        const char *reason = dsmr_read(bytes_slice(&dsmr->text), 0, &dsmr->arena, &dsmr->telegram);
        if (!reason && !dsmr->telegram.readings[0].own_time)
            reason = "the telegram has no time (0-0:1.0.0)";
        if (!reason)
            return 1;
        dsmr->telegram.count = 0;
        status = source_malformed(source, error, "%s", reason);
        if (status)
            return status;
    }
}

static int dsmr_next_reading(struct replay_source *source, struct replay_reading *ret_reading, struct error *error) {
    struct dsmr *dsmr = source->state;
    const char *reason;
    do {
        int status = dsmr->next == dsmr->telegram.count ? dsmr_next_telegram(source, error) : 1;
        if (status <= 0)
            return status;
        const struct dsmr_reading *read = &dsmr->telegram.readings[dsmr->next++];
        struct reading checked = {.series = read->series, .timestamp = read->timestamp, .value = read->value};
        struct replay_reading reading = {.timestamp = read->timestamp, .value = read->value};
        reason = reading_check(&checked, &dsmr->arena);
        status = reason ? source_malformed(source, error, "%s", reason)
                        : source_find_series(source, &read->series, &reading.series, error);
        if (status)
            return status;
        *ret_reading = reading;
    } while (reason);
    return 1;
}

static void dsmr_close(struct replay_source *source) {
    struct dsmr *dsmr = source->state;
    if (!dsmr)
        return;
    arena_release(&dsmr->arena);
    bytes_release(&dsmr->text);
    free(dsmr);
}

const struct source_driver source_dsmr = {
    .type = "dsmr", .open = dsmr_open, .next = dsmr_next_reading, .close = dsmr_close};
