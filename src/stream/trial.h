/* Queries at work in memory: nothing is stored, every topic has the same number of partitions. For tests of
 * pipelines and for answers at a prompt.
 *
 * A batch of records of a topic goes through every query that reads it; what they write goes on, batch by batch, to
 * the queries that read that, until nothing is left. Records that several queries write to one topic stand in the
 * order of the records that brought them about. One thread. */
#ifndef METERLINE_STREAM_TRIAL_H
#define METERLINE_STREAM_TRIAL_H

#include "stream/runtime/stage.h"

struct trial;

struct trial_options {
    const struct registry *registry;
    const struct clock *clock;
    /* Every record that a query writes, of repartition topics too. An error ends the push. */
    int (*written)(void *context, const char *topic, const struct bus_record *record, struct error *error);
    /* A record that could not be read, a row that could not be computed: `where` is the topic or the id of the
     * query. */
    void (*trouble)(void *context, const char *where, const char *message);
    void *context;
    void (*free_scratch)(void *scratch); /* of evaluations */
    bool record_by_record;               /* what queries write goes on one record at a time */
    int32_t partitions;                  /* 1 or more */
};

int trial_new(const struct trial_options *options, struct trial **ret_trial, struct error *error);
struct trial *trial_free(struct trial *trial);
/* The query outlives the trial. */
int trial_add(struct trial *trial, const struct query_plan *query, struct error *error);
void trial_remove(struct trial *trial, const char *id);
/* `records` of one partition of a topic; their offsets go on from those before. */
int trial_push(struct trial *trial, const char *topic, int32_t partition, const struct bus_record *records,
               size_t count, struct error *error);

#endif
