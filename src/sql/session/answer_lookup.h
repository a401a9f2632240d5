/* The records that a pull query asks for by the key of its table: found in the index of the topic (key_index.h), and
 * read one by one.
 *
 *     index ─▶ keys, some at a time ─▶ conditions of WHERE about the key ─▶ offsets ─▶ records */
#ifndef METERLINE_SQL_SESSION_ANSWER_LOOKUP_H
#define METERLINE_SQL_SESSION_ANSWER_LOOKUP_H

#include "sql/plan/plan_lookup.h"
#include "sql/session/key_index.h"

struct lookup_options {
    struct bus *bus;
    const char *folder, *log; /* of the index */
    const struct clock *clock;
    const atomic_bool *stop;
    /* A batch of one record, partition by partition, in the order of offsets; it may set *stop_here. */
    int (*each)(void *context, const struct bus_batch *batch, bool *stop_here, struct error *error);
    void *context;
};

/* The topic is indexed up to its end first. *ret_indexed: false, with the error, when the index could not be used and
 * nothing has been given out yet. */
int answer_lookup(const struct lookup_options *options, const struct plan_lookup *lookup, int32_t partitions,
                  bool *ret_indexed, struct error *error);

#endif
