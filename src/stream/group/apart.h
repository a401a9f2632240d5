/* The position of a query that cannot go on, which the others of its group leave behind: it goes to a group of its own,
 * with which the next start takes the query up.
 *
 *     group G          query 1 ──── commit ─────────────── commit ──────▶
 *                      query 2 ──── commit ┃ fails
 *     group G.apart-2                      ┗ the position of that commit ┈┈┈┈┈ the next start goes on from there
 *
 * It is written for each partition before the first commit without the query. A start finds what was interrupted in
 * between: the query in both groups; then the partitions that are missing are set apart before anything works.
 *
 * Other processes that share the group (Kafka) do not know of it, and work on the query until it fails there too: they
 * are stopped before the query is taken up again. */
#ifndef METERLINE_STREAM_GROUP_APART_H
#define METERLINE_STREAM_GROUP_APART_H

#include "stream/group/group.h"

/* The group of a member's positions that were set apart. */
void query_apart_name(const char *group, const struct query_member *member, char to[QUERY_GROUP_NAME_SIZE]);
/* Is `name` such a group? *ret_length: of the name of the group that it was in. */
bool query_apart_is(const char *name, size_t *ret_length);
/* Sets the member's position of a partition apart, unless that was done before, or the group's position does not know
 * the member. */
int query_apart_set(struct bus *bus, const char *group, const struct query_member *member, int32_t partition,
                    struct error *error);

#endif
