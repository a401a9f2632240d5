/* GROUP BY: rows of equal key (and window) folded into states; each change of a group, or each group when its window
 * closes, leaves as a row.
 *
 * Result rows: the key's columns, then one column for each call. ROWTIME is the largest ROWTIME folded into the
 * group so far (a session: its end). They are changes of a table: `before` is given when `want_before`.
 *
 *   source a stream: rows that are absent, or whose key has a NULL, are passed by (counted as null). One result for each row and window it falls into.
 *   source a table (`table`): a change undoes the row before and folds the new one; one result when the key stays, the old group first when it changes.
 *   EMIT FINAL: a window's groups leave when window end <= stream time - grace, ordered by (start, key bytes). */
#ifndef METERLINE_STREAM_AGGREGATE_GROUP_AGGREGATE_H
#define METERLINE_STREAM_AGGREGATE_GROUP_AGGREGATE_H

#include "stream/aggregate/aggregate_function.h"
#include "stream/operator/operator.h"
#include "stream/operator/window.h"

struct group_call {
    struct aggregate_call call;
    /* call.argument_count of them, over the input's rows; equal arguments are the same evaluator */
    const struct evaluator *const *arguments;
    /* of tumbling and hopping windows: the result is the value of part number `part` - 1, which the key determines; 0:
     * it is computed */
    unsigned part;
};

struct group_aggregate_plan {
    const struct evaluator *const *keys; /* key_count of them, over the input's rows */
    size_t key_count;
    /* When the keys are columns of a source as it is read, the source (by address) and their numbers: operators that
     * agree in both share what they know of keys. NULL: they are not */
    const void *source;
    const unsigned *key_columns;
    const size_t *parts; /* the columns of the source that make the key, with points between; NULL: none do */
    size_t part_count;
    const struct group_call *calls;
    size_t call_count;
    struct window_definition window;
    bool final, table, want_before;
    struct row_schema result; /* keys, then calls; windowed when there is a window */
};

int group_aggregate_new(const struct group_aggregate_plan *plan, struct stream_operator *next, unsigned next_input,
                        struct stream_operator **ret_operator, struct error *error);

#endif
