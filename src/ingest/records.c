#include "ingest/records.h"

#include <stdio.h>

#include "codec/avro/avro.h"
#include "codec/json/json.h"
#include "model/schema.h"

static int writer_open_rejected(struct record_writer *writer, const char *topic, struct error *error) {
    static const struct bus_topic_settings kept = {.retention_time = -1, .retention_bytes = -1};
    char name[BUS_TOPIC_NAME_MAXIMUM + sizeof "-rejected"];
    snprintf(name, sizeof name, "%.249s-rejected", topic);
    return bus_producer_topic(writer->producer, name, &kept, &writer->rejected_topic, &writer->rejected_partitions,
                              error);
}

int record_writer_open(struct record_writer *writer, struct bus *bus, const char *topic, bool json,
                       struct error *error) {
    const struct bus_producer_options options = {0};
    const struct registry *registry = bus_registry(bus);
    *writer = (struct record_writer){.json = json};
    int status = bus_producer_open(bus, &options, &writer->producer, error);
    if (!status)
        status = bus_producer_topic(writer->producer, topic, NULL, &writer->topic, &writer->partitions, error);
    if (!status)
        status = writer_open_rejected(writer, topic, error);
    if (!status && !json)
        status = registry ? registry->add(registry->context, SCHEMA_READING_SUBJECT, SCHEMA_AVRO,
                                          slice_of(schema_reading_avro), &writer->schema_id, error)
                          : error_set(error, ERROR_INVALID,
                                      "Avro on Kafka needs a schema registry: give --registry URL, or --json");
    if (status)
        record_writer_close(writer);
    return status;
}

void record_writer_close(struct record_writer *writer) {
    bus_producer_close(writer->producer);
    bytes_release(&writer->key);
    bytes_release(&writer->value);
    *writer = (struct record_writer){0};
}

static void writer_encode(struct record_writer *writer, const struct payload_reading *reading) {
    const struct series *series = &reading->series;
    size_t length = series_key_length(series);
    writer->key.length = writer->value.length = 0;
    char *key = bytes_reserve(&writer->key, length);
    if (key) {
        series_key_write(series, key);
        writer->key.length = length;
    }
    if (writer->json) {
        json_write_reading(&writer->value, series->gateway, series->type, series->attribute, reading->timestamp,
                           reading->value);
    } else {
        avro_write_reading_head(&writer->value, writer->schema_id, series->gateway, series->type, series->attribute);
        avro_write_reading_tail(&writer->value, reading->timestamp, reading->value);
    }
}

static int writer_write_reading(struct record_writer *writer, const struct delivery *delivery,
                                const struct payload_reading *reading, struct error *error) {
    char sequence[24];
    struct bus_header headers[2];
    struct bus_record record = {.timestamp = delivery->received, .headers = headers};
    writer_encode(writer, reading);
    if (writer->key.failed || writer->value.failed)
        return error_no_memory(error);
    record.key = bytes_slice(&writer->key);
    record.value = bytes_slice(&writer->value);
    if (delivery->identity.length) {
        snprintf(sequence, sizeof sequence, "%u.%u", reading->line, reading->part);
        headers[record.header_count++] = (struct bus_header){SLICE("ingest.id"), delivery->identity};
        headers[record.header_count++] = (struct bus_header){SLICE("ingest.seq"), slice_of(sequence)};
    } else if (reading->own_time) {
        headers[record.header_count++] = (struct bus_header){SLICE("ingest.id"), SLICE("")};
    }
    return bus_produce(writer->producer, writer->topic, bus_partition(record.key, writer->partitions), &record, error);
}

static int writer_write_piece(struct record_writer *writer, const struct delivery *delivery,
                              const struct payload_rejection *rejection, size_t piece, size_t pieces,
                              struct error *error) {
    char line[16], part[48];
    size_t from = piece * REJECTION_PIECE, left = rejection->text.length - from;
    snprintf(line, sizeof line, "%u", rejection->line);
    struct bus_header headers[5] = {{SLICE("error"), slice_of(rejection->reason)},
                                    {SLICE("origin.source"), delivery->source},
                                    {SLICE("origin.line"), slice_of(line)}};
    struct bus_record record = {.timestamp = delivery->received, .headers = headers, .header_count = 3};
    if (delivery->identity.length)
        headers[record.header_count++] = (struct bus_header){SLICE("ingest.id"), delivery->identity};
    if (pieces > 1) {
        snprintf(part, sizeof part, "%zu/%zu", piece + 1, pieces);
        headers[record.header_count++] = (struct bus_header){SLICE("origin.part"), slice_of(part)};
    }
    record.value = (struct slice){rejection->text.data ? rejection->text.data + from : "",
                                  left < REJECTION_PIECE ? left : REJECTION_PIECE};
    /* All pieces in one partition, so that they stay in their order. */
    int32_t partition = bus_partition(delivery->source, writer->rejected_partitions);
    return bus_produce(writer->producer, writer->rejected_topic, partition, &record, error);
}

int record_writer_write(struct record_writer *writer, const struct delivery *delivery, const bool *known,
                        struct error *error) {
    int status = 0;
    for (size_t i = 0; i < delivery->count && !status; i++)
        if (!known[i])
            status = writer_write_reading(writer, delivery, &delivery->readings[i], error);
    for (size_t i = 0; i < delivery->rejected && !status; i++) {
        const struct payload_rejection *rejection = &delivery->rejections[i];
        size_t pieces = rejection->text.length ? (rejection->text.length + REJECTION_PIECE - 1) / REJECTION_PIECE : 1;
        for (size_t piece = 0; piece < pieces && !status; piece++)
            status = writer_write_piece(writer, delivery, rejection, piece, pieces, error);
    }
    return status;
}
