/* The log in memory: for tests of pipelines and for answers at a prompt, which copy what they read. It is gone with
 * bus_close. No URL opens it: a run whose results vanish is of no use.
 *
 * It does what bus.h asks as the embedded log does, positions are compared and set; compaction drops nothing.
 * Faults, the cuts of batches and rebalances can be injected, so that a test repeats what happens with brokers. */
#ifndef METERLINE_BUS_MEMORY_MEMORY_BUS_H
#define METERLINE_BUS_MEMORY_MEMORY_BUS_H

#include "bus/bus.h"

enum memory_bus_call {
    MEMORY_BUS_POLL,     /* a consumer is about to look for records */
    MEMORY_BUS_ASK,      /* a position, or where a partition begins and ends, is asked for */
    MEMORY_BUS_COMMIT,   /* a producer is about to commit: an error leaves everything as it is */
    MEMORY_BUS_COMMITTED /* it has: an error is returned all the same, as by a broker whose answer is lost */
};

struct memory_bus_options {
    bool same_partitions; /* every topic has the partitions of bus_options, whatever its settings say */
    bool never_waits;     /* a poll that finds nothing returns at once */
    /* Asked at each call, in its thread; what it returns other than 0 is returned by the call. NULL: never */
    int (*fault)(void *context, enum memory_bus_call call, struct error *error);
    size_t (*cut)(void *context); /* records that the next poll may bring, at least 1; NULL: any number */
    void *context;
};

/* `memory` NULL: nothing is injected. */
int memory_bus_open(const struct bus_options *options, const struct memory_bus_options *memory, struct bus **ret_bus,
                    struct error *error);
/* Appends records of another log, with the offsets and the append time that they have there; what lies between them
 * and the end is a gap. The topic must exist. ERROR_INVALID: they lie before the end. */
int memory_bus_copy(struct bus *bus, const struct bus_batch *batch, struct error *error);
/* As when a member comes or goes: every member of every group is told at its next poll that its partitions are taken
 * away (`lost`: others have them already), and gets other ones, when all have given theirs back, at a later one. */
void memory_bus_rebalance(struct bus *bus, bool lost);

#endif
