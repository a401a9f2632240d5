/* Joins: rows of two inputs, with the same number of partitions and the same key, brought together. Input 0 is the
 * left side, input 1 the right one.
 *
 * Result rows: the left side's columns, then the right side's; before them, when result.count leaves room for one,
 * the join key as a column of its own. A side that has no partner is NULL in all of its columns.
 *
 *   stream-table    the left side's rows look the table up as it is when they come; the right side's rows only change it
 *   stream-stream   WITHIN (before, after) [GRACE]: each side is kept in a buffer of event time
 *   table-table     a change of either side looks the other one up; results are changes (with `before` when asked for). A row that is absent has the key
 *                   columns of each side that is known (of a foreign-key join, of the left one); the rest is NULL
 *
 * NULL keys: an outer stream side's row leaves unmatched at once, and moves no time; other rows are passed by, and
 * counted as null. Absent rows of a stream are too.
 *
 * State comes back by changelog. With `replayed` (tables only) there is none: the tables are filled by reading their
 * topics again from the beginning, with context->restoring set. While restoring, a join pushes no result but those
 * of left rows of a stream-table join, which may rebuild an operator after it; a table that is not `replayed`, and
 * a buffer, ignore such rows. */
#ifndef METERLINE_STREAM_JOIN_JOIN_H
#define METERLINE_STREAM_JOIN_JOIN_H

#include "stream/operator/operator.h"

enum join_shape { JOIN_SHAPE_INNER, JOIN_SHAPE_LEFT, JOIN_SHAPE_RIGHT, JOIN_SHAPE_FULL };
enum join_inputs { JOIN_STREAM_TABLE, JOIN_STREAM_STREAM, JOIN_TABLE_TABLE };

struct join_plan {
    enum join_inputs inputs;
    enum join_shape shape;                 /* of stream-table and foreign-key joins: INNER or LEFT */
    const struct row_schema *left, *right; /* not windowed, except the left of a stream-table join */
    const struct evaluator *left_key,
        *right_key; /* the join key over each side's rows, of one type; of a table its primary key (perhaps a STRUCT) */
    int64_t before, after; /* ms, stream-stream: match when left.time - before <= right.time <= left.time + after */
    int64_t grace;         /* ms; -1: not given, unmatched rows of an outer side leave at once */
    bool want_before;      /* table-table */
    /* table-table: left_key is any expression over the left rows, whose own primary key is the result's; no key
     * column */
    bool foreign_key;
    bool replayed;            /* not of stream-stream, and not after a table_source, which is silent while restoring */
    struct row_schema result; /* [key,] left columns, right columns; count == left->count + right->count + (0 or 1) */
};

/* `plan` lives as long as the operator. */
int join_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
             struct stream_operator **ret_operator, struct error *error);

#endif
