/* Whether the log keeps what a group needs: windows that are open when a run ends are rebuilt by reading their records
 * again, and the rows of a join of streams wait for partners that may be compacted away. */
#ifndef METERLINE_STREAM_GROUP_KEPT_H
#define METERLINE_STREAM_GROUP_KEPT_H

#include "stream/group/group.h"

/* ERROR_INVALID, with the ways out: a topic over which a member has windows or joins streams is compacted, or keeps its
 * records for a shorter time than the longest window with its grace. */
int query_group_check_kept(struct bus *bus, const struct query_group *group, struct error *error);

#endif
