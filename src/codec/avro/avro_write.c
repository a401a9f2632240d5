#include "codec/avro/avro.h"
#include "model/time/time.h"

static void avro_write_string(struct bytes *to, struct slice text) {
    bytes_append_zigzag(to, (int64_t)text.length);
    bytes_append_slice(to, text);
}

void avro_write_reading_head(struct bytes *to, int32_t schema_id, struct slice gateway, struct slice type,
                             struct slice attribute) {
    uint32_t id = (uint32_t)schema_id;
    const char wire[] = {0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
    bytes_append(to, wire, sizeof wire);
    avro_write_string(to, gateway);
    avro_write_string(to, type);
    avro_write_string(to, attribute);
}

void avro_write_reading_tail(struct bytes *to, int64_t timestamp, double value) {
    char *at = bytes_reserve(to, 1 + TIME_TEXT_SIZE + sizeof value);
    if (!at)
        return;
    size_t length = time_write(at + 1, timestamp);
    at[0] = (char)(length * 2); /* zigzag of a small length */
    memcpy(at + 1 + length, &value, sizeof value);
    to->length += 1 + length + sizeof value;
}
