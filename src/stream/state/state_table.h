/* State by key: entries of a fixed size in an open-addressing hash table, found by key bytes; which have changed
 * since the last commit is known, so that only those go to the changelog. Entries never move while they live.
 * Memory: key bytes + entry + about 16 bytes each. One owner, one thread. */
#ifndef METERLINE_STREAM_STATE_STATE_TABLE_H
#define METERLINE_STREAM_STATE_STATE_TABLE_H

#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_table;

/* Called for each changed entry; `value` with data NULL: the entry is gone. Copies what it needs. */
typedef int state_save(void *context, struct slice key, struct slice value, struct error *error);

/* `entry_size` bytes for each entry, zeroed when it is made. NULL: no memory. `release` (may be NULL) is called
 * before an entry goes. */
struct state_table *state_table_new(size_t entry_size, void (*release)(void *context, void *entry), void *context);
struct state_table *state_table_free(struct state_table *table);

void *state_table_find(const struct state_table *table, struct slice key);         /* NULL: there is none */
void *state_table_put(struct state_table *table, struct slice key, bool *ret_new); /* finds or makes; NULL: no memory */
struct slice state_table_key(const struct state_table *table, const void *entry);
/* The entry has changed; it is among those that state_table_each_dirty visits until state_table_clean. False: no
 * memory. */
bool state_table_mark(struct state_table *table, void *entry);
/* Takes the entry out; when `logged`, its key stays among the dirty ones, as gone. False: no memory, the entry
 * stays. */
bool state_table_remove(struct state_table *table, void *entry, bool logged);

/* Visits in the order of first marking; `entry` NULL: gone. A key that went and came again is visited twice, as gone
 * and then as it is. Stops at the first negative return value, which it returns. */
int state_table_each_dirty(const struct state_table *table,
                           int (*visit)(void *context, struct slice key, const void *entry), void *context);
void state_table_clean(struct state_table *table);
/* Visits every entry, in no particular order; entries may be changed, not removed. */
int state_table_each(struct state_table *table, int (*visit)(void *context, struct slice key, void *entry),
                     void *context);
size_t state_table_count(const struct state_table *table);
size_t state_table_memory(const struct state_table *table);

#endif
