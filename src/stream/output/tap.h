/* A tap: something in the log's own database that takes the records of a topic within the very transaction that
 * writes them, so that it and the topic never differ. It is opened by each worker that writes the topic.
 *
 *     query ─▶ record of topic T ─▶ producer ──┐
 *                     └─▶ copy until the commit ┴─▶ BEGIN, tap->write, records, positions, COMMIT ─▶ tap->committed
 *
 * What a tap has not taken (records of other processes, of before it was opened) is brought by a sink of the topic,
 * with positions of its own (stream/sink/ledger.h). */
#ifndef METERLINE_STREAM_OUTPUT_TAP_H
#define METERLINE_STREAM_OUTPUT_TAP_H

#include "bus/bus.h"

struct tap {
    /* One for each thread that writes the topic. */
    int (*open)(struct tap *tap, void **ret_writer, struct error *error);
    /* The records of a commit, of one partition, in their order, as part of `transaction`. *ret_taken: they are all
     * there when the transaction is; otherwise the sink is to bring them. */
    int (*write)(void *writer, struct database *transaction, const struct bus_record *records, size_t count,
                 bool *ret_taken, struct error *error);
    void (*committed)(void *writer, int32_t partition, int64_t from, int64_t to); /* these offsets were all taken */
    void (*rolled_back)(void *writer); /* of a transaction that something was written to */
    void (*close)(void *writer);
};

/* The taps of a run; any thread. */
struct taps {
    struct tap *(*find)(void *context, const char *topic); /* NULL: the topic has none */
    void *context;
};

#endif
