/* Windows of dates have numbers: window k starts on the date that is k * advance units after the first. The number of a
 * time is computed from its local date and then moved until start(k) <= time < start(k + 1), which is a step or two
 * where the wall clock jumps. Parts of days are numbered within their day. */
#include "model/time/calendar.h"

#include "core/number.h"
#include "model/time/time_text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A local day is at most 48 hours long (a date that comes twice), with an offset a little more. */
#define DAY_LONGEST (50 * INT64_C(3600000))
/* Monday of the week of 1970-01-01, in days. */
enum { FIRST_MONDAY = -3 };

/* --- starts
 * ------------------------------------------------------------------------------------------------------------------ */

int64_t calendar_date_start(const struct time_zone *zone, int64_t date, int64_t offset) {
    int64_t local = date * MILLISECONDS_OF_DAY + offset, high = time_zone_instant(zone, local);
    int64_t gap = high + time_zone_offset(zone, high) * INT64_C(1000) - local;
    if (gap <= 0)
        return high;
    /* skipped: the clock jumps over it between `low` and `high` */
    int64_t low = high - gap - 1000;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (middle + time_zone_offset(zone, middle) * INT64_C(1000) < local)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The date on which unit number `unit` starts; number 0 is that of 1970-01-01 or starts on it. */
static int64_t unit_date(const struct calendar *calendar, int64_t unit) {
    int64_t months = unit;
    switch (calendar->unit) {
    case CALENDAR_PART_OF_DAY:
    case CALENDAR_DAY:
        return unit;
    case CALENDAR_WEEK:
        return unit * 7 + FIRST_MONDAY + (int64_t)calendar->day - 1 - (calendar->day > 4 ? 7 : 0);
    case CALENDAR_MONTH:
        break;
    case CALENDAR_QUARTER:
        months = unit * 3;
        break;
    case CALENDAR_YEAR:
        months = unit * 12 + (int64_t)calendar->month - 1;
        break;
    }
    return civil_to_days((struct civil_date){1970 + floor_divide(months, 12), (unsigned)floor_modulo(months, 12) + 1,
                                             calendar->unit == CALENDAR_QUARTER ? 1 : calendar->day});
}

/* The unit that a date lies in. */
static int64_t date_unit(const struct calendar *calendar, int64_t date) {
    struct civil_date civil;
    int64_t months;
    switch (calendar->unit) {
    case CALENDAR_PART_OF_DAY:
    case CALENDAR_DAY:
        return date;
    case CALENDAR_WEEK:
        return floor_divide(date - unit_date(calendar, 0), 7);
    case CALENDAR_MONTH:
    case CALENDAR_QUARTER:
    case CALENDAR_YEAR:
        break;
    }
    civil = civil_from_days(date);
    months = (civil.year - 1970) * 12 + (int64_t)civil.month - 1;
    if (calendar->unit == CALENDAR_QUARTER)
        return floor_divide(months, 3);
    months -= civil.day < calendar->day;
    return calendar->unit == CALENDAR_MONTH ? months : floor_divide(months - ((int64_t)calendar->month - 1), 12);
}

static int64_t unit_start(const struct calendar *calendar, int64_t unit) {
    return calendar_date_start(calendar->zone, unit_date(calendar, unit), calendar->offset);
}

/* --- windows
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t time_unit(const struct calendar *calendar, int64_t time) {
    int64_t local = time + time_zone_offset(calendar->zone, time) * INT64_C(1000) - calendar->offset;
    int64_t unit = date_unit(calendar, floor_divide(local, MILLISECONDS_OF_DAY));
    while (unit_start(calendar, unit) > time)
        unit--;
    while (unit_start(calendar, unit + 1) <= time)
        unit++;
    return unit;
}

/* Numbers of parts that a day has at most. */
static int64_t parts_of_day(const struct calendar *calendar) {
    return (DAY_LONGEST + calendar->count - 1) / calendar->count;
}

int64_t calendar_index(const struct calendar *calendar, int64_t time) {
    time = time > TIME_MAXIMUM ? TIME_MAXIMUM : time < -TIME_MAXIMUM ? -TIME_MAXIMUM : time;
    int64_t unit = time_unit(calendar, time);
    if (calendar->unit == CALENDAR_PART_OF_DAY)
        return unit * parts_of_day(calendar) + (time - unit_start(calendar, unit)) / calendar->count;
    return floor_divide(unit, calendar->advance);
}

struct calendar_window calendar_window(const struct calendar *calendar, int64_t index) {
    struct calendar_window window;
    if (calendar->unit == CALENDAR_PART_OF_DAY) {
        int64_t parts = parts_of_day(calendar), date = floor_divide(index, parts);
        int64_t end = unit_start(calendar, date + 1);
        window.start = unit_start(calendar, date) + floor_modulo(index, parts) * calendar->count;
        window.end = window.start + calendar->count < end ? window.start + calendar->count : end;
    } else {
        int64_t unit = index * calendar->advance;
        window.start = unit_start(calendar, unit);
        window.end = unit_start(calendar, unit + calendar->count);
    }
    window.end = window.end > TIME_MAXIMUM ? INT64_MAX : window.end;
    return window;
}

size_t calendar_overlap(const struct calendar *calendar) {
    return (size_t)((calendar->count - 1) / calendar->advance) + 1;
}

int64_t calendar_longest(const struct calendar *calendar) {
    static const int64_t days[] = {
        [CALENDAR_DAY] = 1, [CALENDAR_WEEK] = 7, [CALENDAR_MONTH] = 31, [CALENDAR_QUARTER] = 92, [CALENDAR_YEAR] = 366,
    };
    return calendar->unit == CALENDAR_PART_OF_DAY
               ? calendar->count
               : (calendar->count * days[calendar->unit] - 1) * MILLISECONDS_OF_DAY + DAY_LONGEST;
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct slice unit_names[] = {
    [CALENDAR_PART_OF_DAY] = {"min", 3}, [CALENDAR_DAY] = {"day", 3},         [CALENDAR_WEEK] = {"week", 4},
    [CALENDAR_MONTH] = {"month", 5},     [CALENDAR_QUARTER] = {"quarter", 7}, [CALENDAR_YEAR] = {"year", 4},
};
static const char *const weekday_names[] = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                            "FRIDAY", "SATURDAY", "SUNDAY"};

struct slice calendar_unit_name(enum calendar_unit unit) {
    return unit_names[unit];
}

struct slice calendar_zone_name(const struct calendar *calendar) {
    return calendar->zone == time_zone_utc ? SLICE("UTC") : time_zone_name(calendar->zone);
}

const char *calendar_weekday_name(unsigned day) {
    return weekday_names[day - 1];
}

unsigned calendar_weekday(struct slice name) {
    for (unsigned i = 0; i < 7; i++)
        if (name.length == strlen(weekday_names[i]) && strncasecmp(name.data, weekday_names[i], name.length) == 0)
            return i + 1;
    return 0;
}

const char *calendar_check(const struct calendar *calendar) {
    if (calendar->offset < 0 || calendar->offset >= MILLISECONDS_OF_DAY)
        return "the offset is a time of day, less than 24 hours";
    if (calendar->unit == CALENDAR_PART_OF_DAY)
        return calendar->count <= 0 || calendar->count % 60000 || MILLISECONDS_OF_DAY % calendar->count ||
                       calendar->advance != calendar->count
                   ? "parts of a local day are whole minutes that divide 24 hours, and do not overlap"
                   : NULL;
    if (calendar->count < 1 || calendar->count > CALENDAR_COUNT_MAXIMUM || calendar->advance < 1 ||
        calendar->advance > calendar->count)
        return "a window has 1 to 1000 units, and advances by at most its size";
    if (calendar->unit == CALENDAR_WEEK && (calendar->day < 1 || calendar->day > 7))
        return "weeks start on a day of MONDAY to SUNDAY";
    if (calendar->unit == CALENDAR_MONTH && (calendar->day < 1 || calendar->day > 28))
        return "months start on a day of 1 to 28";
    if (calendar->unit == CALENDAR_YEAR && (calendar->month < 1 || calendar->month > 12 || calendar->day < 1 ||
                                            !time_date_valid(1970, calendar->month, calendar->day)))
        return "years start on a date that every year has, such as 10-01";
    return NULL;
}

static unsigned two_digits(const char *at) {
    return at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9' ? (unsigned)((at[0] - '0') * 10 + at[1] - '0')
                                                                        : 100;
}

/* "MM-DD", a weekday's name or the day of a month. */
static bool anchor_read(struct slice text, struct calendar *calendar) {
    int64_t day;
    if (calendar->unit == CALENDAR_YEAR && text.length == 5 && text.data[2] == '-') {
        calendar->month = two_digits(text.data);
        calendar->day = two_digits(text.data + 3);
        return true;
    }
    if (calendar->unit == CALENDAR_WEEK)
        return (calendar->day = calendar_weekday(text)) != 0;
    if (calendar->unit != CALENDAR_MONTH || !number_read_integer(text, &day) || day < 1 || day > 28)
        return false;
    calendar->day = (unsigned)day;
    return true;
}

/* "+06:00" */
static bool offset_read(struct slice text, struct calendar *calendar) {
    if (text.length != 5 || text.data[2] != ':' || two_digits(text.data) > 23 || two_digits(text.data + 3) > 59)
        return false;
    calendar->offset = (int64_t)(two_digits(text.data) * 60 + two_digits(text.data + 3)) * 60000;
    return true;
}

/* What comes before the '@'. */
static bool unit_read(struct slice text, struct calendar *calendar) {
    size_t digits = 0, letters;
    while (digits < text.length && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    if (digits && !number_read_integer((struct slice){text.data, digits}, &calendar->count))
        return false;
    for (letters = digits;
         letters < text.length && (text.data[letters] | 32) >= 'a' && (text.data[letters] | 32) <= 'z';)
        letters++;
    size_t unit = 0, count = sizeof unit_names / sizeof *unit_names;
    while (unit < count && (unit_names[unit].length != letters - digits ||
                            strncasecmp(unit_names[unit].data, text.data + digits, letters - digits) != 0))
        unit++;
    if (unit == count)
        return false;
    calendar->unit = (enum calendar_unit)unit;
    if (unit == CALENDAR_PART_OF_DAY)
        calendar->count = calendar->count > 24 * 60 ? 0 : calendar->count * 60000;
    struct slice rest = {text.data + letters, text.length - letters};
    if (rest.length && rest.data[0] == '+') {
        size_t length = rest.length < 6 ? rest.length : 6;
        if (!offset_read((struct slice){rest.data + 1, length - 1}, calendar))
            return false;
        rest = (struct slice){rest.data + length, rest.length - length};
    }
    return !rest.length ||
           (rest.data[0] == '~' && anchor_read((struct slice){rest.data + 1, rest.length - 1}, calendar));
}

int calendar_read(struct slice text, struct arena *arena, struct calendar *ret_calendar, struct error *error) {
    const char *at = memchr(text.data, '@', text.length);
    struct calendar calendar = {.count = 1, .month = 1, .day = 1};
    bool good = at && unit_read((struct slice){text.data, (size_t)(at - text.data)}, &calendar);
    calendar.advance = calendar.count;
    const char *wrong = good ? calendar_check(&calendar) : "its form is UNIT@ZONE";
    if (wrong)
        return error_set(error, ERROR_INVALID,
                         "calendar window '%.*s': %s; examples: day@Europe/Athens, month@UTC, 15min@Asia/Kathmandu, "
                         "day+06:00@Europe/Berlin, week~SUNDAY@UTC, month~15@UTC",
                         (int)(text.length > 60 ? 60 : text.length), text.data, wrong);
    int status = time_zone_find(NULL, arena, (struct slice){at + 1, text.length - (size_t)(at + 1 - text.data)},
                                &calendar.zone, error);
    if (!status)
        *ret_calendar = calendar;
    return status;
}

size_t calendar_write(char to[CALENDAR_TEXT_SIZE], const struct calendar *calendar) {
    char count[24] = "", offset[16] = "", anchor[16] = "";
    int64_t units = calendar->unit == CALENDAR_PART_OF_DAY ? calendar->count / 60000 : calendar->count,
            minutes = calendar->offset / 60000;
    struct slice zone = calendar_zone_name(calendar);
    struct slice unit = unit_names[calendar->unit];
    if (units != 1 || calendar->unit == CALENDAR_PART_OF_DAY)
        snprintf(count, sizeof count, "%" PRId64, units);
    if (minutes)
        snprintf(offset, sizeof offset, "+%02d:%02d", (int)(minutes / 60), (int)(minutes % 60));
    if (calendar->unit == CALENDAR_WEEK && calendar->day != 1)
        snprintf(anchor, sizeof anchor, "~%s", weekday_names[calendar->day - 1]);
    else if (calendar->unit == CALENDAR_MONTH && calendar->day != 1)
        snprintf(anchor, sizeof anchor, "~%u", calendar->day);
    else if (calendar->unit == CALENDAR_YEAR && (calendar->month != 1 || calendar->day != 1))
        snprintf(anchor, sizeof anchor, "~%02u-%02u", calendar->month, calendar->day);
    int length = snprintf(to, CALENDAR_TEXT_SIZE, "%s%.*s%s%s@%.*s", count, (int)unit.length, unit.data, offset, anchor,
                          (int)zone.length, zone.data);
    return length < CALENDAR_TEXT_SIZE ? (size_t)length : CALENDAR_TEXT_SIZE - 1;
}

int calendar_copy(const struct calendar *calendar, struct arena *arena, const struct calendar **ret_copy,
                  struct error *error) {
    char name[CALENDAR_TEXT_SIZE];
    *ret_copy = NULL;
    if (!calendar)
        return 0;
    struct calendar *copy = arena_allocate(arena, sizeof *copy);
    if (!copy)
        return error_no_memory(error);
    int status = calendar_read((struct slice){name, calendar_write(name, calendar)}, arena, copy, error);
    copy->advance = calendar->advance;
    *ret_copy = copy;
    return status;
}

bool calendar_same(const struct calendar *a, const struct calendar *b) {
    char names[2][CALENDAR_TEXT_SIZE];
    if (!a || !b)
        return a == b;
    size_t length = calendar_write(names[0], a);
    return length == calendar_write(names[1], b) && memcmp(names[0], names[1], length) == 0;
}
