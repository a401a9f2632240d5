/* The topics of queries: made before anything runs, with partitions that fit together. */
#ifndef METERLINE_STREAM_GROUP_TOPICS_H
#define METERLINE_STREAM_GROUP_TOPICS_H

#include "stream/group/group.h"

/* Makes what `plan` reads and writes in group `group`, where it is missing: a source with the bus's number of partitions, a sink with
 * as many as it asks for or as its input has, a repartition topic with as many as what it is joined with. */
int query_topics_ensure(struct bus *bus, const char *group, const struct query_plan *plan, struct error *error);
/* Finds the group's number of partitions, and makes the topics of its changelogs. ERROR_INVALID: its topics differ.
 * ERROR_NOT_FOUND: a changelog that a position needs is gone. */
int query_topics_open(struct bus *bus, struct query_group *group, struct error *error);

#endif
