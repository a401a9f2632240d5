/* How stages are divided into groups.
 *
 * A stage belongs to the group that has a position of it. Those that have none are new; they make groups of their
 * own, named GROUP.sql.TOPIC after the first of their topics by name, or GROUP.sql.TOPIC.2, .3, ... when groups of
 * that name have positions already: a query that is added later begins with the oldest record, and does not hold up
 * the others. What is where follows from the committed positions alone. */
#ifndef METERLINE_STREAM_GROUP_GROUPING_H
#define METERLINE_STREAM_GROUP_GROUPING_H

#include "stream/group/group.h"

/* Divides the stages of `plans` into groups, as the committed positions of `name` say; `running` are groups of this
 * process, whose names are taken, and whose stages are left out. ERROR_INVALID: a query has been changed since its position was committed, with the
 * ways out; or the name is none. Topics need not exist yet. `order`: of the first stage. */
int query_groups_assign(struct bus *bus, const char *name, const struct query_plan *const *plans, size_t count,
                        size_t order, const struct query_groups *running, struct query_groups *ret_groups,
                        struct error *error);

/* Is `group`, of the log, one of those that queries of group `name` make? */
bool query_group_belongs(const char *group, const char *name);
/* ERROR_INVALID: a name by which it could not be told whose groups are whose. */
int query_group_check_name(const char *name, struct error *error);

#endif
