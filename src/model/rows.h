/* Rows: a batch on its way between the operators of a query. Columns are vectors; beside them each row has its time,
 * perhaps its window, and where it came from. What an operator makes lives in the arena of the evaluation
 * (stream/evaluator.h) and is gone when the next input batch comes.
 *
 * Streams and tables look alike. A row of a stream is an event; `absent` marks a record without a value (it passes a
 * projection, and is dropped by everything else). A row of a table is a change of its key's value: `absent` marks a
 * deletion, and `before` tells what stood there before the change.
 *
 * Key columns come first, in the order of the key. A stream's key may be NULL in all of its columns (a record
 * without a key). */
#ifndef METERLINE_MODEL_ROWS_H
#define METERLINE_MODEL_ROWS_H

#include "model/vector.h"
#include <stdbool.h>
#include <stdint.h>

struct row_column {
    struct slice name;
    const struct type *type;
};

struct row_schema {
    const struct row_column *columns; /* the first `key_count` are the key's */
    size_t count, key_count;
    bool windowed; /* the key has a window */
};

struct rows {
    size_t count;              /* rows 0 .. count-1; every array below has room for them */
    struct selection selected; /* those that count, ascending; the others are undefined */
    size_t column_count;
    struct vector *columns;               /* as the schema says */
    uint8_t *absent;                      /* 1: no value; the value columns are NULL then */
    int64_t *times;                       /* ROWTIME, ms */
    int64_t *window_starts, *window_ends; /* ms; NULL unless windowed */
    /* index of the record of the input batch that brought the row about; never descending over `selected` */
    uint32_t *origins;
    /* after a repartition topic: the stream time of the partition where the record was first read, when it was read, by
     * which lateness is decided; NULL: the rows are that partition's own, stream time follows from their times */
    int64_t *stream_times;
    /* of rows as a source has read them: the number of their batch, by which operators of a task know that row r of one
     * and of the other is the same record; 0: they are not */
    uint64_t batch;
    int64_t *offsets;  /* ROWOFFSET; NULL after an operator that makes rows of several records */
    int32_t partition; /* ROWPARTITION, with `offsets` */
    /* of a table, the values before the change, row by row (absent: there was none); NULL: not known, not asked for,
     * or a stream. Only columns, absent and, but after an aggregate, times count in it. */
    const struct rows *before;
};

/* Room for `count` rows of `schema`: columns, absent (zero), times, origins, windows when windowed; the selection is
 * empty, with room for all. NULL: no memory. */
struct rows *rows_new(struct arena *arena, const struct row_schema *schema, size_t count);
/* A shallow copy that shares every array; its selection has room of its own. NULL: no memory. */
struct rows *rows_share(struct arena *arena, const struct rows *rows);

#endif
