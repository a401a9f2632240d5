/* The end of a stage: rows become records. */
#ifndef METERLINE_STREAM_GROUP_EMIT_H
#define METERLINE_STREAM_GROUP_EMIT_H

#include "bus/bus.h"
#include "stream/operator/operator.h"
#include "stream/plan.h"

/* Where a sink's records go, with the row that each was: row `row` of `rows`, as the plan's schema says. Copies what it
 * needs. */
struct emitter {
    int (*emit)(void *context, const struct sink_plan *sink, const struct bus_record *record, const struct rows *rows,
                uint32_t row, struct error *error);
    void *context;
};

/* The emitter is copied. */
int sink_operator_new(const struct sink_plan *plan, const struct registry *registry, const struct emitter *emitter,
                      struct stream_operator **ret_operator, struct error *error);

#endif
