/* Event time: milliseconds since the epoch, UTC, as int64_t; text is ISO-8601. Accepted range: [TIME_MINIMUM,
 * TIME_MAXIMUM] = 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z. Proleptic Gregorian calendar. */
#ifndef METERLINE_MODEL_TIME_TIME_H
#define METERLINE_MODEL_TIME_TIME_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_MINIMUM INT64_C(0)
#define TIME_MAXIMUM INT64_C(253402300799999)
enum { TIME_TEXT_SIZE = 40 }; /* room for a date or time as text, of any year that SQL has (time_text.h) too */

/* "2006-12-16T17:24:00Z"; also 1 to 9 digits of fraction (cut to ms), an offset (+01:00, +0100, +01) in place of Z,
 * no seconds ("17:24Z"), a space or lower-case t in place of T, lower-case z; without Z or offset it is taken as
 * UTC; a bare date is midnight. Every field is checked (leap years; second 60 is refused). False outside the
 * accepted range. */
bool time_read(struct slice text, int64_t *ret_time);
/* "2006-12-16T17:24:00Z", with ".SSS" when there are milliseconds. Returns the length (20 or 24); no NUL byte.
 * `time` in range. */
size_t time_write(char to[TIME_TEXT_SIZE], int64_t time);
/* Days since the epoch of a date; month 1..12, day 1..31, not checked. */
int64_t time_days_from_civil(int64_t year, unsigned month, unsigned day);
/* The date of a day, not negative, since the epoch. */
void time_civil_from_days(uint32_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day);
bool time_date_valid(int64_t year, unsigned month, unsigned day);
/* The bucket of a serving row (design: UTC day for windows up to 600 s, month up to 3600 s) as "2007-01-31",
 * "2007-01-01"; 10 characters. */
void time_write_day(char to[10], int64_t time);
void time_write_month(char to[10], int64_t time);

#endif
