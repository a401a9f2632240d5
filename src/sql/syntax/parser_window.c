/* WINDOW TUMBLING (SIZE size ..), HOPPING (SIZE size, ADVANCE BY size ..) or SESSION (d ..), each with RETENTION d and
 * GRACE PERIOD d. With TIMEZONE 'zone' a size is of the calendar of that zone (1 MONTH), and there may be OFFSET d, which
 * is a time of day, and STARTING MONDAY | DAY 15 | '10-01'.
 *
 * TIMEZONE, STARTING, OFFSET and the units are no keywords: elsewhere they are names. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "sql/syntax/parser.h"

static bool parser_at_word(const struct parser *parser, const char *word) {
    const struct token *token = &parser->token;
    return token->kind == TOKEN_WORD && token->text.length == strlen(word) &&
           strncasecmp(token->text.data, word, token->text.length) == 0;
}

/* DAY to YEAR, also with an S. */
static bool parser_at_calendar_unit(const struct parser *parser, enum calendar_unit *ret_unit) {
    for (unsigned unit = CALENDAR_DAY; unit <= CALENDAR_YEAR; unit++) {
        char plural[16];
        struct slice name = calendar_unit_name((enum calendar_unit)unit);
        snprintf(plural, sizeof plural, "%.*ss", (int)name.length, name.data);
        *ret_unit = (enum calendar_unit)unit;
        if (parser_at_word(parser, plural))
            return true;
        plural[name.length] = '\0';
        if (parser_at_word(parser, plural))
            return true;
    }
    return false;
}

/* n unit; units longer than a day are 0 ms. */
static bool parser_window_size(struct parser *parser, struct duration *duration, struct calendar_size *size) {
    struct parser before = *parser;
    *duration = (struct duration){.place = parser->token.place};
    if (!parser_whole_number(parser, &size->count))
        return false;
    bool calendar = parser_at_calendar_unit(parser, &size->unit);
    if (calendar && size->unit != CALENDAR_DAY)
        return parser_advance(parser);
    *parser = before;
    if (!parser_duration(parser, duration))
        return false;
    if (!calendar)
        *size = (struct calendar_size){duration->milliseconds, CALENDAR_PART_OF_DAY};
    return true;
}

/* After STARTING: a weekday, DAY n, or a date of each year as text. */
static bool parser_starting(struct parser *parser, struct slice *ret_text) {
    int64_t day;
    if (parser->token.kind == TOKEN_STRING)
        return parser_string(parser, ret_text);
    if (parser_at_word(parser, "DAY")) {
        char text[24];
        if (!parser_advance(parser) || !parser_whole_number(parser, &day))
            return false;
        int length = snprintf(text, sizeof text, "%" PRId64, day);
        *ret_text = arena_copy(parser->arena, (struct slice){text, (size_t)length});
        return ret_text->data || parser_no_memory(parser);
    }
    parser_note(parser, "MONDAY .. SUNDAY");
    parser_note(parser, "DAY");
    if (parser->token.kind != TOKEN_WORD || !calendar_weekday(parser->token.text))
        return parser_unexpected(parser);
    *ret_text = parser->token.text;
    return parser_advance(parser);
}

static bool parser_twice(struct parser *parser, const char *what) {
    return parser_fail(parser, parser->token.place, "%s is there twice", what);
}

/* TIMEZONE, OFFSET and STARTING; *ret_found tells whether it was one of them. */
static bool parser_calendar_option(struct parser *parser, struct calendar_clause *calendar, bool *ret_found) {
    struct place place = parser->token.place;
    *ret_found = true;
    if (parser_at_word(parser, "TIMEZONE")) {
        calendar->place = place;
        return calendar->zone.data ? parser_twice(parser, "TIMEZONE")
                                   : parser_advance(parser) && parser_string(parser, &calendar->zone);
    }
    if (parser_at_word(parser, "STARTING"))
        return calendar->starting.data ? parser_twice(parser, "STARTING")
                                       : parser_advance(parser) && parser_starting(parser, &calendar->starting);
    if (parser_at_word(parser, "OFFSET"))
        return calendar->offset.milliseconds >= 0
                   ? parser_twice(parser, "OFFSET")
                   : parser_advance(parser) && parser_duration(parser, &calendar->offset);
    *ret_found = false;
    return true;
}

static bool parser_window_option(struct parser *parser, struct window_clause *window) {
    struct duration *duration = NULL;
    bool two_words = true, calendar = false;
    if (window->kind == WINDOW_HOPPING && parser_at_keywords(parser, KEYWORD_ADVANCE, KEYWORD_BY))
        duration = &window->advance;
    else if (parser_at_keywords(parser, KEYWORD_GRACE, KEYWORD_PERIOD))
        duration = &window->grace;
    else if (parser_at_keyword(parser, KEYWORD_RETENTION))
        duration = &window->retention, two_words = false;
    else if (window->kind != WINDOW_SESSION && !parser_calendar_option(parser, &window->calendar, &calendar))
        return false;
    if (calendar)
        return true;
    if (!duration)
        return parser_unexpected(parser);
    if (duration->milliseconds >= 0)
        return parser_twice(parser, keyword_name(parser->token.keyword));
    if (!parser_advance(parser) || (two_words && !parser_advance(parser)))
        return false;
    return duration == &window->advance ? parser_window_size(parser, duration, &window->calendar.advance)
                                        : parser_duration(parser, duration);
}

static bool parser_window_kind(struct parser *parser, struct window_clause *window) {
    if (parser_at_keyword(parser, KEYWORD_TUMBLING))
        window->kind = WINDOW_TUMBLING;
    else if (parser_at_keyword(parser, KEYWORD_HOPPING))
        window->kind = WINDOW_HOPPING;
    else if (parser_at_keyword(parser, KEYWORD_SESSION))
        window->kind = WINDOW_SESSION;
    else
        return parser_unexpected(parser);
    return parser_advance(parser);
}

/* What belongs to TIMEZONE is there with it, and units longer than days only then. */
static bool parser_check_calendar(struct parser *parser, const struct window_clause *window) {
    const struct calendar_clause *calendar = &window->calendar;
    if (calendar->zone.data)
        return true;
    if (window->size.milliseconds == 0 && calendar->size.unit > CALENDAR_DAY)
        return parser_fail(parser, window->size.place,
                           "weeks, months, quarters and years are of a calendar: they need TIMEZONE, such as "
                           "TIMEZONE 'Europe/Athens' or TIMEZONE 'UTC'");
    if (window->advance.milliseconds == 0 && calendar->advance.unit > CALENDAR_DAY)
        return parser_fail(parser, window->advance.place, "ADVANCE BY in units of a calendar needs TIMEZONE");
    return (!calendar->starting.data && calendar->offset.milliseconds < 0) ||
           parser_fail(parser, window->place,
                       "STARTING and OFFSET belong to TIMEZONE, such as TIMEZONE 'Europe/Athens'");
}

bool parser_window(struct parser *parser, struct window_clause *ret_window) {
    struct window_clause *window = ret_window;
    bool more, size;
    window->place = parser->token.place;
    window->size.milliseconds = window->advance.milliseconds = -1;
    window->retention.milliseconds = window->grace.milliseconds = window->calendar.offset.milliseconds = -1;
    if (!parser_at_keyword(parser, KEYWORD_WINDOW))
        return true;
    if (!parser_advance(parser) || !parser_window_kind(parser, window) ||
        !parser_expect(parser, TOKEN_LEFT_PARENTHESIS))
        return false;
    if (window->kind == WINDOW_SESSION &&
        (!parser_take_keyword(parser, KEYWORD_SIZE, &size) || !parser_duration(parser, &window->size)))
        return false;
    if (window->kind != WINDOW_SESSION && (!parser_expect_keyword(parser, KEYWORD_SIZE) ||
                                           !parser_window_size(parser, &window->size, &window->calendar.size)))
        return false;
    if (!parser_take(parser, TOKEN_COMMA, &more))
        return false;
    while (more)
        if (!parser_window_option(parser, window) || !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    if (window->kind == WINDOW_HOPPING && window->advance.milliseconds < 0)
        return parser_fail(parser, window->place,
                           "a hopping window needs ADVANCE BY: WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 1 MINUTE)");
    return parser_expect(parser, TOKEN_RIGHT_PARENTHESIS) && parser_check_calendar(parser, window);
}
