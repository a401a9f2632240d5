#include "store/window.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/options.h"

#define SECONDS_MAXIMUM (366 * INT64_C(86400))

struct store_window store_window_of(int64_t size) {
    return (struct store_window){.size = size};
}

bool store_window_same(const struct store_window *a, const struct store_window *b) {
    return a->size == b->size && strcmp(a->calendar, b->calendar) == 0;
}

int store_window_compare(const void *a, const void *b) {
    const struct store_window *left = a, *right = b;
    return left->size != right->size ? (left->size > right->size) - (left->size < right->size)
                                     : strcmp(left->calendar, right->calendar);
}

static int window_read_calendar(struct slice text, struct store_window *ret_window, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct calendar calendar;
    int status = calendar_read(text, &arena, &calendar, error);
    if (status)
        return status;
    *ret_window = store_window_of(calendar_longest(&calendar));
    ret_window->calendar[calendar_write(ret_window->calendar, &calendar)] = '\0';
    return 0;
}

/* --- bounds
 * ------------------------------------------------------------------------------------------------------------------ */

int window_bounds_open(struct window_bounds *bounds, const struct store_window *window, struct error *error) {
    *bounds = (struct window_bounds){.window = *window};
    return window->calendar[0] ? calendar_read(slice_of(window->calendar), &bounds->arena, &bounds->calendar, error)
                               : 0;
}

void window_bounds_release(struct window_bounds *bounds) {
    arena_release(&bounds->arena);
}

int64_t window_bounds_end(const struct window_bounds *bounds, int64_t start) {
    if (bounds->window.calendar[0])
        return calendar_window(&bounds->calendar, calendar_index(&bounds->calendar, start)).end;
    return start + bounds->window.size;
}

bool window_bounds_fit(const struct window_bounds *bounds, int64_t start, int64_t end) {
    if (!bounds->window.calendar[0])
        return end - start == bounds->window.size && start % bounds->window.size == 0;
    struct calendar_window window = calendar_window(&bounds->calendar, calendar_index(&bounds->calendar, start));
    return window.start == start && window.end == end;
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

int store_window_read(const char *what, struct slice text, struct store_window *ret_window, struct error *error) {
    char copy[32];
    int64_t size;
    if (memchr(text.data, '@', text.length))
        return window_read_calendar(text, ret_window, error);
    bool fits = text.length < sizeof copy;
    snprintf(copy, sizeof copy, "%.*s", fits ? (int)text.length : 0, text.data);
    bool seconds = number_read_integer(text, &size);
    if (seconds)
        size = size > 0 && size <= SECONDS_MAXIMUM ? size * 1000 : 0;
    if (!fits || (!seconds && options_read_duration(what, copy, &size, NULL)) || size % 1000)
        return error_set(
            error, ERROR_INVALID,
            "window size '%.*s' is not a whole number of seconds, a time such as 15m or 1h, or windows of a "
            "calendar such as day@Europe/Athens",
            (int)(text.length > 40 ? 40 : text.length), text.data);
    if (size <= 0 || size > SECONDS_MAXIMUM * 1000)
        return error_set(error, ERROR_INVALID, "window size %s is out of range: 1 to %" PRId64 " seconds (366 days)",
                         copy, SECONDS_MAXIMUM);
    *ret_window = store_window_of(size);
    return 0;
}

void store_window_write(char to[CALENDAR_TEXT_SIZE], const struct store_window *window) {
    if (window->calendar[0])
        strcpy(to, window->calendar);
    else if (window->size % 1000)
        snprintf(to, CALENDAR_TEXT_SIZE, "%" PRId64 ".%03d", window->size / 1000, (int)(window->size % 1000));
    else
        snprintf(to, CALENDAR_TEXT_SIZE, "%" PRId64, window->size / 1000);
}

void store_window_write_table(char to[STORE_TABLE_SIZE], const struct store_window *window) {
    enum { KEPT = STORE_TABLE_SIZE - 10 };
    char text[2 * CALENDAR_TEXT_SIZE];
    size_t length = 0;
    if (!window->calendar[0]) {
        snprintf(to, STORE_TABLE_SIZE, "%" PRId64, window->size / 1000);
        return;
    }
    for (const char *at = window->calendar; *at; at++) {
        bool sign = at > window->calendar && (*at == '+' || (*at == '-' && isdigit((unsigned char)at[1])));
        text[length++] = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '_';
        if (sign)
            text[length++] = *at == '+' ? 'p' : 'm';
    }
    text[length] = '\0';
    if (length < STORE_TABLE_SIZE)
        strcpy(to, text);
    else
        snprintf(to, STORE_TABLE_SIZE, "%.*s_%08" PRIx32, KEPT, text,
                 (uint32_t)hash_bytes(window->calendar, strlen(window->calendar), 0));
}

bool store_window_write_topic(char to[STORE_WINDOW_TOPIC_SIZE], const struct store_window *window) {
    store_window_write(to, window);
    char *zone = strchr(to, '@');
    for (char *at = to; *at && zone; at++) {
        bool before = at < zone;
        if (!before && (*at == '+' || *at == ':'))
            return false;
        *at = *at == '@' || *at == '/' ? '.' : *at == '~' ? '-' : before && (*at == '+' || *at == ':') ? '_' : *at;
    }
    return true;
}

/* "day.Europe.Athens", "day_06_00.Europe.Berlin", "month-15.Asia.Tokyo" */
static bool window_of_calendar_topic(const char *part, struct store_window *ret_window) {
    char name[STORE_WINDOW_TOPIC_SIZE];
    if (strlen(part) >= sizeof name)
        return false;
    strcpy(name, part);
    char *zone = strchr(name, '.'), *offset = strchr(name, '_'), *anchor = strchr(name, '-');
    if (!zone)
        return false;
    for (char *at = zone; *at; at++)
        *at = *at == '.' ? '/' : *at;
    *zone = '@';
    if (offset && offset < zone) {
        *offset = '+';
        char *colon = strchr(offset, '_');
        if (colon && colon < zone)
            *colon = ':';
    }
    if (anchor && anchor < zone)
        *anchor = '~';
    return window_read_calendar(slice_of(name), ret_window, NULL) == 0;
}

bool store_window_of_topic(const char *topic, struct store_window *ret_window) {
    static const char mark[] = "-aggregates-";
    const char *part = NULL;
    int64_t seconds;
    for (const char *at = topic; (at = strstr(at, mark)); at++)
        part = at;
    if (!part || part == topic)
        return false;
    part += sizeof mark - 1;
    if (!number_read_integer(slice_of(part), &seconds))
        return window_of_calendar_topic(part, ret_window);
    *ret_window = store_window_of(seconds * 1000);
    return seconds > 0 && seconds < INT64_MAX / 1000;
}
