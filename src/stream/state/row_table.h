/* The current row of each key of a table, as stored rows (stream/stored_row.h), which change and are found by key
 * bytes. Memory is that of the keys and rows that are there, and about 50 bytes each. One owner, one thread; not to
 * be moved once open. */
#ifndef METERLINE_STREAM_STATE_ROW_TABLE_H
#define METERLINE_STREAM_STATE_ROW_TABLE_H

#include "core/error.h"
#include "model/rows.h"
#include "stream/state/state_table.h"

struct row_table {
    struct state_table *entries;
    size_t bytes; /* of the rows */
};

bool row_table_open(struct row_table *table); /* false: no memory */
void row_table_close(struct row_table *table);

/* The row of a key, until it changes; data NULL: there is none. */
struct slice row_table_find(const struct row_table *table, struct slice key);
/* Puts a copy of `row` in the place of the one that is there, or, with data NULL, takes that out. `logged`: the
 * change goes to the changelog. False: no memory. */
bool row_table_set(struct row_table *table, struct slice key, struct slice row, bool logged);
/* Visits every row, in no particular order; the table may not change meanwhile. Stops at a negative return value,
 * which it returns. */
int row_table_each(const struct row_table *table, int (*visit)(void *context, struct slice key, struct slice row),
                   void *context);

/* The changelog: `prefix`, then the key; rows as they are. */
int row_table_save(const struct row_table *table, char prefix, state_save *each, void *context, struct error *error);
void row_table_saved(struct row_table *table);
/* Takes an entry back; `key` without its prefix. ERROR_CORRUPT: its value is no row of `schema`; `arena` is for what
 * is made on the way. */
int row_table_load(struct row_table *table, const struct row_schema *schema, struct slice key, struct slice row,
                   struct arena *arena, struct error *error);
size_t row_table_memory(const struct row_table *table);

#endif
