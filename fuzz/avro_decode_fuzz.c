/* Fuzz target: any bytes as a body, under four schemas. What is read lies inside the body and in range; a good body
 * is no longer good without its last byte; and what is read with the schema of readings is written again with the
 * same bytes when its timestamp was in meterline's form. */
#include <stdlib.h>

#include "codec/avro/avro.h"
#include "model/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const schemas[] = {
    schema_reading_avro,
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"map\",\"values\":{\"type\":"
    "\"array\",\"items\":[\"null\",\"int\",\"bytes\"]}}},"
    "{\"name\":\"value\",\"type\":[\"null\",\"float\",\"long\"]},{\"name\":\"timestamp\",\"type\":{\"type\":\"long\","
    "\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"gateway\",\"type\":\"string\"},{\"name\":\"metricType\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
    "\"symbols\":[\"A\",\"B\"]}},"
    "{\"name\":\"metricAttribute\",\"type\":[\"string\",\"boolean\"]}]}",
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":\"L\","
    "\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"L\"]},"
    "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},{\"name\":\"z\",\"type\":{\"type\":"
    "\"array\",\"items\":\"null\"}}]}},"
    "{\"name\":\"gateway\",\"type\":\"string\"},{\"name\":\"metricType\",\"type\":\"string\"},{\"name\":"
    "\"metricAttribute\",\"type\":\"string\"},"
    "{\"name\":\"timestamp\",\"type\":\"string\"},{\"name\":\"value\",\"type\":\"int\"}]}",
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"value\",\"type\":[{\"type\":\"bytes\",\"logicalType\":"
    "\"decimal\",\"precision\":9,\"scale\":3},"
    "{\"type\":\"fixed\",\"name\":\"F\",\"size\":130,\"logicalType\":\"decimal\",\"precision\":9}]},{\"name\":"
    "\"timestamp\",\"type\":[\"bytes\","
    "{\"type\":\"long\",\"logicalType\":\"local-timestamp-nanos\"}]},{\"name\":\"metricType\",\"type\":\"bytes\"},{"
    "\"name\":\"metricAttribute\",\"type\":\"string\"},"
    "{\"name\":\"gateway\",\"type\":\"bytes\"}]}",
};
enum { SCHEMAS = sizeof schemas / sizeof *schemas };

static void check_round_trip(struct slice body, const struct batch *batch) {
    struct bytes bytes = {0};
    int64_t time = batch->columns[READING_TIMESTAMP].integers[0];
    avro_write_reading_head(&bytes, 1, batch->columns[READING_GATEWAY].strings[0],
                            batch->columns[READING_TYPE].strings[0], batch->columns[READING_ATTRIBUTE].strings[0]);
    avro_write_reading_tail(&bytes, time, batch->columns[READING_VALUE].doubles[0]);
    char text[TIME_TEXT_SIZE];
    size_t length = time_write(text, time);
    bool same_form = body.length >= 8 + length && memcmp(body.data + body.length - 8 - length, text, length) == 0;
    if (same_form && bytes.length == body.length + 5 && memcmp(bytes.data + 5, body.data, body.length) != 0)
        abort();
    bytes_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct avro_plan *plans[SCHEMAS];
    static struct batch *batch;
    if (!batch) {
        batch = batch_new(&schema_reading, 1);
        for (int i = 0; i < SCHEMAS; i++)
            if (avro_plan_new(slice_of(schemas[i]), &schema_reading, &plans[i], NULL))
                abort();
    }
    struct slice body = {(const char *)data, size};
    for (int i = 0; i < SCHEMAS; i++) {
        batch_clear(batch, 1);
        if (avro_decode(plans[i], body, batch, 0))
            continue;
        int64_t time = batch->columns[READING_TIMESTAMP].integers[0];
        struct slice gateway = batch->columns[READING_GATEWAY].strings[0];
        if (time < TIME_MINIMUM || time > TIME_MAXIMUM || gateway.data < body.data ||
            gateway.data + gateway.length > body.data + body.length)
            abort();
        if (i == 0)
            check_round_trip(body, batch);
        if (!avro_decode(plans[i], (struct slice){body.data, size - 1}, batch, 0))
            abort();
    }
    return 0;
}
