/* Names of the topics that a group keeps for itself: what goes from one stage of a query to the next, and the
 * changelogs of what stages keep.
 *
 *     _meterline-GROUP.QUERY.repartition-0         what stage 0 of the query writes, and another one reads
 *     _meterline-GROUP.QUERY.changelog-1           what stage 1 keeps
 *
 * A name stands for one group, query and stage: GROUP and QUERY have no dot, so that nothing runs into another. What
 * is longer than 60 bytes, or has characters that a topic's name cannot have (a dot among them), is cut to what can,
 * and two dots and a hash follow. */
#ifndef METERLINE_STREAM_GROUP_INTERNAL_TOPIC_H
#define METERLINE_STREAM_GROUP_INTERNAL_TOPIC_H

#include "bus/bus.h"

enum internal_topic { INTERNAL_REPARTITION, INTERNAL_CHANGELOG };

/* `ret_name` has room for BUS_TOPIC_NAME_MAXIMUM + 1 bytes. */
void internal_topic_name(enum internal_topic kind, const char *group, const char *query, size_t stage, char *ret_name);
/* Is `topic` one of the internal topics of `group`, and of `query` when that is not NULL? */
bool internal_topic_belongs(const char *topic, const char *group, const char *query);

#endif
