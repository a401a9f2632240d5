/* A tap: what takes the rows that queries write to a topic as they are written, as columns, so that they need not be
 * read back. Each worker that writes the topic has a writer of its own.
 *
 *     query ─▶ row ─┬─▶ record ─▶ producer ─────────────────────────┐
 *                   └─▶ tap->add ─▶ [tap->join, the log's own file] ┴─▶ COMMIT ─▶ tap->committed: offsets of these rows
 *
 * A tap may leave rows out (tap->add decides): then tap->committed does not count for their partition, and who reads
 * the topic (stream/sink/sink.h) finds them there. */
#ifndef METERLINE_STREAM_OUTPUT_TAP_H
#define METERLINE_STREAM_OUTPUT_TAP_H

#include "bus/bus.h"
#include "model/rows.h"
#include "stream/plan.h"

struct tap {
    /* For rows as `sink` has them. *ret_writer NULL: it cannot take such rows. */
    int (*open)(struct tap *tap, const struct sink_plan *sink, int32_t partitions, void **ret_writer,
                struct error *error);
    /* Row `row` of `rows`, and the record that it has become. Copies what it needs. */
    int (*add)(void *writer, int32_t partition, const struct rows *rows, uint32_t row, const struct bus_record *record,
               struct error *error);
    /* The log's open transaction, which what was added may join. It may come again, when the one before was rolled
     * back. */
    int (*join)(void *writer, struct database *transaction, struct error *error);
    void (*rolled_back)(void *writer); /* the transaction that was joined */
    /* The records of what was added to the partition have got the offsets [from, to), and no others lie between. */
    void (*committed)(void *writer, int32_t partition, int64_t from, int64_t to);
    void (*clear)(void *writer); /* forgets what was added: it has been committed, or never will be */
    void (*close)(void *writer);
};

/* The taps of a run; any thread. */
struct taps {
    struct tap *(*find)(void *context, const char *topic); /* NULL: the topic has none */
    void *context;
};

#endif
