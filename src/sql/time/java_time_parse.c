/* Reading by a pattern, in two steps as in java.time: the elements take fields from the text, then the fields are
 * resolved to a date and a time. */
#include "sql/time/java_time_format.h"

#include "model/time/time_text.h"
#include "sql/time/java_time_pattern.h"
#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

enum { PARSE_STEPS = 4096 }; /* elements that may be tried, options included */

struct java_time_parser {
    const char *begin, *at, *end;
    bool known[FIELD_COUNT];
    int64_t values[FIELD_COUNT];
    const struct time_zone *zone;
    struct arena *arena;
    struct time_zones *zones;
    unsigned steps;
};

/* --- taking fields
 * ------------------------------------------------------------------------------------------------------------------ */

/* A field that comes twice must have the same value. */
static bool parse_set(struct java_time_parser *parser, enum java_time_field field, int64_t value) {
    if (parser->known[field] && parser->values[field] != value)
        return false;
    parser->known[field] = true;
    parser->values[field] = value;
    return true;
}

static bool parse_literal(struct java_time_parser *parser, struct slice text) {
    if ((size_t)(parser->end - parser->at) < text.length || strncasecmp(parser->at, text.data, text.length) != 0)
        return false;
    parser->at += text.length;
    return true;
}

/* Up to `most` digits at `at`; returns how many. */
static unsigned parse_digits(const char *at, const char *end, unsigned most, int64_t *ret_value) {
    int64_t value = 0;
    unsigned count = 0;
    while (count < most && at < end && *at >= '0' && *at <= '9' && count < 18) {
        value = value * 10 + (*at++ - '0');
        count++;
    }
    *ret_value = value;
    return count;
}

static bool parse_sign(struct java_time_parser *parser, const struct java_time_element *element, bool *ret_negative,
                       bool *ret_positive) {
    *ret_negative = parser->at < parser->end && *parser->at == '-';
    *ret_positive = parser->at < parser->end && *parser->at == '+';
    if (*ret_positive && element->sign != SIGN_EXCEEDS_PAD)
        return false;
    if (*ret_negative && element->sign == SIGN_NOT_NEGATIVE)
        return false;
    parser->at += *ret_negative || *ret_positive;
    return true;
}

static bool parse_number(struct java_time_parser *parser, const struct java_time_element *element) {
    bool negative, positive;
    int64_t value;
    if (!parse_sign(parser, element, &negative, &positive))
        return false;
    unsigned count = parse_digits(parser->at, parser->end, element->maximum + element->subsequent, &value);
    if (element->subsequent) {
        unsigned most = count > element->minimum + element->subsequent ? count - element->subsequent : element->minimum;
        count = parse_digits(parser->at, parser->end, most, &value);
    }
    if (count < element->minimum || (negative && !value))
        return false;
    if (element->sign == SIGN_EXCEEDS_PAD && !negative && positive != (count > element->minimum))
        return false;
    parser->at += count;
    return parse_set(parser, element->field, negative ? -value : value);
}

static bool parse_fraction(struct java_time_parser *parser, const struct java_time_element *element) {
    int64_t value;
    if (parse_digits(parser->at, parser->end, element->minimum, &value) < element->minimum)
        return false;
    parser->at += element->minimum;
    for (unsigned i = element->minimum; i < 9; i++)
        value *= 10;
    return parse_set(parser, FIELD_NANO, value);
}

static bool parse_reduced(struct java_time_parser *parser, const struct java_time_element *element) {
    int64_t value;
    if (parse_digits(parser->at, parser->end, 2, &value) < 2)
        return false;
    parser->at += 2;
    return parse_set(parser, element->field, 2000 + value);
}

static bool parse_text(struct java_time_parser *parser, const struct java_time_element *element) {
    const struct java_time_names *names = java_time_names_of(element->field);
    for (int i = 0; i < names->count; i++) {
        struct slice name = slice_of(names->full[i]);
        if (element->style == STYLE_SHORT)
            name = names->shorts ? slice_of(names->shorts[i]) : (struct slice){name.data, names->short_length};
        else if (element->style == STYLE_NARROW)
            return false; /* one letter names several */
        if (parse_literal(parser, name))
            return parse_set(parser, element->field, names->first + i);
    }
    return false;
}

/* --- zones
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parse_set_zone(struct java_time_parser *parser, const struct time_zone *zone) {
    if (!zone || parser->zone)
        return false;
    parser->zone = zone;
    return true;
}

static bool parse_two_digits(struct java_time_parser *parser, int64_t maximum, int64_t *ret_value) {
    if (parse_digits(parser->at, parser->end, 2, ret_value) < 2 || *ret_value > maximum)
        return false;
    parser->at += 2;
    return true;
}

/* [:]mm; puts *at back when there is none. */
static bool parse_offset_part(struct java_time_parser *parser, bool colon, int64_t *ret_value) {
    const char *before = parser->at;
    if ((!colon || parse_literal(parser, SLICE(":"))) && parse_two_digits(parser, 59, ret_value))
        return true;
    parser->at = before;
    *ret_value = 0;
    return false;
}

static bool parse_offset(struct java_time_parser *parser, const struct java_time_element *element) {
    bool colon = element->style == OFFSET_HH_MM_COLON || element->style == OFFSET_HH_MM_ss_COLON;
    bool with_seconds = element->style == OFFSET_HHMM_ss || element->style == OFFSET_HH_MM_ss_COLON;
    int64_t hours, minutes, seconds = 0;
    if (slice_equal(element->text, SLICE("Z")) && parse_literal(parser, element->text))
        return parse_set_zone(parser, time_zone_utc);
    bool negative = parser->at < parser->end && *parser->at == '-';
    if (!parse_literal(parser, negative ? SLICE("-") : SLICE("+")) || !parse_two_digits(parser, 18, &hours))
        return false;
    if (!parse_offset_part(parser, colon, &minutes) && element->style != OFFSET_HH_mm)
        return false;
    if (with_seconds)
        parse_offset_part(parser, colon, &seconds);
    int32_t offset = (int32_t)(hours * 3600 + minutes * 60 + seconds);
    return parse_set_zone(parser, offset ? time_zone_fixed(parser->arena, negative ? -offset : offset) : time_zone_utc);
}

static bool parse_local_offset(struct java_time_parser *parser) {
    int64_t hours, minutes = 0;
    if (!parse_literal(parser, SLICE("GMT")))
        return false;
    bool negative = parser->at < parser->end && *parser->at == '-';
    if (!parse_literal(parser, negative ? SLICE("-") : SLICE("+")))
        return parse_set_zone(parser, time_zone_utc);
    unsigned count = parse_digits(parser->at, parser->end, 2, &hours);
    if (!count || hours > 18)
        return false;
    parser->at += count;
    parse_offset_part(parser, true, &minutes);
    int32_t offset = (int32_t)(hours * 3600 + minutes * 60);
    return parse_set_zone(parser, time_zone_fixed(parser->arena, negative ? -offset : offset));
}

static bool parse_zone_found(struct java_time_parser *parser, struct slice name, size_t length) {
    struct error ignored;
    const struct time_zone *zone;
    if (time_zone_find(parser->zones, parser->arena, name, &zone, &ignored))
        return false;
    parser->at += length;
    return parse_set_zone(parser, zone);
}

/* The longest beginning that names a zone. */
static bool parse_zone_id(struct java_time_parser *parser) {
    size_t length = 0, most = (size_t)(parser->end - parser->at);
    while (length < most && length < 48 &&
           (isalnum((unsigned char)parser->at[length]) || memchr("_/+-:", parser->at[length], 5)))
        length++;
    for (; length; length--)
        if (parse_zone_found(parser, (struct slice){parser->at, length}, length))
            return true;
    return false;
}

/* Full names first: "Central European Summer Time" does not begin with an abbreviation, but "GMT" may begin an id. */
static bool parse_zone_name(struct java_time_parser *parser) {
    size_t rest = (size_t)(parser->end - parser->at);
    for (size_t i = 0; i < 2 * java_time_zone_name_count; i++) {
        const struct java_time_zone_name *name = &java_time_zone_names[i / 2];
        struct slice text = slice_of(i % 2 ? name->abbreviation : name->full);
        bool whole = rest >= text.length && strncasecmp(parser->at, text.data, text.length) == 0;
        if (whole && (rest == text.length ||
                      !(isalnum((unsigned char)parser->at[text.length]) || memchr("_/+-", parser->at[text.length], 4))))
            return parse_zone_found(parser, slice_of(name->zone), text.length);
    }
    return parse_zone_id(parser);
}

/* --- the pattern
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parse_element(struct java_time_parser *parser, const struct java_time_element *element) {
    switch (element->kind) {
    case ELEMENT_LITERAL:
        return parse_literal(parser, element->text);
    case ELEMENT_NUMBER:
        return parse_number(parser, element);
    case ELEMENT_REDUCED:
        return parse_reduced(parser, element);
    case ELEMENT_FRACTION:
        return parse_fraction(parser, element);
    case ELEMENT_TEXT:
        return parse_text(parser, element);
    case ELEMENT_OFFSET:
        return parse_offset(parser, element);
    case ELEMENT_LOCAL_OFFSET:
        return parse_local_offset(parser);
    case ELEMENT_ZONE_ID:
        return parse_zone_id(parser);
    case ELEMENT_ZONE_NAME:
        return parse_zone_name(parser);
    default:
        return true;
    }
}

/* An optional section that does not match leaves no trace. */
static bool parse_range(struct java_time_parser *parser, const struct java_time_pattern *pattern, size_t begin,
                        size_t end) {
    for (size_t i = begin; i < end; i++) {
        const struct java_time_element *element = &pattern->elements[i];
        if (++parser->steps > PARSE_STEPS)
            return false;
        if (element->kind == ELEMENT_OPTION) {
            struct java_time_parser before = *parser;
            if (!parse_range(parser, pattern, i + 1, element->end)) {
                before.steps = parser->steps;
                *parser = before;
            }
            i = element->end;
        } else if (!parse_element(parser, element)) {
            return false;
        }
    }
    return true;
}

/* --- resolving
 * ------------------------------------------------------------------------------------------------------------------ */

static bool resolve_known(const struct java_time_parser *parser, enum java_time_field first,
                          enum java_time_field last) {
    for (enum java_time_field field = first; field <= last; field++)
        if (parser->known[field])
            return true;
    return false;
}

static int64_t resolve_value(const struct java_time_parser *parser, enum java_time_field field, int64_t otherwise) {
    return parser->known[field] ? parser->values[field] : otherwise;
}

/* Everything that was given must lie in its range. */
static bool resolve_ranges(const struct java_time_parser *parser) {
    static const struct {
        enum java_time_field field;
        int64_t minimum, maximum;
    } ranges[] = {
        {FIELD_YEAR, -999999999, 999999999},
        {FIELD_YEAR_OF_ERA, 1, 1000000000},
        {FIELD_QUARTER, 1, 4},
        {FIELD_MONTH, 1, 12},
        {FIELD_DAY_OF_YEAR, 1, 366},
        {FIELD_DAY, 1, 31},
        {FIELD_LOCAL_DAY_OF_WEEK, 1, 7},
        {FIELD_CLOCK_HOUR_OF_HALF, 1, 12},
        {FIELD_HOUR_OF_HALF, 0, 11},
        {FIELD_CLOCK_HOUR, 1, 24},
        {FIELD_HOUR, 0, 24},
        {FIELD_MINUTE, 0, 59},
        {FIELD_SECOND, 0, 59},
        {FIELD_MILLI_OF_DAY, 0, 86399999},
        {FIELD_NANO, 0, 999999999},
        {FIELD_NANO_OF_DAY, 0, INT64_C(86399999999999)},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        int64_t value = parser->values[ranges[i].field];
        if (parser->known[ranges[i].field] && (value < ranges[i].minimum || value > ranges[i].maximum))
            return false;
    }
    return true;
}

static bool resolve_year(const struct java_time_parser *parser, int64_t *ret_year) {
    int64_t year = resolve_value(parser, FIELD_YEAR, 1970);
    if (parser->known[FIELD_YEAR_OF_ERA]) {
        int64_t of_era = parser->values[FIELD_YEAR_OF_ERA],
                by_era = resolve_value(parser, FIELD_ERA, 1) ? of_era : 1 - of_era;
        if (parser->known[FIELD_YEAR] && year != by_era)
            return false;
        year = by_era;
    }
    *ret_year = year;
    return true;
}

static bool resolve_date(const struct java_time_parser *parser, int64_t *ret_days) {
    int64_t days;
    struct civil_date date = {.month = (unsigned)resolve_value(parser, FIELD_MONTH, 1),
                              .day = (unsigned)resolve_value(parser, FIELD_DAY, 1)};
    if (!resolve_year(parser, &date.year))
        return false;
    if (parser->known[FIELD_DAY_OF_YEAR] && !parser->known[FIELD_MONTH]) {
        days = civil_to_days((struct civil_date){date.year, 1, 1}) + parser->values[FIELD_DAY_OF_YEAR] - 1;
        if (civil_from_days(days).year != date.year)
            return false;
    } else {
        while (date.day > 28 && !civil_valid(date))
            date.day--;
        if (!civil_valid(date))
            return false;
        days = civil_to_days(date);
    }
    int64_t weekday = floor_modulo(days + 3, 7) + 1;
    if (parser->known[FIELD_DAY_OF_WEEK] && parser->values[FIELD_DAY_OF_WEEK] != weekday)
        return false;
    *ret_days = days;
    return true;
}

/* The hour in one of four ways; 12-hour clocks need AM or PM. */
static bool resolve_hour(const struct java_time_parser *parser, int64_t *ret_hour) {
    int64_t hour = resolve_value(parser, FIELD_HOUR, 0), half = resolve_value(parser, FIELD_HALF, 0) * 12;
    bool of_half = parser->known[FIELD_CLOCK_HOUR_OF_HALF] || parser->known[FIELD_HOUR_OF_HALF];
    if (of_half && !parser->known[FIELD_HALF] && !parser->known[FIELD_HOUR])
        return false;
    if (parser->known[FIELD_CLOCK_HOUR_OF_HALF])
        hour = half + parser->values[FIELD_CLOCK_HOUR_OF_HALF] % 12;
    else if (parser->known[FIELD_HOUR_OF_HALF])
        hour = half + parser->values[FIELD_HOUR_OF_HALF];
    else if (parser->known[FIELD_CLOCK_HOUR])
        hour = parser->values[FIELD_CLOCK_HOUR] % 24;
    else if (parser->known[FIELD_HALF] && parser->known[FIELD_HOUR] && hour / 12 * 12 != half)
        return false;
    *ret_hour = hour;
    return true;
}

/* 24:00 is the end of the day. */
static bool resolve_time(const struct java_time_parser *parser, int64_t *ret_milliseconds) {
    int64_t hour, within;
    if (parser->known[FIELD_NANO_OF_DAY] || parser->known[FIELD_MILLI_OF_DAY]) {
        *ret_milliseconds = parser->known[FIELD_MILLI_OF_DAY] ? parser->values[FIELD_MILLI_OF_DAY]
                                                              : parser->values[FIELD_NANO_OF_DAY] / 1000000;
        return true;
    }
    if (!resolve_hour(parser, &hour))
        return false;
    within = resolve_value(parser, FIELD_MINUTE, 0) * 60000 + resolve_value(parser, FIELD_SECOND, 0) * 1000 +
             resolve_value(parser, FIELD_NANO, 0) / 1000000;
    *ret_milliseconds = hour * 3600000 + within;
    return hour < 24 || !within;
}

int java_time_parse(const struct java_time_pattern *pattern, struct slice text, struct time_zones *zones,
                    struct arena *arena, struct java_time_read *ret_time, struct error *error) {
    struct java_time_parser parser = {
        .begin = text.data, .at = text.data, .end = text.data + text.length, .zones = zones, .arena = arena};
    struct java_time_read result = {0};
    int shown = (int)(text.length < 100 ? text.length : 100);
    if (!parse_range(&parser, pattern, 0, pattern->count))
        return error_set(error, ERROR_INVALID, "Text '%.*s' could not be parsed at index %td", shown, text.data,
                         parser.at - parser.begin);
    if (parser.at != parser.end)
        return error_set(error, ERROR_INVALID, "Text '%.*s' could not be parsed, unparsed text found at index %td",
                         shown, text.data, parser.at - parser.begin);
    if (resolve_known(&parser, FIELD_WEEK_YEAR, FIELD_WEEK_YEAR) ||
        resolve_known(&parser, FIELD_WEEK, FIELD_WEEK_OF_MONTH))
        return error_set(error, ERROR_UNSUPPORTED,
                         "Text '%.*s': dates cannot be read from weeks (pattern letters Y, w, W)", shown, text.data);
    if (!resolve_ranges(&parser) || !resolve_date(&parser, &result.days) ||
        !resolve_time(&parser, &result.milliseconds))
        return error_set(error, ERROR_INVALID, "Text '%.*s' could not be parsed: it is no such date or time", shown,
                         text.data);
    result.has_date = resolve_known(&parser, FIELD_ERA, FIELD_LOCAL_DAY_OF_WEEK);
    result.has_time = resolve_known(&parser, FIELD_HALF, FIELD_NANO_OF_DAY);
    result.zone = parser.zone;
    if (result.milliseconds == MILLISECONDS_OF_DAY) {
        result.milliseconds = 0;
        result.days += result.has_date;
    }
    *ret_time = result;
    return 0;
}
