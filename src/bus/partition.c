/* murmur2 as Kafka's Java client uses it for keys (org.apache.kafka.common.utils.Utils.murmur2): seed 0x9747b28c,
 * little-endian words. */
#include "bus/bus.h"

static uint32_t murmur2(const unsigned char *data, size_t length) {
    const uint32_t multiplier = 0x5bd1e995;
    uint32_t hash = UINT32_C(0x9747b28c) ^ (uint32_t)length;
    size_t words = length / 4;
    for (size_t i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, data + 4 * i, sizeof word);
        word *= multiplier;
        word ^= word >> 24;
        word *= multiplier;
        hash = hash * multiplier ^ word;
    }
    const unsigned char *tail = data + 4 * words;
    size_t rest = length % 4;
    if (rest >= 3)
        hash ^= (uint32_t)tail[2] << 16;
    if (rest >= 2)
        hash ^= (uint32_t)tail[1] << 8;
    if (rest >= 1) {
        hash ^= tail[0];
        hash *= multiplier;
    }
    hash ^= hash >> 13;
    hash *= multiplier;
    return hash ^ hash >> 15;
}

int32_t bus_partition(struct slice key, int32_t partitions) {
    return (int32_t)((murmur2((const unsigned char *)key.data, key.length) & 0x7fffffff) % (uint32_t)partitions);
}
