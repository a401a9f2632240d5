/* A table made of a topic's rows: the current row of each key is kept, and each change goes on with `before`, the
 * row that stood there.
 *
 * A row is an upsert; an absent one deletes its key's row. Rows whose key is NULL in all of its columns are ignored,
 * and counted as null. The key of a windowed table is that of its columns and the bounds of its window.
 *
 * State comes back by reading the topic again from its beginning up to the committed position, with
 * context->restoring set: rows fill the table, and nothing is pushed. Operators after it do not come to see those
 * rows: they have a changelog of their own, as aggregates without a window and joins do. */
#ifndef METERLINE_STREAM_OPERATOR_TABLE_SOURCE_H
#define METERLINE_STREAM_OPERATOR_TABLE_SOURCE_H

#include "stream/operator/operator.h"

struct table_source_plan {
    struct row_schema schema; /* of the rows that come and of those that go on */
    bool forward_unknown;     /* deletions of keys that have no row go on too, their `before` absent */
};

/* `plan` lives as long as the operator. */
int table_source_new(const struct table_source_plan *plan, struct stream_operator *next, unsigned next_input,
                     struct stream_operator **ret_operator, struct error *error);

/* For pull queries, by the thread that pushes. Rows live in `arena`; their origins are 0. */
struct table_source_key {
    const struct value *values;       /* of the key columns */
    int64_t window_start, window_end; /* of a windowed table */
};
/* The row of a key, as rows of one; *ret_rows NULL: it has none. */
int table_source_find(const struct stream_operator *op, const struct table_source_key *key, struct arena *arena,
                      struct rows **ret_rows, struct error *error);
/* Visits all rows, some at a time, in no particular order; `arena` is reset after each visit. Stops at a status that
 * is not 0, and returns it. */
int table_source_each(const struct stream_operator *op, struct arena *arena,
                      int (*visit)(void *context, struct rows *rows, struct error *error), void *context,
                      struct error *error);
size_t table_source_count(const struct stream_operator *op);

#endif
