/* Operators: what a query is made of. Each takes rows, and pushes what it makes of them to the next one, down to a
 * sink.
 *
 *     source ─▶ filter ─▶ project ─▶ aggregate ─▶ filter ─▶ project ─▶ sink ─▶ emit (topic, partition, record)
 *                                      │  ▲
 *                                 save │  │ load          state: a topic of changes, or read again from the input
 *
 * A plan (immutable, in the arena of the query) says what an operator does; an operator is its instance for one
 * partition, with its state. One thread.
 *
 * State comes back after a restart in one of two ways:
 *   by replay     (tumbling and hopping windows) the task reads the input again from `replay_from` on; while
 *                 context->restoring the operator takes rows silently, only into windows that are open at the stream
 *                 time that `restore_time` gave it, and pushes nothing
 *   by changelog  (no window, sessions, joins, tables of a query) `save` hands out every entry that has changed since
 *                 the last commit, and `load` takes it back
 *
 * Rows that come are those of one input batch of one topic; results keep their `origins`, and for each origin leave
 * in a fixed order, so that the same log gives the same output however it is cut into batches. */
#ifndef METERLINE_STREAM_OPERATOR_OPERATOR_H
#define METERLINE_STREAM_OPERATOR_OPERATOR_H

#include "stream/operator/counters.h"
#include "stream/operator/evaluator.h"
#include "stream/operator/window.h"
#include "stream/state/state_table.h"

struct stream_operator;
struct key_dictionaries;

/* What the task gives to each push; the same for all operators of a query. */
struct operator_context {
    struct evaluation evaluation;
    bool restoring; /* rows before the committed position: rebuild, push nothing */
    /* of the input batch's first record; the record of row r is at offset + origins[r] when the input has no gaps, */
    int64_t offset;
    const int64_t *offsets; /* or, when not NULL, at offsets[origins[r]] */
    struct query_counters *counters;
    struct key_dictionaries *dictionaries; /* of the task, for keys that operators share; NULL: each has its own */
    /* The record of row `origin` came after its windows had closed, at `stream_time`: it goes to TOPIC-late. `window`
     * lives as long as the plan. NULL: counted only. */
    int (*late)(struct operator_context *context, uint32_t origin, const struct window_definition *window,
                int64_t stream_time, struct error *error);
    void *late_context;
};

struct operator_driver {
    const char *name; /* "filter", "aggregate": for EXPLAIN and messages */
    /* `input`: 0, of joins 1 for the right side. `rows` may be changed by the operator (its selection shrunk), but
     * not the arrays it shares. */
    int (*push)(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                struct error *error);
    /* Event time has gone on to `time` without a record (--final: INT64_MAX, --idle-close): what is due leaves. The
     * origin of its rows is 0. NULL: nothing ever is. */
    int (*advance)(struct stream_operator *op, int64_t time, struct operator_context *context, struct error *error);
    /* The smallest input offset that must be read again to rebuild what is open; INT64_MAX: none. NULL: none ever. */
    int64_t (*replay_from)(const struct stream_operator *op);
    int64_t (*stream_time)(const struct stream_operator *op); /* INT64_MIN: none yet; NULL: it keeps none */
    void (*restore_time)(struct stream_operator *op, int64_t stream_time); /* before anything is replayed or loaded */
    /* Changelog; both NULL: it has none. `save` is called at a commit, and again after one that failed: entries stay
     * marked until `saved`. */
    int (*save)(struct stream_operator *op, state_save *each, void *context, struct error *error);
    void (*saved)(struct stream_operator *op);
    int (*load)(struct stream_operator *op, struct slice key, struct slice value,
                struct error *error);                   /* ERROR_CORRUPT: not an entry of this operator */
    size_t (*memory)(const struct stream_operator *op); /* bytes of state; NULL: none */
    void (*free)(struct stream_operator *op);
};

struct stream_operator {
    const struct operator_driver *driver;
    struct stream_operator *next; /* NULL: of a sink */
    unsigned next_input;
    bool results; /* takes results of an operator that keeps rows: it counts no records (counters.h) */
};

/* Does the operator count what becomes of the rows at hand? */
static inline bool operator_counts(const struct stream_operator *op, const struct operator_context *context) {
    return !op->results && !context->restoring;
}

/* A row whose windows have all closed: counted, and kept apart by the task. */
static inline int operator_late(struct operator_context *context, uint32_t origin,
                                const struct window_definition *window, int64_t stream_time, struct error *error) {
    context->counters->late++;
    return context->late ? context->late(context, origin, window, stream_time, error) : 0;
}

static inline int operator_push(struct stream_operator *op, unsigned input, struct rows *rows,
                                struct operator_context *context, struct error *error) {
    return op->driver->push(op, input, rows, context, error);
}

/* Pushes results to the next operator unless there are none. An operator that rebuilds its state by replay does not
 * call it while context->restoring. */
static inline int operator_forward(struct stream_operator *op, struct rows *rows, struct operator_context *context,
                                   struct error *error) {
    if (rows->selected.count == 0)
        return 0;
    return operator_push(op->next, op->next_input, rows, context, error);
}

/* Lets what is after this operator advance. */
static inline int operator_forward_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                                           struct error *error) {
    for (struct stream_operator *next = op->next; next; next = next->next)
        if (next->driver->advance)
            return next->driver->advance(next, time, context, error);
    return 0;
}

static inline int64_t operator_offset(const struct operator_context *context, uint32_t origin) {
    return context->offsets ? context->offsets[origin] : context->offset + origin;
}

#endif
