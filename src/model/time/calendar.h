/* Calendar windows: days, weeks, months, quarters and years of a time zone, and parts of its days.
 *
 * A window is [start, end) in instants. Windows of dates are made of starts only, and a window ends where the next one
 * starts, so that they tile whatever clocks do: a day has 23, 24 or 25 hours, a date that the zone skips has no window,
 * and a date that comes back after the next one has begun stays in the next one.
 *
 *   date      10-24             10-25 (clocks go back)        10-26
 *   starts ────┃──── 24 h ───────┃──────── 25 h ───────────────┃────▶
 *   hours      ┃ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ┃ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ╷ ┃      (elapsed time from the day's start; the last is cut)
 *
 * A date starts with its first instant: 00:00, the first of two, or where 00:00 is skipped the instant after the gap. */
#ifndef METERLINE_MODEL_TIME_CALENDAR_H
#define METERLINE_MODEL_TIME_CALENDAR_H

#include "model/time/time_zone.h"

enum calendar_unit {
    CALENDAR_PART_OF_DAY, /* `count` ms, which divide 24 hours */
    CALENDAR_DAY,
    CALENDAR_WEEK,
    CALENDAR_MONTH,
    CALENDAR_QUARTER,
    CALENDAR_YEAR,
};

enum { CALENDAR_TEXT_SIZE = 160, CALENDAR_COUNT_MAXIMUM = 1000 };

/* More than one unit are counted from 1970-01-01; weeks from the anchor's day in the week of that date. */
struct calendar {
    enum calendar_unit unit;
    int64_t count;       /* units in a window, 1 to CALENDAR_COUNT_MAXIMUM; ms of a part of a day */
    int64_t advance;     /* units from start to start, at most `count`; of parts of a day equal to it */
    int64_t offset;      /* ms by the wall clock, in [0, 24 h): the time of day at which windows start */
    unsigned month, day; /* where they start: weeks day 1 (Monday) to 7, months day 1 to 28, years month and day */
    const struct time_zone *zone;
};

struct calendar_window {
    int64_t start, end;
};

/* NULL, or what is wrong with its numbers, for a message: "days in a month: 1 to 28". */
const char *calendar_check(const struct calendar *calendar);
/* The number of the newest window that `time` (ms since the epoch) falls into; older ones are those before, as long as
 * they end after `time`. Times after the year 9999 are in that of its last instant. */
int64_t calendar_index(const struct calendar *calendar, int64_t time);
struct calendar_window calendar_window(const struct calendar *calendar, int64_t index);
/* The first instant of a local date (days since the epoch), or of `offset` ms of its wall clock later. */
int64_t calendar_date_start(const struct time_zone *zone, int64_t date, int64_t offset);
/* The most windows that a time is in. */
size_t calendar_overlap(const struct calendar *calendar);
/* No window is longer (ms). */
int64_t calendar_longest(const struct calendar *calendar);

/* Names of calendar windows: "day@Europe/Athens", "2week~SUNDAY@UTC", "15min@Asia/Kathmandu", "day+06:00@Europe/Berlin"
 * (gas days), "month~15@Europe/Paris", "year~10-01@UTC". A name says all but `advance`. */
/* The zone is read into `arena`. ERROR_INVALID. */
int calendar_read(struct slice text, struct arena *arena, struct calendar *ret_calendar, struct error *error);
/* A copy in `arena`, zone and all; NULL is copied to NULL. */
int calendar_copy(const struct calendar *calendar, struct arena *arena, const struct calendar **ret_copy,
                  struct error *error);
/* Have both the same windows by name? NULL is like NULL only. */
bool calendar_same(const struct calendar *a, const struct calendar *b);
/* Returns the length; no NUL byte. */
size_t calendar_write(char to[CALENDAR_TEXT_SIZE], const struct calendar *calendar);
struct slice calendar_unit_name(enum calendar_unit unit);         /* "day"; "min" */
struct slice calendar_zone_name(const struct calendar *calendar); /* "Europe/Athens"; "UTC" */
/* Names of weekdays: "MONDAY" is 1; 0: it is none. */
unsigned calendar_weekday(struct slice name);
const char *calendar_weekday_name(unsigned day); /* 1 to 7 */

#endif
