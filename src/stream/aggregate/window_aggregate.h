/* Operator: tumbling windows of event time over groups of rows, several sizes in one pass, final results only.
 *
 * A group is (gateway, type, attribute); each reading is folded into one window of each size. Stream time is the
 * largest timestamp pushed so far, taken row by row, also inside a batch; a window [start, end) has closed when end
 * + grace <= stream time, and a reading is late for a size when its window has closed:
 *
 *        start                    end            end + grace
 *   ───────[════════ folded ═══════)───── still folded ──┃── late ──▶ stream time
 *                                                       closed: the final result leaves, once
 *
 * Closing costs what has closed: each open window keeps the list of its cells (one cell = one group's state in one
 * window), and the windows of a size stand in a queue by start. Results leave in the order (window end, window
 * start, key bytes); because a later call only closes windows with a later end, the whole output is in that order
 * however the calls were cut.
 *
 * Memory: a group is a 32-byte record and its key, a cell 56 bytes, both in chunks that never move. One owner, one
 * thread. */
#ifndef METERLINE_STREAM_AGGREGATE_WINDOW_AGGREGATE_H
#define METERLINE_STREAM_AGGREGATE_WINDOW_AGGREGATE_H

#include "core/error.h"
#include "model/aggregate.h"
#include "model/batch.h"
#include <stdint.h>

enum { WINDOW_SIZES_MAXIMUM = 16 };

struct window_settings {
    int64_t sizes[WINDOW_SIZES_MAXIMUM]; /* ms, rising, each a whole number of seconds */
    size_t size_count;
    int64_t grace; /* ms, >= 0 */
};

/* Reads "60,600,3600,86400" (seconds) and the grace; ERROR_INVALID says which size is wrong: zero, negative, twice,
 * more than 16, over 366 days. */
int window_settings_read(const char *sizes, int64_t grace, struct window_settings *ret_settings, struct error *error);

struct window_aggregate;

int window_aggregate_new(const struct window_settings *settings, struct window_aggregate **ret_aggregate,
                         struct error *error);
struct window_aggregate *window_aggregate_free(struct window_aggregate *aggregate);

/* What became of the good rows of a batch: one bit for each size, set where the row was late for it. `late` has room
 * for batch->count. */
struct window_fold {
    uint16_t *late;
    uint64_t folded[WINDOW_SIZES_MAXIMUM], late_count[WINDOW_SIZES_MAXIMUM]; /* added to, not set */
    /* the stream time when the row was judged; room for batch->count; defined where late is not 0 */
    int64_t *stream_times;
};

/* Folds the good ones of rows [first, first + count). What closes meanwhile should be taken every WINDOW_RUN rows or
 * so: the cells of a series are a chain, which is walked when one closes. On ERROR_NO_MEMORY the state is undefined:
 * free it and recover from the log. */
enum { WINDOW_RUN = 64 };
int window_aggregate_push(struct window_aggregate *aggregate, const struct batch *batch, size_t first, size_t count,
                          struct window_fold *fold, struct error *error);
/* The same for recovery: folds only into windows open at the current stream time, which does not move; nothing is
 * late. */
int window_aggregate_restore(struct window_aggregate *aggregate, const struct batch *batch, struct error *error);

int64_t window_aggregate_stream_time(const struct window_aggregate *aggregate); /* INT64_MIN before the first row */
/* Moves stream time forward (never back): idle close, recovery. */
void window_aggregate_advance(struct window_aggregate *aggregate, int64_t stream_time);
/* The stream time that closes everything that is open now; the current one when nothing is. */
int64_t window_aggregate_closing_time(const struct window_aggregate *aggregate);

/* Takes out what has closed, as rows in output order; at most `room` rows. Their strings live until
 * window_aggregate_forget. 0 rows: nothing more has closed. */
int window_aggregate_take(struct window_aggregate *aggregate, struct aggregate_row *rows, size_t room,
                          size_t *ret_count, struct error *error);
/* Forgets series without open windows when they have become the most: memory follows what is open, not all that was
 * ever seen. */
void window_aggregate_forget(struct window_aggregate *aggregate);
bool window_aggregate_has_closed(const struct window_aggregate *aggregate);

/* The smallest offset folded into a window that is still open (and not taken), or `otherwise` when none is. */
int64_t window_aggregate_replay_from(const struct window_aggregate *aggregate, int64_t otherwise);
size_t window_aggregate_groups(const struct window_aggregate *aggregate);
size_t window_aggregate_open_cells(const struct window_aggregate *aggregate);
size_t window_aggregate_memory(const struct window_aggregate *aggregate); /* bytes held */

#endif
