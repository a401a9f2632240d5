/* Stored rows: a row as bytes, for state that is kept from batch to batch and for changelogs: its ROWTIME (zigzag),
 * then its columns, from some column on, as value_write writes them. Its owner knows which columns these
 * are. */
#ifndef METERLINE_STREAM_STATE_STORED_ROW_H
#define METERLINE_STREAM_STATE_STORED_ROW_H

#include "core/bytes.h"
#include "model/rows.h"

void stored_row_write(struct bytes *to, const struct rows *rows, size_t first_column, size_t row);
int64_t stored_row_time(struct slice stored);
/* Reads `count` columns into row `row` of `columns`. Texts are not copied: they lie in `stored`, which must live as
 * long as the columns. False: not such a row, or no memory. */
bool stored_row_read(struct slice stored, size_t count, struct arena *arena, struct vector *columns, size_t row);
/* Whether these bytes are a row of all columns of `schema`; `arena` is for what is made on the way. */
bool stored_row_valid(struct slice stored, const struct row_schema *schema, struct arena *arena);

/* The key of a table's row as bytes: the values of its key columns, then the window's bounds when it has one. False,
 * with nothing written: all of the columns are NULL. */
bool stored_row_write_key(struct bytes *to, const struct rows *rows, size_t key_count, size_t row);
/* Reads the key's columns, and the window's bounds when `rows` have them, into row `row`; the same about texts and
 * failure. */
bool stored_row_read_key(struct slice key, size_t key_count, struct arena *arena, struct rows *rows, size_t row);

#endif
