/* The end of a stage: rows become records. */
#ifndef METERLINE_STREAM_SINK_OPERATOR_H
#define METERLINE_STREAM_SINK_OPERATOR_H

#include "stream/stage.h"

/* The emitter is copied. */
int sink_operator_new(const struct sink_plan *plan, const struct registry *registry, const struct emitter *emitter, struct operator **ret_operator,
                      struct error *error);

#endif
