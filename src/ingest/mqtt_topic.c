/* Topics of readings:
 *
 *     meterline/v1/GATEWAY/TYPE/ATTRIBUTE    a number, or {"value":..,"timestamp":..}
 *     meterline/v1/readings                  JSON: a reading, or an array of them
 *     meterline/v1/lines[/PRECISION]         line protocol; precision ns, us, ms, s
 *     meterline/v1/dsmr                      telegrams of a P1 port
 *     telegraf/..., influx/...               line protocol, as Telegraf publishes it
 *     v1/devices/me/telemetry                ThingsBoard: the device is the client
 *     v1/gateway/telemetry                   ThingsBoard: the payload names the devices */
#include "ingest/mqtt.h"

enum { TOPIC_LEVELS = 6 };

static size_t topic_split(struct slice topic, struct slice levels[TOPIC_LEVELS]) {
    size_t count = 0;
    const char *at = topic.data, *end = at + topic.length;
    for (;;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        if (count < TOPIC_LEVELS)
            levels[count] = (struct slice){at, (size_t)((slash ? slash : end) - at)};
        count++;
        if (!slash)
            return count;
        at = slash + 1;
    }
}

static const char *topic_precision(struct slice name, enum payload_precision *ret_precision) {
    static const struct {
        struct slice name;
        enum payload_precision precision;
    } names[] = {{SLICE("ns"), PAYLOAD_NANOSECONDS},
                 {SLICE("us"), PAYLOAD_MICROSECONDS},
                 {SLICE("ms"), PAYLOAD_MILLISECONDS},
                 {SLICE("s"), PAYLOAD_SECONDS}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal(name, names[i].name)) {
            *ret_precision = names[i].precision;
            return NULL;
        }
    return "the last level of meterline/v1/lines/PRECISION is ns, us, ms or s";
}

static const char *topic_of_meterline(const struct slice *levels, size_t count, struct payload *payload) {
    if (count == 3 && slice_equal(levels[2], SLICE("readings"))) {
        payload->format = PAYLOAD_JSON;
        return NULL;
    }
    if (count == 3 && slice_equal(levels[2], SLICE("dsmr"))) {
        payload->format = PAYLOAD_DSMR;
        return NULL;
    }
    if ((count == 3 || count == 4) && slice_equal(levels[2], SLICE("lines"))) {
        payload->format = PAYLOAD_LINE_PROTOCOL;
        return count == 4 ? topic_precision(levels[3], &payload->precision) : NULL;
    }
    if (count != 5)
        return "no topic of readings: meterline/v1/GATEWAY/TYPE/ATTRIBUTE, meterline/v1/readings, meterline/v1/lines "
               "or "
               "meterline/v1/dsmr";
    payload->format = PAYLOAD_VALUE;
    payload->gateway = levels[2];
    payload->type = levels[3];
    payload->attribute = levels[4];
    return NULL;
}

const char *mqtt_topic_read(struct slice topic, struct slice device, struct payload *payload) {
    struct slice levels[TOPIC_LEVELS];
    size_t count = topic_split(topic, levels);
    if (count > 2 && slice_equal(levels[0], SLICE("meterline")) && slice_equal(levels[1], SLICE("v1")))
        return topic_of_meterline(levels, count, payload);
    if (count > 1 && (slice_equal(levels[0], SLICE("telegraf")) || slice_equal(levels[0], SLICE("influx")))) {
        payload->format = PAYLOAD_LINE_PROTOCOL;
        return NULL;
    }
    if (slice_equal(topic, SLICE("v1/gateway/telemetry"))) {
        payload->format = PAYLOAD_THINGSBOARD_GATEWAY;
        return NULL;
    }
    if (!slice_equal(topic, SLICE("v1/devices/me/telemetry")))
        return "no topic of readings; docs/mqtt.md has those that are";
    payload->format = PAYLOAD_THINGSBOARD_DEVICE;
    payload->gateway = device;
    return device.length ? NULL : "the device has no name: it is the token's, or else the client id";
}
