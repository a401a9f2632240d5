/* Publisher: turns readings into records of a topic and gathers them in a producer. What all readings of a series
 * share (key, partition, head of the value) is made once. One thread. */
#ifndef METERLINE_REPLAY_PUBLISHER_H
#define METERLINE_REPLAY_PUBLISHER_H

#include "bus/bus.h"
#include "replay/source.h"

struct publisher;

/* Creates the topic when it is missing; unless `json`, registers the schema of readings. `name`: of two publishers
 * with one name the older is fenced off. */
int publisher_open(struct bus *bus, const char *name, const char *topic, bool json, struct publisher **ret_publisher,
                   struct error *error);
struct publisher *publisher_close(struct publisher *publisher); /* what was not committed is dropped */
/* `wall`: timestamp of the record, ms. A reading that is marked bad is published as one of several kinds of garbage,
 * in turn. */
int publisher_publish(struct publisher *publisher, const struct replay_source *source,
                      const struct replay_reading *reading, int64_t wall, struct error *error);
bool publisher_is_full(const struct publisher *publisher); /* enough is pending for a transaction */
void publisher_drop(struct publisher *publisher);          /* forgets what is pending */
bool publisher_is_empty(const struct publisher *publisher);
int publisher_commit(struct publisher *publisher, const struct bus_position *position,
                     struct error *error); /* as bus_producer_commit */

#endif
