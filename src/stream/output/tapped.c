/* Copies of records by partition, in one arena that is reset by each commit. */
#include "stream/output/tapped.h"

#include <stdlib.h>

#include "core/memory.h"

int tapped_open(struct tapped *tapped, const struct taps *taps, const char *topic, int32_t handle, int32_t partitions,
                struct error *error) {
    *tapped = (struct tapped){.topic = handle, .partition_count = partitions};
    struct tap *tap = taps && taps->find ? taps->find(taps->context, topic) : NULL;
    if (!tap)
        return 0;
    tapped->partitions = memory_zero((size_t)partitions, sizeof *tapped->partitions);
    if (!tapped->partitions)
        return error_no_memory(error);
    int status = tap->open(tap, &tapped->writer, error);
    tapped->tap = status ? NULL : tap;
    return status;
}

void tapped_close(struct tapped *tapped) {
    if (tapped->tap)
        tapped->tap->close(tapped->writer);
    for (int32_t p = 0; tapped->partitions && p < tapped->partition_count; p++)
        free(tapped->partitions[p].records);
    free(tapped->partitions);
    arena_release(&tapped->arena);
    *tapped = (struct tapped){0};
}

int tapped_add(struct tapped *tapped, int32_t partition, const struct bus_record *record, struct error *error) {
    struct tapped_partition *to = &tapped->partitions[partition];
    size_t headers = record->header_count * sizeof *record->headers;
    struct bus_record copy = *record;
    copy.key = arena_copy(&tapped->arena, record->key);
    copy.value = arena_copy(&tapped->arena, record->value);
    struct bus_header *kept = headers ? arena_allocate(&tapped->arena, headers) : NULL;
    bool room = !(record->key.data && !copy.key.data) && !(record->value.data && !copy.value.data) &&
                !(headers && !kept) &&
                memory_reserve((void **)&to->records, &to->capacity, to->count + 1, sizeof *to->records);
    for (size_t i = 0; room && i < record->header_count; i++) {
        kept[i] = (struct bus_header){arena_copy(&tapped->arena, record->headers[i].name),
                                      arena_copy(&tapped->arena, record->headers[i].value)};
        room = kept[i].name.data && (kept[i].value.data || !record->headers[i].value.data);
    }
    if (!room)
        return error_no_memory(error);
    copy.headers = kept;
    to->records[to->count++] = copy;
    return 0;
}

bool tapped_pending(const struct tapped *tapped) {
    for (int32_t p = 0; tapped->tap && p < tapped->partition_count; p++)
        if (tapped->partitions[p].count)
            return true;
    return false;
}

int tapped_write(struct tapped *tapped, struct database *transaction, struct error *error) {
    int status = 0;
    for (int32_t p = 0; tapped->tap && p < tapped->partition_count && !status; p++) {
        struct tapped_partition *at = &tapped->partitions[p];
        at->taken = false;
        if (!at->count)
            continue;
        tapped->written = true;
        status = tapped->tap->write(tapped->writer, transaction, at->records, at->count, &at->taken, error);
    }
    return status;
}

void tapped_join(struct tapped *tapped, const struct tapped *other) {
    bool same = tapped->tap && other->tap && tapped->topic == other->topic;
    for (int32_t p = 0; same && p < tapped->partition_count; p++)
        if (other->partitions[p].count && !other->partitions[p].taken)
            tapped->partitions[p].taken = false;
}

void tapped_committed(struct tapped *tapped, const struct bus_producer *producer) {
    int64_t from, to;
    for (int32_t p = 0; tapped->tap && p < tapped->partition_count; p++)
        if (tapped->partitions[p].taken && bus_producer_written(producer, tapped->topic, p, &from, &to))
            tapped->tap->committed(tapped->writer, p, from, to);
    tapped_clear(tapped);
}

void tapped_rolled_back(struct tapped *tapped) {
    if (tapped->tap && tapped->written)
        tapped->tap->rolled_back(tapped->writer);
    tapped->written = false;
}

void tapped_clear(struct tapped *tapped) {
    for (int32_t p = 0; tapped->tap && p < tapped->partition_count; p++) {
        tapped->partitions[p].count = 0;
        tapped->partitions[p].taken = false;
    }
    tapped->written = false;
    arena_reset(&tapped->arena);
}
