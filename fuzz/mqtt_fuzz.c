/* Fuzz target: the first byte chooses the version, the rest are packets one after another. What is read must lie in the
 * bytes, and reading must go on or end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/mqtt/mqtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_inside(struct slice whole, struct slice part) {
    if (part.length && (part.data < whole.data || part.data + part.length > whole.data + whole.length))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    enum mqtt_version version = data[0] & 1 ? MQTT_5 : MQTT_3;
    struct slice bytes = {(const char *)data + 1, size - 1};
    for (;;) {
        struct mqtt_packet packet;
        struct mqtt_refusal refusal = {0};
        ssize_t length = mqtt_read(bytes, version, 1024 * 1024, &packet, &refusal);
        if (length < 0 && (!refusal.text || refusal.reason < 0x80))
            abort();
        if (length <= 0)
            return 0;
        if ((size_t)length > bytes.length || (packet.type == MQTT_PUBLISH && packet.qos && !packet.id))
            abort();
        fuzz_inside(bytes, packet.topic);
        fuzz_inside(bytes, packet.payload);
        fuzz_inside(bytes, packet.connect.client_id);
        fuzz_inside(bytes, packet.connect.password);
        fuzz_inside(bytes, packet.properties.reason);
        bytes = (struct slice){bytes.data + length, bytes.length - (size_t)length};
    }
}
