#include "ingest/mqtt_gather.h"

#include "codec/row/reason.h"
#include "core/memory.h"
#include "ingest/mqtt.h"

static bool gather_reject(struct mqtt_gather *gather, struct slice topic, const char *reason, uint32_t line,
                          struct slice text) {
    if (!memory_reserve((void **)&gather->rejections, &gather->rejection_room, gather->rejected + 1,
                        sizeof *gather->rejections))
        return false;
    char shown[81];
    reason_show(shown, sizeof shown, topic);
    reason = reason_format(&gather->arena, "topic %s: %s", shown, reason);
    gather->rejections[gather->rejected++] = (struct payload_rejection){line, reason, text};
    return true;
}

static bool gather_take(struct mqtt_gather *gather, const struct mqtt_packet *packet,
                        const struct payload_result *result, const struct token *token) {
    bool done = memory_reserve((void **)&gather->readings, &gather->reading_room, gather->count + result->count + 1,
                               sizeof *gather->readings);
    for (size_t i = 0; i < result->count && done; i++) {
        const struct payload_reading *reading = &result->readings[i];
        if (token && !token_allows_gateway(token, reading->series.gateway))
            done = gather_reject(gather, packet->topic, "the token may not write readings of this gateway",
                                 reading->line, packet->payload);
        else
            gather->readings[gather->count++] = *reading;
    }
    for (size_t i = 0; i < result->rejected && done; i++)
        done = gather_reject(gather, packet->topic, result->rejections[i].reason, result->rejections[i].line,
                             result->rejections[i].text);
    return done;
}

bool mqtt_gather_add(struct mqtt_gather *gather, const struct mqtt_packet *packet, struct slice device,
                     const struct token *token) {
    struct payload payload = {.body = packet->payload, .received = gather->received};
    struct payload_result result;
    const char *reason = mqtt_topic_read(packet->topic, arena_copy(&gather->arena, device), &payload);
    if (reason)
        return gather_reject(gather, packet->topic, reason, 1, packet->payload);
    return payload_pool_read(gather->readers, &payload, &gather->arena, &result, NULL) == 0 &&
           gather_take(gather, packet, &result, token);
}

void mqtt_gather_release(struct mqtt_gather *gather) {
    arena_release(&gather->arena);
    free(gather->readings);
    free(gather->rejections);
}
