/* Each worker has a writer on the producer's own connection; the ledger is told what was taken when the commit has
 * succeeded. */
#include "stream/sink/store_tap.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/memory.h"
#include "stream/sink/store_rows.h"

struct store_tap {
    struct tap base;
    struct store *store;
    int64_t window_size;
    char topic[BUS_TOPIC_NAME_MAXIMUM + 1];
    struct ledger ledger;
    atomic_bool taken; /* a sink has the ledger: without one nothing is written */
};

struct store_tap_writer {
    struct store_tap *tap;
    struct store_writer *writer;
    struct store_rows rows;
};

static void tap_close(void *context) {
    struct store_tap_writer *writer = context;
    store_writer_close(writer->writer);
    store_rows_release(&writer->rows);
    free(writer);
}

static int tap_open(struct tap *base, void **ret_writer, struct error *error) {
    struct store_tap *tap = (struct store_tap *)base;
    struct store_tap_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    writer->tap = tap;
    int status = store_rows_open(&writer->rows, tap->window_size, error);
    if (!status)
        status = store_writer_open(tap->store, &writer->writer, error);
    if (status) {
        tap_close(writer);
        return status;
    }
    *ret_writer = writer;
    return 0;
}

/* Records that are no rows are left to the sink, which rejects them. */
static int tap_write(void *context, struct database *transaction, const struct bus_record *records, size_t count,
                     bool *ret_taken, struct error *error) {
    struct store_tap_writer *writer = context;
    if (!atomic_load(&writer->tap->taken) || !store_joins(writer->tap->store, transaction))
        return 0;
    int status = store_rows_begin(&writer->rows, count, error);
    bool good = true;
    for (size_t i = 0; i < count && !status; i++) {
        const char *reason;
        status = store_rows_add(&writer->rows, &records[i], &reason, error);
        good &= !status && !reason;
    }
    if (!status && writer->rows.count)
        status = store_write(writer->writer, transaction, writer->rows.window_size, writer->rows.rows,
                             writer->rows.count, error);
    *ret_taken = !status && good;
    return status;
}

static void tap_committed(void *context, int32_t partition, int64_t from, int64_t to) {
    ledger_committed(&((struct store_tap_writer *)context)->tap->ledger, partition, from, to);
}

static void tap_rolled_back(void *context) {
    store_writer_rolled_back(((struct store_tap_writer *)context)->writer);
}

static struct store_tap *taps_find(const struct store_taps *taps, const char *topic) {
    for (size_t i = 0; i < taps->count; i++)
        if (strcmp(taps->taps[i]->topic, topic) == 0)
            return taps->taps[i];
    return NULL;
}

int store_taps_add(struct store_taps *taps, struct store *store, const char *topic, int64_t window_size,
                   struct error *error) {
    if (taps_find(taps, topic) || store_is_remote(store) || strlen(topic) > BUS_TOPIC_NAME_MAXIMUM)
        return 0;
    struct store_tap *tap = memory_zero(1, sizeof *tap);
    if (!tap || !memory_reserve((void **)&taps->taps, &taps->capacity, taps->count + 1, sizeof(struct store_tap *))) {
        free(tap);
        return error_no_memory(error);
    }
    tap->base = (struct tap){tap_open, tap_write, tap_committed, tap_rolled_back, tap_close};
    tap->store = store;
    tap->window_size = window_size;
    strcpy(tap->topic, topic);
    ledger_open(&tap->ledger);
    taps->taps[taps->count++] = tap;
    return 0;
}

void store_taps_release(struct store_taps *taps) {
    for (size_t i = 0; i < taps->count; i++) {
        ledger_close(&taps->taps[i]->ledger);
        free(taps->taps[i]);
    }
    free(taps->taps);
    *taps = (struct store_taps){0};
}

struct tap *store_taps_find(void *context, const char *topic) {
    struct store_tap *tap = taps_find(context, topic);
    return tap ? &tap->base : NULL;
}

struct ledger *store_taps_take_ledger(struct store_taps *taps, const char *topic) {
    struct store_tap *tap = taps ? taps_find(taps, topic) : NULL;
    return tap && !atomic_exchange(&tap->taken, true) ? &tap->ledger : NULL;
}

void store_taps_return_ledger(struct ledger *ledger) {
    struct store_tap *tap = (struct store_tap *)((char *)ledger - offsetof(struct store_tap, ledger));
    for (int32_t p = 0; p < BUS_PARTITIONS_MAXIMUM; p++)
        ledger_begin(ledger, p, -1);
    atomic_store(&tap->taken, false);
}
