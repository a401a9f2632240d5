/* What queries have written, when it is about to be written again: by a group that begins anew, or by another group.
 * Results of streams would be there twice, and whatever counts them would count them twice. */
#ifndef METERLINE_STREAM_GROUP_RESULTS_H
#define METERLINE_STREAM_GROUP_RESULTS_H

#include "bus/bus.h"
#include "core/bytes.h"
#include "stream/plan.h"

/* Lists the topics that queries have made for their results and that hold records: "high (12 records), c (3)".
 * Nothing is appended when there are none. Topics that others made, into which queries INSERT, are not among them. */
int query_results_list(struct bus *bus, const struct query_plan *const *plans, size_t count, struct bytes *to,
                       struct error *error);
/* Takes all records out of them. Nothing of the group may run. */
int query_results_empty(struct bus *bus, const struct query_plan *const *plans, size_t count, struct error *error);

/* ERROR_EXISTS: a query that group `name` has no position of is worked on by another group, which writes the same
 * topic; with the ways out. */
int query_results_check(struct bus *bus, const char *name, const struct query_plan *const *plans, size_t count,
                        struct error *error);

#endif
