#include "stream/sink/store_sink.h"

#include <stdlib.h>

#include "core/memory.h"
#include "stream/sink/store_rows.h"
#include "stream/sink/store_tap.h"

struct store_sink {
    struct store_writer *writer;
    struct store_rows rows;
    struct aggregate_row *taken; /* of blocks */
    size_t taken_capacity;
};

static void store_sink_close(void *context) {
    struct store_sink *sink = context;
    store_writer_close(sink->writer);
    store_rows_release(&sink->rows);
    free(sink->taken);
    free(sink);
}

int store_sink_new(struct store *store, const struct store_window *window, void **ret_context, struct error *error) {
    struct store_sink *sink = memory_zero(1, sizeof *sink);
    if (!sink)
        return error_no_memory(error);
    int status = store_rows_open(&sink->rows, window, error);
    if (!status)
        status = store_writer_open(store, &sink->writer, error);
    if (status) {
        store_sink_close(sink);
        return status;
    }
    *ret_context = sink;
    return 0;
}

static int store_sink_write(void *context, const struct bus_batch *records, struct dead_letters *dead_letters,
                            size_t *ret_done, struct error *error) {
    struct store_sink *sink = context;
    int status = store_rows_begin(&sink->rows, records->count, error);
    for (size_t i = 0; i < records->count && !status; i++) {
        const char *reason;
        status = store_rows_add(&sink->rows, &records->records[i], &reason, error);
        if (!status && reason)
            status = dead_letters_reject(dead_letters, records, i, reason, error);
    }
    if (!status && sink->rows.count)
        status = store_write(sink->writer, NULL, &sink->rows.bounds.window, sink->rows.rows, sink->rows.count, error);
    *ret_done = status ? 0 : records->count;
    return status;
}

/* All blocks in one write: a store has the fewer transactions. */
static int store_sink_take(void *context, struct feed_block *const *blocks, size_t count, struct error *error) {
    struct store_sink *sink = context;
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        const struct store_block *block = (const struct store_block *)blocks[i];
        size_t here = block->base.bytes ? block->count : 0;
        if (!memory_reserve((void **)&sink->taken, &sink->taken_capacity, rows + here, sizeof *sink->taken))
            return error_no_memory(error);
        if (here)
            memcpy(&sink->taken[rows], block->rows, here * sizeof *block->rows);
        rows += here;
    }
    return rows ? store_write(sink->writer, NULL, &sink->rows.bounds.window, sink->taken, rows, error) : 0;
}

static int store_sink_flush(void *context, struct error *error) {
    return store_flush(((struct store_sink *)context)->writer, error);
}

const struct sink_target store_sink_target = {.name = "the store sink",
                                              .write = store_sink_write,
                                              .take = store_sink_take,
                                              .flush = store_sink_flush,
                                              .close = store_sink_close};
