/* Records that wait for a commit which taps join: what a worker has written to topics that have one. One thread. */
#ifndef METERLINE_STREAM_OUTPUT_TAPPED_H
#define METERLINE_STREAM_OUTPUT_TAPPED_H

#include "core/arena.h"
#include "stream/output/tap.h"

/* One partition of a tapped topic. */
struct tapped_partition {
    struct bus_record *records; /* in `arena` of the topic */
    size_t count, capacity;
    bool taken; /* the last try of the commit */
};

/* A topic with a tap; zeroed: none. */
struct tapped {
    struct tap *tap; /* NULL: the topic has none, and all else is unused */
    void *writer;
    int32_t topic, partition_count; /* the producer's handle */
    struct tapped_partition *partitions;
    struct arena arena;
    bool written; /* within the open transaction */
};

/* `taps` may be NULL. */
int tapped_open(struct tapped *tapped, const struct taps *taps, const char *topic, int32_t handle, int32_t partitions,
                struct error *error);
void tapped_close(struct tapped *tapped); /* before the producer, whose database the writer may have joined */
/* Copies the record. */
int tapped_add(struct tapped *tapped, int32_t partition, const struct bus_record *record, struct error *error);
bool tapped_pending(const struct tapped *tapped);
/* Within the transaction that the producer has begun. */
int tapped_write(struct tapped *tapped, struct database *transaction, struct error *error);
/* What one of two taps of a topic has not taken, the other has not either: they share its offsets. */
void tapped_join(struct tapped *tapped, const struct tapped *other);
void tapped_committed(struct tapped *tapped, const struct bus_producer *producer);
void tapped_rolled_back(struct tapped *tapped); /* the records are kept for the next try, until tapped_clear */
void tapped_clear(struct tapped *tapped);

#endif
