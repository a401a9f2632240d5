/* A query that cannot go on, whatever is tried: a schema that is refused, a record that is too large for its topic.
 * It stops alone: every worker of the group goes back to its positions, and each task sets the query's position apart
 * (group/apart.h) before it works without it. What was committed is neither lost nor done twice. */
#ifndef METERLINE_STREAM_RUNTIME_FAIL_H
#define METERLINE_STREAM_RUNTIME_FAIL_H

#include "stream/runtime/task.h"

/* Is the error, which work->culprit has met, one that the member stops alone for? */
bool query_failure_is_own(const struct query_work *work, int status, const struct error *error);
/* Marks the member as failed and removed. */
void query_member_fail(struct query_group *group, size_t member, const struct error *why);
/* How many members of the group have failed. */
size_t query_group_failures(const struct query_group *group);

#endif
