/* What a cell can be read as: a number with a decimal point or comma, a date and time in one of several forms.
 *
 * A number may have a sign, groups of three digits (the first of them not 0) set off by the other mark, by a blank or
 * an apostrophe, and an exponent. A time may have a date, a time of day, or both, and an offset:
 *
 *     2024-01-31 13:45[:30[.5]][Z|+01:00]    year first, with - / or .
 *     31.01.2024 13:45     31/01/24 1:45 PM  day first, or month first
 *     1706705100                             seconds since the epoch, 13 digits: ms
 *     13:45                                  a time of day alone; 24:00 is the end of the day */
#ifndef METERLINE_REPLAY_IMPORT_CELL_H
#define METERLINE_REPLAY_IMPORT_CELL_H

#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

/* Bits: the mark of decimals with which the whole cell is a number. */
enum { NUMBER_POINT = 1, NUMBER_COMMA = 2 };
/* `ret_values`: with a point, with a comma. */
unsigned cell_number(struct slice cell, double ret_values[2]);
/* Nothing, ?, -, NaN, N/A, null: there is no value. */
bool cell_is_missing(struct slice cell);

/* Bits: the forms in which the whole cell is a time. */
enum {
    TIME_YEAR_FIRST = 1,
    TIME_DAY_FIRST = 2,
    TIME_MONTH_FIRST = 4,
    TIME_SECONDS = 8,
    TIME_MILLISECONDS = 16,
    TIME_OF_DAY = 32,
};
enum { TIME_DATES = TIME_YEAR_FIRST | TIME_DAY_FIRST | TIME_MONTH_FIRST | TIME_SECONDS | TIME_MILLISECONDS };

struct cell_time {
    unsigned forms;
    int64_t day_first, month_first; /* ms as if local time were UTC; other forms: both the same */
    bool has_clock;                 /* a time of day was there */
    bool has_offset, dotted;
    int64_t offset; /* ms east */
};
struct cell_time cell_time(struct slice cell);

#endif
