/* What operators ask of an expression: its value for the selected rows of a batch. Expressions are compiled in sql/;
 * here they are only run.
 *
 * An evaluator is immutable and may be used by any thread; what changes while it runs is in the evaluation, which a
 * thread has of its own.
 *
 * What depends on the clock or on chance is a function of the log: it follows from the record that brought the row
 * about (`origins` of the rows index `records`). A record that is read again, in another batch, by another worker or
 * after a restart, gives the same values. */
#ifndef METERLINE_STREAM_OPERATOR_EVALUATOR_H
#define METERLINE_STREAM_OPERATOR_EVALUATOR_H

#include "bus/bus.h"
#include "core/clock.h"
#include "core/error.h"
#include "model/rows.h"

/* The state of evaluating one input batch. */
struct evaluation {
    struct arena *arena;             /* results and everything in between; reset when the batch is done */
    struct row_errors *errors;       /* rows whose expression failed: they are NULL */
    const struct bus_batch *records; /* of the rows at hand; NULL: no record brought them about, */
    const struct clock *clock;       /* which is asked then */
    uint64_t invocation;             /* of a lambda's body: which one it is among those of its row */
    void *scratch; /* of sql/: what is worth keeping from batch to batch; see evaluation_scratch_free there */
};

struct evaluator {
    const struct type *type; /* of the result; TYPE_BOOLEAN for a condition */
    /* A vector with a value for every selected row; what cannot be computed for a row is NULL (a condition: FALSE or
     * NULL, never TRUE) and reported to `errors`. An error is returned only for what concerns all rows, such as no
     * memory. `absent` rows have NULL in their value columns. */
    int (*run)(const struct evaluator *evaluator, struct evaluation *evaluation, const struct rows *rows,
               const struct selection *selected, struct vector *ret_vector, struct error *error);
};

static inline int evaluator_run(const struct evaluator *evaluator, struct evaluation *evaluation,
                                const struct rows *rows, const struct selection *selected, struct vector *ret_vector,
                                struct error *error) {
    return evaluator->run(evaluator, evaluation, rows, selected, ret_vector, error);
}

#endif
