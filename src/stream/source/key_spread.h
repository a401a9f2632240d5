/* Are the keys of a topic where Kafka's default partitioner puts them? Windows and joins by the key rest on it: keys
 * that two partitioners spread lie on several partitions, and each then sees only a part of them. */
#ifndef METERLINE_STREAM_SOURCE_KEY_SPREAD_H
#define METERLINE_STREAM_SOURCE_KEY_SPREAD_H

#include "bus/bus.h"
#include "stream/plan.h"

#define KEY_SPREAD_MESSAGE                                                                                             \
    "keys are spread by another partitioner than the one of Kafka's Java client (murmur2 of the key): records of one " \
    "key may lie on several partitions, where windows and joins by the key see only a part of them; let all who "      \
    "publish use it (librdkafka, kcat: partitioner=murmur2_random)"

/* Is a record's key on another partition than its own? Some records of the batch are looked at, all of a small one;
 * those without a key may lie anywhere. */
bool key_spread_differs(const struct bus_batch *records, int32_t partitions);
/* Does a stage group or join what it reads by the key? */
bool key_spread_matters(const struct stage_plan *stage);

#endif
