/* A batch: many records decoded into columns. Operators see nothing else.
 *
 * Row i of a batch came from the record at offset `offset[i]` of one topic partition; offsets rise. Strings point
 * into the record batch the rows were decoded from (or into the batch's arena) and live as long as it. A row whose
 * `status` is not ROW_GOOD has undefined columns; operators pass it by, the task accounts for it. One owner, one
 * thread. */
#ifndef METERLINE_MODEL_BATCH_H
#define METERLINE_MODEL_BATCH_H

#include "core/arena.h"
#include "core/slice.h"
#include "model/schema.h"
#include <stdbool.h>
#include <stdint.h>

enum row_status {
    ROW_GOOD,
    ROW_NULL,     /* no value (a tombstone) */
    ROW_REJECTED, /* cannot be read; `reason` says why */
    ROW_FILTERED, /* a filter said no */
};

union column {
    struct slice *strings;
    int64_t *integers; /* COLUMN_INTEGER, COLUMN_TIMESTAMP */
    double *doubles;
};

struct batch {
    const struct schema *schema;
    size_t count, capacity;
    union column *columns; /* schema->count of them, each with room for `capacity` values */
    int64_t *offsets;
    uint8_t *status;      /* enum row_status */
    const char **reasons; /* for ROW_REJECTED: static text or in `arena` */
    struct arena arena;   /* reset by batch_clear */
};

/* NULL when memory has run out. */
struct batch *batch_new(const struct schema *schema, size_t capacity);
struct batch *batch_free(struct batch *batch);
/* count = 0, the arena reset, and room for at least `capacity` rows. False: no memory (the batch stays usable). */
bool batch_clear(struct batch *batch, size_t capacity);

#endif
