#include "stream/output/dead_letter.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

int dead_letters_open(struct dead_letters *dead_letters, struct bus_producer *producer, const char *name,
                      struct error *error) {
    static const struct bus_topic_settings kept = {.retention_time = -1, .retention_bytes = -1};
    *dead_letters = (struct dead_letters){
        .producer = producer, .headers = dead_letters->headers, .header_capacity = dead_letters->header_capacity};
    return bus_producer_topic(producer, name, &kept, &dead_letters->topic, &dead_letters->partitions, error);
}

void dead_letters_open_later(struct dead_letters *dead_letters, struct bus_producer *producer, const char *name) {
    *dead_letters = (struct dead_letters){.producer = producer, .name = name};
}

void dead_letters_release(struct dead_letters *dead_letters) {
    free(dead_letters->headers);
    *dead_letters = (struct dead_letters){0};
}

static struct bus_header header_of(const char *name, const char *value) {
    return (struct bus_header){slice_of(name), slice_of(value)};
}

int dead_letters_produce(struct dead_letters *dead_letters, const struct bus_batch *batch, size_t index,
                         const struct bus_header *why, size_t why_count, struct error *error) {
    struct bus_record record = batch->records[index];
    int status =
        dead_letters->name ? dead_letters_open(dead_letters, dead_letters->producer, dead_letters->name, error) : 0;
    if (status)
        return status;
    size_t count = record.header_count;
    if (!memory_reserve((void **)&dead_letters->headers, &dead_letters->header_capacity, count + why_count + 3,
                        sizeof *dead_letters->headers))
        return error_no_memory(error);
    char partition[16], offset[24];
    snprintf(partition, sizeof partition, "%d", (int)batch->partition);
    snprintf(offset, sizeof offset, "%lld", (long long)(batch->base_offset + (int64_t)index));
    if (count)
        memcpy(dead_letters->headers, record.headers, count * sizeof *record.headers);
    memcpy(dead_letters->headers + count, why, why_count * sizeof *why);
    count += why_count;
    dead_letters->headers[count++] = header_of("origin.topic", batch->topic);
    dead_letters->headers[count++] = header_of("origin.partition", partition);
    dead_letters->headers[count++] = header_of("origin.offset", offset);
    record.headers = dead_letters->headers;
    record.header_count = count;
    return bus_produce(dead_letters->producer, dead_letters->topic, batch->partition % dead_letters->partitions,
                       &record, error);
}

int dead_letters_reject(struct dead_letters *dead_letters, const struct bus_batch *batch, size_t index,
                        const char *reason, struct error *error) {
    struct bus_header header = header_of("error", reason);
    return dead_letters_produce(dead_letters, batch, index, &header, 1, error);
}
