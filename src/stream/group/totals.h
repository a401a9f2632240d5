/* What a query has counted since its first record, from the committed positions of by whatever program. */
#ifndef METERLINE_STREAM_GROUP_TOTALS_H
#define METERLINE_STREAM_GROUP_TOTALS_H

#include "bus/bus.h"
#include "stream/group/position.h"

/* Over all groups, topics and partitions. *ret_found: some position tells of the query. */
int query_totals(struct bus *bus, const char *id, struct query_counters *ret_counters, bool *ret_found,
                 struct error *error);

#endif
