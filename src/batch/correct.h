/* Corrections: windows of batch that are not what the store has go there with the next revision, and to the topic
 * TOPIC-corrections, from which those who have summed results up take the differences:
 *
 *     key    gateway.TYPE.ATTRIBUTE/SECONDS/2007-01-01T00:00:00Z, on the partition of its series
 *     value  {"gateway":..,"metricType":..,"metricAttribute":..,"windowStart":..,"windowEnd":..,
 *             "old":{"sampleCount":..,"min":..,"max":..,"sum":..,"average":..,"revision":0} or null,
 *             "new":{.. "revision":1}, "delta":{"sampleCount":..,"sum":..}, "revision":1,
 *             "cause":"LATE","late":3,"recordedAt":..}
 *
 * Where store and log are one file, both are written in one transaction. Elsewhere the records come first, then the
 * rows: a crash between the two brings the same records again, with the same revision. */
#ifndef METERLINE_BATCH_CORRECT_H
#define METERLINE_BATCH_CORRECT_H

#include "batch/compare.h"
#include "bus/bus.h"

struct corrections;

struct corrections_settings {
    struct bus *bus;
    struct store *store;
    const char *topic;    /* of the readings */
    const int64_t *sizes; /* ms */
    size_t size_count;
    const struct clock *clock;
    bool dry; /* counts only */
};

struct corrections_counts {
    uint64_t windows[CLASSES]; /* all that were compared */
    uint64_t corrected;
};

int corrections_open(const struct corrections_settings *settings, struct corrections **ret_corrections,
                     struct error *error);
/* What was not finished is not written; returns NULL. */
struct corrections *corrections_close(struct corrections *corrections);
/* A comparison_visit: corrects the window if it is to be. */
int corrections_take(void *corrections, const struct comparison *comparison, struct error *error);
/* Writes what is gathered. */
int corrections_finish(struct corrections *corrections, struct corrections_counts *ret_counts, struct error *error);

#endif
