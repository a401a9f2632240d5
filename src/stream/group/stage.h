/* A stage at work: the operators of a stage's plan for one partition, from its sources down to its sink. One thread. */
#ifndef METERLINE_STREAM_GROUP_STAGE_H
#define METERLINE_STREAM_GROUP_STAGE_H

#include "stream/group/emit.h"

struct stage;

int stage_open(const struct stage_plan *plan, const struct registry *registry, const struct emitter *emitter,
               struct stage **ret_stage, struct error *error);
struct stage *stage_close(struct stage *stage);
/* Rows of source `source` (as the plan counts them). */
int stage_push(struct stage *stage, size_t source, struct rows *rows, struct operator_context *context,
               struct error *error);
/* Event time goes on without a record: INT64_MAX closes everything. */
int stage_advance(struct stage *stage, int64_t time, struct operator_context *context, struct error *error);

/* The operators with state, for commits and recovery; the number of one is the same as long as the query's
 * definition is. */
size_t stage_operator_count(const struct stage *stage);
struct stream_operator *stage_operator(const struct stage *stage, size_t index);

size_t stage_memory(const struct stage *stage); /* bytes of what its operators keep */
/* Do operators of the stage keep rows, so that a result follows from more than one record? */
bool stage_keeps_rows(const struct stage_plan *plan);

#endif
