/* A rule gives the two changes of a year as seconds of that year; a time is in summer when it lies between them, or
 * outside of them on the southern half. */
#include "model/time/time_zone_rule.h"

#include "model/time/time_text.h"

struct rule_scan {
    const char *at, *end;
};

static bool rule_character(struct rule_scan *scan, char wanted) {
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static bool rule_number(struct rule_scan *scan, unsigned maximum, unsigned *ret_value) {
    unsigned value = 0;
    const char *begin = scan->at;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && value <= maximum; scan->at++)
        value = value * 10 + (unsigned)(*scan->at - '0');
    *ret_value = value;
    return scan->at > begin && value <= maximum;
}

/* Letters, or anything between < and >. */
static bool rule_name(struct rule_scan *scan, struct slice *ret_name) {
    bool quoted = rule_character(scan, '<');
    const char *begin = scan->at;
    while (scan->at < scan->end && (quoted ? *scan->at != '>' : (*scan->at | 32) >= 'a' && (*scan->at | 32) <= 'z'))
        scan->at++;
    *ret_name = (struct slice){begin, (size_t)(scan->at - begin)};
    return ret_name->length && (!quoted || rule_character(scan, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool rule_time(struct rule_scan *scan, int32_t *ret_seconds) {
    bool negative = rule_character(scan, '-');
    unsigned hours, minutes = 0, seconds = 0;
    if (!negative)
        rule_character(scan, '+');
    if (!rule_number(scan, 167, &hours))
        return false;
    if (rule_character(scan, ':') && !rule_number(scan, 59, &minutes))
        return false;
    if (rule_character(scan, ':') && !rule_number(scan, 59, &seconds))
        return false;
    int32_t value = (int32_t)(hours * 3600 + minutes * 60 + seconds);
    *ret_seconds = negative ? -value : value;
    return true;
}

static bool rule_change(struct rule_scan *scan, struct time_zone_change *ret_change) {
    struct time_zone_change change = {.kind = TIME_ZONE_DAY_WITH_LEAP, .time = 7200};
    if (!rule_character(scan, ','))
        return false;
    if (rule_character(scan, 'M')) {
        change.kind = TIME_ZONE_DAY_OF_MONTH;
        if (!rule_number(scan, 12, &change.month) || !change.month || !rule_character(scan, '.') ||
            !rule_number(scan, 5, &change.week) || !change.week || !rule_character(scan, '.') ||
            !rule_number(scan, 6, &change.day))
            return false;
    } else {
        if (rule_character(scan, 'J'))
            change.kind = TIME_ZONE_DAY_WITHOUT_LEAP;
        if (!rule_number(scan, 365, &change.day) || (change.kind == TIME_ZONE_DAY_WITHOUT_LEAP && !change.day))
            return false;
    }
    if (rule_character(scan, '/') && !rule_time(scan, &change.time))
        return false;
    *ret_change = change;
    return true;
}

bool time_zone_rule_read(struct slice text, struct time_zone_rule *ret_rule) {
    struct rule_scan scan = {text.data, text.data + text.length};
    struct time_zone_rule rule = {0};
    if (!rule_name(&scan, &rule.name) || !rule_time(&scan, &rule.offset))
        return false;
    rule.offset = -rule.offset; /* POSIX counts west */
    if (scan.at < scan.end) {
        rule.has_summer = true;
        rule.summer_offset = rule.offset + 3600;
        if (!rule_name(&scan, &rule.summer_name))
            return false;
        if (scan.at < scan.end && *scan.at != ',') {
            if (!rule_time(&scan, &rule.summer_offset))
                return false;
            rule.summer_offset = -rule.summer_offset;
        }
        if (!rule_change(&scan, &rule.begin) || !rule_change(&scan, &rule.end))
            return false;
    }
    if (scan.at != scan.end)
        return false;
    *ret_rule = rule;
    return true;
}

/* The day (since the epoch) of a change in a year. */
static int64_t rule_day(const struct time_zone_change *change, int64_t year) {
    int64_t new_year = civil_to_days((struct civil_date){year, 1, 1});
    bool leap = civil_to_days((struct civil_date){year + 1, 1, 1}) - new_year == 366;
    if (change->kind == TIME_ZONE_DAY_WITH_LEAP)
        return new_year + change->day;
    if (change->kind == TIME_ZONE_DAY_WITHOUT_LEAP)
        return new_year + change->day - 1 + (leap && change->day > 59);
    int64_t first = civil_to_days((struct civil_date){year, change->month, 1});
    int64_t next =
        change->month == 12 ? new_year + 365 + leap : civil_to_days((struct civil_date){year, change->month + 1, 1});
    int64_t weekday = floor_modulo(first + 4, 7); /* 1970-01-01 was a Thursday */
    int64_t day = first + floor_modulo((int64_t)change->day - weekday, 7) + 7 * ((int64_t)change->week - 1);
    while (day >= next)
        day -= 7;
    return day;
}

/* In the north summer time lies within a year, in the south around its end. */
bool time_zone_rule_summer(const struct time_zone_rule *rule, int64_t seconds) {
    if (!rule->has_summer)
        return false;
    int64_t year = civil_from_days(floor_divide(seconds + rule->offset, 86400)).year;
    int64_t begin = rule_day(&rule->begin, year) * 86400 + rule->begin.time - rule->offset;
    int64_t end = rule_day(&rule->end, year) * 86400 + rule->end.time - rule->summer_offset;
    return begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
}
