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

#endif
