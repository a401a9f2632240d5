/* Joins: rows of two inputs, with the same number of partitions and the same key, brought together.
 *
 * Result rows: the left side's columns, then the right side's; before them, when `result.key_count` says so, the join key as a column of its own (see `key`). A side that has no
 * partner is NULL in all of its columns.
 *
 *   stream-table    the left side's rows look the table up as it is when they come; the right side's rows only change it
 *   stream-stream   WITHIN (before, after) [GRACE]: each side is kept in a buffer of event time
 *   table-table     a change of either side looks the other one up; results are changes (with `before` when asked for) */
#ifndef METERLINE_STREAM_JOIN_H
#define METERLINE_STREAM_JOIN_H

#include "stream/operator.h"

enum join_shape { JOIN_SHAPE_INNER, JOIN_SHAPE_LEFT, JOIN_SHAPE_RIGHT, JOIN_SHAPE_FULL };
enum join_inputs { JOIN_STREAM_TABLE, JOIN_STREAM_STREAM, JOIN_TABLE_TABLE };

struct join_plan {
    enum join_inputs inputs;
    enum join_shape shape;
    const struct row_schema *left, *right;
    const struct evaluator *left_key, *right_key;    /* the join key over each side's rows, of one type; of a table its primary key (perhaps a STRUCT of key columns) */
    int64_t before, after;       /* ms, stream-stream: match when left.time - before <= right.time <= left.time + after */
    int64_t grace;               /* ms; -1: not given, unmatched rows of an outer side leave at once */
    bool want_before;            /* table-table */
    struct row_schema result;    /* [key,] left columns, right columns; count == left->count + right->count + (0 or 1) */
};

int join_new(const struct join_plan *plan, struct operator *next, unsigned next_input, struct operator **ret_operator, struct error *error);

#endif
