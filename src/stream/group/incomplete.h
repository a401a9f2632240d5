/* Results that lack records: a topic has lost what a position needs, and the run goes on all the same
 * (--on-lost-offsets).
 *
 *                    replay_from        position              oldest kept
 *     ······ lost ······╂───── lost ───────╂────── lost ─────────┃──── goes on ────▶
 *                       windows open at the position            the first record after the gap, of time t:
 *                       lack records                            windows up to t + grace may lack some too
 *
 * A windowed result whose window starts at or before `until` lacks records; of a query that keeps rows without a window
 * every later result does. Such results carry the record header "incomplete": "true". Kept with the position of the
 * topic. */
#ifndef METERLINE_STREAM_GROUP_INCOMPLETE_H
#define METERLINE_STREAM_GROUP_INCOMPLETE_H

#include "bus/bus.h"
#include "core/bytes.h"

/* Of one topic. */
struct incomplete {
    bool lost;     /* it has lost records; nothing else counts otherwise */
    bool unread;   /* among them some that no one had read: `until` moves with the next one that comes */
    int64_t until; /* ms; INT64_MIN: no window lacks records yet */
};

/* The topic has lost records when the stream time was `stream_time` (INT64_MIN: none yet). */
void incomplete_lose(struct incomplete *incomplete, bool unread, int64_t stream_time);
/* The first record after the gap, of time `time`; `grace`: the longest of the windows over the topic. */
void incomplete_pass(struct incomplete *incomplete, int64_t time, int64_t grace);
/* Does a result lack records? `keeps`: its query keeps rows; `window_start`: ms, NULL without a window. */
bool incomplete_is(const struct incomplete *incomplete, bool keeps, const int64_t *window_start);
extern const struct bus_header incomplete_header;

/* As positions have it, " i=UNTIL" or " i=+UNTIL" (unread); nothing when nothing was lost. */
void incomplete_write(const struct incomplete *incomplete, struct bytes *to);
/* Moves *at after it; false: it is damaged. */
bool incomplete_read(const char **at, struct incomplete *ret_incomplete);

#endif
