/* Fuzz target: any bytes as a JSON reading, held against jansson: what jansson takes for an object is never "not
 * JSON" here (but for depth), both read the same value where it is a number, and strings that were read are valid UTF-8 and survive
 * writing and reading. jansson passes over a NUL after a number or a word; text with a NUL is never JSON (RFC 8259)
 * and is held against that alone. */
#include <jansson.h>
#include <stdlib.h>

#include "codec/json/json.h"
#include "codec/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reading *read_one(struct reading_reader *reader, struct slice text, struct arena *arena) {
    struct reading *reading;
    if (reading_reader_read(reader, &text, sizeof text, 1, arena, &reading, NULL))
        abort();
    return reading;
}

static void check_reading(struct reading_reader *reader, const struct reading *reading, const json_t *peer,
                          struct arena *arena) {
    const json_t *gateway = json_object_get(peer, "gateway"), *value = json_object_get(peer, "value");
    if (json_is_number(value) && json_number_value(value) != reading->value)
        abort();
    if (json_is_string(gateway) &&
        !slice_equal(reading->series.gateway, (struct slice){json_string_value(gateway), json_string_length(gateway)}))
        abort();
    struct bytes bytes = {0};
    json_write_reading(&bytes, reading->series.gateway, reading->series.type, reading->series.attribute,
                       reading->timestamp, reading->value);
    const struct reading *again = read_one(reader, bytes_slice(&bytes), arena);
    if (again->reason || again->null || !json_object_valid(bytes_slice(&bytes)) ||
        !slice_equal(reading->series.gateway, again->series.gateway) ||
        !slice_equal(reading->series.type, again->series.type) || again->timestamp != reading->timestamp ||
        again->value != reading->value)
        abort();
    bytes_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct reading_reader *reader;
    static struct arena arena;
    if (!reader && reading_reader_new(FORMAT_JSON, NULL, &reader, NULL))
        abort();
    arena_reset(&arena);
    struct slice text = {(const char *)data, size};
    json_error_t problem;
    const struct reading *reading = read_one(reader, text, &arena);
    const char *reason = reading->reason;
    if (size && memchr(data, '\0', size)) {
        if (!reason || json_object_valid(text))
            abort();
        return 0;
    }
    json_t *peer = json_loadb(text.data, size, JSON_ALLOW_NUL, &problem);
    if (json_is_object(peer)) {
        bool refused = reason && (strncmp(reason, "not JSON", 8) == 0 || strncmp(reason, "truncated", 9) == 0);
        if (refused && !strstr(reason, "nested deeper"))
            abort();
        if (size && data[0] == '{' && !refused && !reason && !json_object_valid(text))
            abort();
    }
    if (size && data[0] == '{' && json_object_valid(text) && !peer &&
        json_error_code(&problem) == json_error_invalid_syntax)
        abort();
    if (!reason && !reading->null)
        check_reading(reader, reading, json_is_object(peer) ? peer : NULL, &arena);
    json_decref(peer);
    return 0;
}
