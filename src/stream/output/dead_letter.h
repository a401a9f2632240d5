/* Records that could not be used, passed on unchanged: after their own headers come some that say why, and
 * origin.topic, origin.partition, origin.offset. */
#ifndef METERLINE_STREAM_OUTPUT_DEAD_LETTER_H
#define METERLINE_STREAM_OUTPUT_DEAD_LETTER_H

#include "bus/bus.h"

/* A topic for dead letters, and room for headers. */
struct dead_letters {
    struct bus_producer *producer;
    const char *name; /* of a topic that is made with its first record; NULL: it is open */
    int32_t topic, partitions;
    struct bus_header *headers;
    size_t header_capacity;
};

/* Topic `name` is created when missing and keeps its records for ever. */
int dead_letters_open(struct dead_letters *dead_letters, struct bus_producer *producer, const char *name,
                      struct error *error);
/* The same with the first record; `name` outlives it. */
void dead_letters_open_later(struct dead_letters *dead_letters, struct bus_producer *producer, const char *name);
void dead_letters_release(struct dead_letters *dead_letters);
/* To the partition that the record came from, whatever its key, so that the order does not depend on the workers. */
int dead_letters_produce(struct dead_letters *dead_letters, const struct bus_batch *batch, size_t index,
                         const struct bus_header *why, size_t why_count, struct error *error);
int dead_letters_reject(struct dead_letters *dead_letters, const struct bus_batch *batch, size_t index,
                        const char *reason, struct error *error);

#endif
