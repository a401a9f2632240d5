/* Replay: reads a source, paces, encodes and publishes its readings to topic `metrics` in transactions that also
 * hold the replay's place.
 *
 * The place is the number of readings published, kept as the position of group "replay.IDENTITY" on partition 0 of
 * the topic, with the line of the source in its metadata. Resuming reads the source again, discards that many
 * readings and checks that it then stands at that line; so nothing is published twice, whatever killed the replay.
 * A source that has a place is not published a second time by mistake: ERROR_EXISTS unless it is resumed, or `again`.
 * Pacing is even: reading k is due at start + k / rate, and what is due is committed every few milliseconds. */
#ifndef METERLINE_REPLAY_REPLAY_H
#define METERLINE_REPLAY_REPLAY_H

#include "bus/bus.h"
#include "replay/source.h"
#include <stdatomic.h>

struct replay_options {
    const char *topic; /* "metrics" */
    double rate;       /* readings per second, 0: as fast as possible */
    int64_t count;     /* stop after exactly that many readings (with those published before a resume), -1: all */
    bool resume;       /* go on after what was published before, also when the source had ended and has grown since */
    bool again;        /* publish once more what was published before; otherwise that is refused unless it is resumed */
    bool json;         /* values in JSON instead of Avro */
    const struct clock *clock;
    const atomic_bool *stop; /* set: stop cleanly after what was committed */
    /* Called about twice a second and at the end; may be NULL. */
    void (*progress)(void *context, int64_t published, int64_t total, double rate, double seconds_left);
    void *context;
};

struct replay_result {
    int64_t published;  /* by this run */
    int64_t resumed_at; /* readings published before it */
    double seconds;
    bool interrupted;
};

int replay_run(struct bus *bus, struct replay_source *source, const char *identity,
               const struct replay_options *options, struct replay_result *ret_result, struct error *error);

#endif
