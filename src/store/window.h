/* Which windows rows are of: of a fixed size, or of a calendar (model/time/calendar.h). Values, compared by what they
 * say.
 *
 *     name                  table's last part       topic's last part
 *     3600                  3600                    3600
 *     day@Europe/Athens     day_europe_athens       day.Europe.Athens
 *     month~15@Asia/Tokyo   month_15_asia_tokyo     month-15.Asia.Tokyo */
#ifndef METERLINE_STORE_WINDOW_H
#define METERLINE_STORE_WINDOW_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include "model/time/calendar.h"
#include <stdbool.h>
#include <stdint.h>

struct store_window {
    int64_t size;                      /* ms; of a calendar the most that a window lasts */
    char calendar[CALENDAR_TEXT_SIZE]; /* its name; empty: none */
};

enum { STORE_TABLE_SIZE = 30, STORE_WINDOW_TOPIC_SIZE = CALENDAR_TEXT_SIZE };

struct store_window store_window_of(int64_t size);
bool store_window_same(const struct store_window *a, const struct store_window *b);
int store_window_compare(const void *a, const void *b); /* for qsort: by size, then by name */
/* "3600" and "3600.5" (seconds), "15m", "1h", or the name of a calendar's windows. `what` names the option in messages.
 * ERROR_INVALID. */
int store_window_read(const char *what, struct slice text, struct store_window *ret_window, struct error *error);
/* Its name, ending with NUL. */
void store_window_write(char to[CALENDAR_TEXT_SIZE], const struct store_window *window);
/* Letters in lower case, digits and _; a long one ends with a hash. */
void store_window_write_table(char to[STORE_TABLE_SIZE], const struct store_window *window);

/* The bounds that windows of a kind have. Immutable once open: any thread. */
struct window_bounds {
    struct store_window window;
    struct calendar calendar; /* of a window with one */
    struct arena arena;
};

int window_bounds_open(struct window_bounds *bounds, const struct store_window *window, struct error *error);
void window_bounds_release(struct window_bounds *bounds);
/* The end of the window that starts at `start`. */
int64_t window_bounds_end(const struct window_bounds *bounds, int64_t start);
/* Is [start, end) one of them? */
bool window_bounds_fit(const struct window_bounds *bounds, int64_t start, int64_t end);

/* What a topic of results ends with; false: a zone whose name a topic cannot hold (an offset). */
bool store_window_write_topic(char to[STORE_WINDOW_TOPIC_SIZE], const struct store_window *window);
/* Of a topic X-aggregates-3600 or X-aggregates-day.Europe.Athens; false: it is of no such name. */
bool store_window_of_topic(const char *topic, struct store_window *ret_window);

#endif
