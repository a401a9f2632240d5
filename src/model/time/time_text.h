/* Dates, times of day and timestamps as ISO-8601 text, both ways, as CASTs and comparisons with texts need them:
 * proleptic Gregorian calendar, UTC.
 *
 * DATE is days since the epoch, TIME ms of the day, TIMESTAMP ms since the epoch. Dates outside the years
 * -999,999,999 to 999,999,999 (Java's LocalDate) are written as the nearest one inside. */
#ifndef METERLINE_MODEL_TIME_TIME_TEXT_H
#define METERLINE_MODEL_TIME_TIME_TEXT_H

#include "core/slice.h"
#include "model/time/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MILLISECONDS_OF_DAY INT64_C(86400000)

struct civil_date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

struct civil_date civil_from_days(int64_t days);
int64_t civil_to_days(struct civil_date date); /* month and day valid, the year within Java's range */
bool civil_valid(struct civil_date date);
/* Divisions that round down, for times before the epoch. */
int64_t floor_divide(int64_t value, int64_t divisor);
int64_t floor_modulo(int64_t value, int64_t divisor);

/* Writers return the length; no NUL byte. "2020-01-31", "+12020-01-31", "-0044-03-15". */
size_t time_text_write_date(char to[TIME_TEXT_SIZE], int64_t days);
/* "10:15", "10:15:30", "10:15:30.123": seconds and fraction only when there are any, as LocalTime.toString. */
size_t time_text_write_time(char to[TIME_TEXT_SIZE], int64_t milliseconds);
/* "2020-01-31T10:15:30.123": always with milliseconds. */
size_t time_text_write_timestamp(char to[TIME_TEXT_SIZE], int64_t milliseconds);

/* "2020-01-31", "2020-01", "2020": what is missing is the first. */
bool time_text_read_date(struct slice text, int64_t *ret_days);
/* "10:15", "10:15:30", "10:15:30.123"; a fraction of 1 to 9 digits is cut to ms. */
bool time_text_read_time(struct slice text, int64_t *ret_milliseconds);
/* A date as above, then perhaps T or a space and "10", "10:15", "10:15:30", "10:15:30.123", then perhaps Z, +01,
 * +0100 or +01:00. */
bool time_text_read_timestamp(struct slice text, int64_t *ret_milliseconds);

#endif
