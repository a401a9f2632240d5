#include "model/batch.h"

#include "core/memory.h"

static size_t column_width(enum column_type type) {
    return type == COLUMN_STRING ? sizeof(struct slice) : sizeof(int64_t);
}

/* Each array grows on its own; `capacity` moves when all of them have. */
static bool batch_grow(struct batch *batch, size_t capacity) {
    for (size_t c = 0; c < batch->schema->count; c++) {
        void *grown = memory_resize(batch->columns[c].integers, capacity, column_width(batch->schema->columns[c].type));
        if (!grown)
            return false;
        batch->columns[c].integers = grown;
    }
    int64_t *offsets = memory_resize(batch->offsets, capacity, sizeof *offsets);
    if (offsets)
        batch->offsets = offsets;
    uint8_t *status = memory_resize(batch->status, capacity, sizeof *status);
    if (status)
        batch->status = status;
    const char **reasons = memory_resize(batch->reasons, capacity, sizeof *reasons);
    if (reasons)
        batch->reasons = reasons;
    if (!offsets || !status || !reasons)
        return false;
    batch->capacity = capacity;
    return true;
}

struct batch *batch_new(const struct schema *schema, size_t capacity) {
    struct batch *batch = memory_zero(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->schema = schema;
    batch->columns = memory_zero(schema->count, sizeof *batch->columns);
    if (!batch->columns || !batch_grow(batch, capacity ? capacity : 1))
        return batch_free(batch);
    return batch;
}

struct batch *batch_free(struct batch *batch) {
    if (!batch)
        return NULL;
    for (size_t c = 0; batch->columns && c < batch->schema->count; c++)
        free(batch->columns[c].integers);
    free(batch->columns);
    free(batch->offsets);
    free(batch->status);
    free(batch->reasons);
    arena_release(&batch->arena);
    free(batch);
    return NULL;
}

bool batch_clear(struct batch *batch, size_t capacity) {
    batch->count = 0;
    arena_reset(&batch->arena);
    return capacity <= batch->capacity || batch_grow(batch, capacity);
}
