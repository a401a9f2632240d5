/* What a group of queries has left in the log, and is to be forgotten: positions and internal topics. Nothing of the
 * group may run, in any process. */
#ifndef METERLINE_STREAM_GROUP_FORGET_H
#define METERLINE_STREAM_GROUP_FORGET_H

#include "bus/bus.h"

/* Everything of group `name`: its queries begin with the oldest records again, and with nothing in between. */
int query_forget_all(struct bus *bus, const char *name, struct error *error);
/* What the queries `ids` have left: they hold back neither compaction nor retention any more. The positions of a
 * group that others share with them stay, without them, when it works again. */
int query_forget_queries(struct bus *bus, const char *name, const char *const *ids, size_t count, struct error *error);

#endif
