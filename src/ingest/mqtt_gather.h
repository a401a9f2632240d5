/* Messages of MQTT to readings and rejections, many in one delivery. */
#ifndef METERLINE_INGEST_MQTT_GATHER_H
#define METERLINE_INGEST_MQTT_GATHER_H

#include "ingest/payload_pool.h"
#include "net/mqtt/mqtt.h"
#include "net/token.h"

/* Zeroed but for the first two. */
struct mqtt_gather {
    struct payload_pool *readers;
    int64_t received; /* ms since the epoch */
    struct arena arena;
    struct payload_reading *readings;
    struct payload_rejection *rejections;
    size_t count, rejected, reading_room, rejection_room;
};

/* Adds what was published, which results point into. `device`: who published it; `token`: what it may write, NULL:
 * anything. False: no memory. */
bool mqtt_gather_add(struct mqtt_gather *gather, const struct mqtt_packet *packet, struct slice device,
                     const struct token *token);
void mqtt_gather_release(struct mqtt_gather *gather);

#endif
