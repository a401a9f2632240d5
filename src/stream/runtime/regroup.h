/* A group whose input topic was deleted (DROP .. DELETE TOPIC): which of its queries have lost it, and which go on. */
#ifndef METERLINE_STREAM_RUNTIME_REGROUP_H
#define METERLINE_STREAM_RUNTIME_REGROUP_H

#include "stream/group/group.h"

/* When its workers have gone: members that read what is gone have failed, with their positions set apart; the others
 * are removed from the group, and their queries, once each, added to `plans`, which has room for them. */
int query_group_divide(struct bus *bus, struct query_group *group, const struct query_plan **plans, size_t *count,
                       struct error *error);

#endif
