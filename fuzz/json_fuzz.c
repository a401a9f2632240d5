/* Fuzz target: any bytes as a JSON reading, held against jansson: what jansson takes for an object is never "not
 * JSON" here (but for depth), both read the same value, and strings that were read are valid UTF-8 and survive
 * writing and reading. jansson passes over a NUL behind a number or a word; text with a NUL is never JSON (RFC 8259)
 * and is held against that alone. */
#include <jansson.h>
#include <stdlib.h>

#include "codec/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reading(const struct batch *batch, const json_t *peer) {
    struct slice gateway = batch->columns[READING_GATEWAY].strings[0], type = batch->columns[READING_TYPE].strings[0];
    double value = batch->columns[READING_VALUE].doubles[0];
    if (peer && json_number_value(json_object_get(peer, "value")) != value)
        abort();
    if (peer && !slice_equal(gateway, (struct slice){json_string_value(json_object_get(peer, "gateway")),
                                                     json_string_length(json_object_get(peer, "gateway"))}))
        abort();
    struct bytes bytes = {0};
    struct batch *again = batch_new(&schema_reading, 1);
    json_write_reading(&bytes, gateway, type, batch->columns[READING_ATTRIBUTE].strings[0],
                       batch->columns[READING_TIMESTAMP].integers[0], value);
    if (json_decode(bytes_slice(&bytes), again, 0) || !json_object_valid(bytes_slice(&bytes)))
        abort();
    if (!slice_equal(gateway, again->columns[READING_GATEWAY].strings[0]) ||
        !slice_equal(type, again->columns[READING_TYPE].strings[0]) ||
        again->columns[READING_TIMESTAMP].integers[0] != batch->columns[READING_TIMESTAMP].integers[0] ||
        again->columns[READING_VALUE].doubles[0] != value)
        abort();
    batch_free(again);
    bytes_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct batch *batch;
    if (!batch)
        batch = batch_new(&schema_reading, 1);
    batch_clear(batch, 1);
    struct slice text = {(const char *)data, size};
    json_error_t problem;
    const char *reason = json_decode(text, batch, 0);
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
    if (!reason)
        check_reading(batch, json_is_object(peer) ? peer : NULL);
    json_decref(peer);
    return 0;
}
