/* The shipped text is taken apart at its one table of 60 s; that part is written once for each size that was asked
 * for, with its numbers put in place. */
#include "cli/run/default_pipeline.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static const unsigned char default_text[] = {
#include "aggregates.inc"
};

/* --- windows
 * ------------------------------------------------------------------------------------------------------------------ */

static int window_read(struct slice text, struct store_window *ret_window, struct error *error) {
    char topic[STORE_WINDOW_TOPIC_SIZE];
    int status = store_window_read("windows", text, ret_window, error);
    if (!status && !store_window_write_topic(topic, ret_window))
        return error_set(error, ERROR_INVALID,
                         "windows %s need a zone whose name a topic can hold, such as Europe/Athens or UTC",
                         ret_window->calendar);
    return status;
}

int default_pipeline_read_windows(const char *text, struct default_pipeline *pipeline, struct error *error) {
    pipeline->window_count = 0;
    for (const char *at = text; at;) {
        const char *end = strchr(at, ',');
        struct slice size = {at, end ? (size_t)(end - at) : strlen(at)};
        if (pipeline->window_count == DEFAULT_WINDOWS_MAXIMUM)
            return error_set(error, ERROR_INVALID, "more than %d window sizes", DEFAULT_WINDOWS_MAXIMUM);
        int status = window_read(size, &pipeline->windows[pipeline->window_count], error);
        if (status)
            return status;
        pipeline->window_count++;
        at = end ? end + 1 : NULL;
    }
    qsort(pipeline->windows, pipeline->window_count, sizeof pipeline->windows[0], store_window_compare);
    for (size_t i = 1; i < pipeline->window_count; i++)
        if (store_window_same(&pipeline->windows[i], &pipeline->windows[i - 1])) {
            char name[CALENDAR_TEXT_SIZE];
            store_window_write(name, &pipeline->windows[i]);
            return error_set(error, ERROR_INVALID, "window size %s is given twice", name);
        }
    return 0;
}

/* --- the text
 * ------------------------------------------------------------------------------------------------------------------ */

#define LAST_ITEM "LATEST_BY_OFFSET(`gateway`) AS `gateway`"

struct replacement {
    const char *from;
    const char *to;
};

/* The text with each `from` replaced. */
static void text_replace(struct bytes *to, struct slice text, const struct replacement *replacements, size_t count) {
    for (size_t at = 0; at < text.length;) {
        size_t i = 0;
        struct slice rest = {text.data + at, text.length - at};
        while (i < count && (rest.length < strlen(replacements[i].from) ||
                             memcmp(rest.data, replacements[i].from, strlen(replacements[i].from)) != 0))
            i++;
        if (i < count)
            bytes_append_string(to, replacements[i].to);
        else
            bytes_append_char(to, rest.data[0]);
        at += i < count ? strlen(replacements[i].from) : 1;
    }
}

/* A statement of the text, with its semicolon: the first that begins with `head`. */
static struct slice text_statement(const char *head) {
    const char *begin = strstr((const char *)default_text, head), *end = begin ? strchr(begin, ';') : NULL;
    return end ? (struct slice){begin, (size_t)(end + 1 - begin)} : (struct slice){NULL, 0};
}

/* `topic` inside of a literal. */
static void text_quote(struct bytes *to, const char *topic) {
    for (; *topic; topic++) {
        if (*topic == '\'')
            bytes_append_char(to, '\'');
        bytes_append_char(to, *topic);
    }
    bytes_append_char(to, '\0');
}

/* Of two topics these are two queries, with positions of their own: "AGGREGATES_60", and of another topic than
 * `metrics` "AGGREGATES_60_TOPIC_5D41402A", with a hash, as an id has only letters, digits and _. */
static void text_id(struct bytes *to, const char *topic, const struct store_window *window) {
    uint32_t hash = 2166136261u; /* FNV-1a: the same for ever */
    char table[STORE_TABLE_SIZE];
    store_window_write_table(table, window);
    for (char *at = table; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    bytes_append_format(to, "AGGREGATES_%s", table);
    if (strcmp(topic, "metrics") != 0) {
        bytes_append_char(to, '_');
        for (const char *at = topic; *at; at++) {
            hash = (hash ^ (unsigned char)*at) * 16777619u;
            bool plain =
                (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_';
            bytes_append_char(to, plain ? *at : '_');
        }
        bytes_append_format(to, "_%08" PRIX32, hash);
    }
    bytes_append_char(to, '\0');
}

/* As the shipped file writes its own, so that the same number is the same text. */
static void text_duration(char *to, size_t size, int64_t ms) {
    if (ms == 86400000)
        snprintf(to, size, "1 DAY");
    else
        snprintf(to, size, "%" PRId64 " %s", ms % 1000 ? ms : ms / 1000, ms % 1000 ? "MILLISECONDS" : "SECONDS");
}

static void write_stream(const struct default_pipeline *pipeline, const char *topic, struct bytes *to) {
    char duration[40], ahead[64];
    text_duration(duration, sizeof duration, pipeline->max_ahead > 0 ? pipeline->max_ahead : 1);
    snprintf(ahead, sizeof ahead, "MAX_AHEAD = '%s'", duration);
    cleanup(bytes_release) struct bytes name = {0};
    bytes_append_format(&name, "KAFKA_TOPIC = '%s'", topic);
    bytes_append_char(&name, '\0');
    if (name.failed)
        to->failed = true;
    else
        text_replace(to, text_statement("CREATE STREAM"),
                     (struct replacement[]){{"KAFKA_TOPIC = 'metrics'", name.data}, {"MAX_AHEAD = '1 DAY'", ahead}}, 2);
    bytes_append_char(to, '\n');
}

/* "SIZE 3600 SECONDS", "SIZE 1 MONTH, TIMEZONE 'Europe/Paris', STARTING DAY 15". */
static void write_size(struct bytes *to, const struct store_window *window, const struct calendar *calendar) {
    struct slice zone = calendar_zone_name(calendar), unit = calendar_unit_name(calendar->unit);
    if (!window->calendar[0]) {
        bytes_append_format(to, "SIZE %" PRId64 " SECONDS", window->size / 1000);
        bytes_append_char(to, '\0');
        return;
    }
    if (calendar->unit == CALENDAR_PART_OF_DAY)
        bytes_append_format(to, "SIZE %" PRId64 " MINUTES", calendar->count / 60000);
    else
        bytes_append_format(to, "SIZE %" PRId64 " %.*s", calendar->count, (int)unit.length, unit.data);
    bytes_append_format(to, ", TIMEZONE '%.*s'", (int)zone.length, zone.data);
    if (calendar->unit == CALENDAR_WEEK && calendar->day != 1)
        bytes_append_format(to, ", STARTING %s", calendar_weekday_name(calendar->day));
    if (calendar->unit == CALENDAR_MONTH && calendar->day != 1)
        bytes_append_format(to, ", STARTING DAY %u", calendar->day);
    if (calendar->unit == CALENDAR_YEAR && (calendar->month != 1 || calendar->day != 1))
        bytes_append_format(to, ", STARTING '%02u-%02u'", calendar->month, calendar->day);
    if (calendar->offset)
        bytes_append_format(to, ", OFFSET %" PRId64 " MINUTES", calendar->offset / 60000);
    bytes_append_char(to, '\0');
}

/* Results of a calendar say the local date of their start and the zone. */
static void write_last_item(struct bytes *to, const struct calendar *calendar, bool named) {
    struct slice zone = calendar_zone_name(calendar);
    bytes_append_string(to, LAST_ITEM);
    if (named)
        bytes_append_format(to,
                            ",\n    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd', '%.*s') AS "
                            "`localDate`,\n    '%.*s' AS `timezone`",
                            (int)zone.length, zone.data, (int)zone.length, zone.data);
    bytes_append_char(to, '\0');
}

static void write_table(const struct default_pipeline *pipeline, const char *topic, const struct store_window *window,
                        struct bytes *to) {
    char duration[40], grace[64], part[STORE_WINDOW_TOPIC_SIZE];
    cleanup(arena_release) struct arena arena = {0};
    struct calendar calendar = {.zone = time_zone_utc};
    cleanup(bytes_release) struct bytes name = {0}, id = {0}, size = {0}, item = {0};
    if (window->calendar[0] && calendar_read(slice_of(window->calendar), &arena, &calendar, NULL)) {
        to->failed = true;
        return;
    }
    store_window_write_topic(part, window);
    bytes_append_format(&name, "%s-aggregates-%s'", topic, part);
    bytes_append_char(&name, '\0');
    text_id(&id, pipeline->topic, window);
    write_size(&size, window, &calendar);
    write_last_item(&item, &calendar, window->calendar[0] != '\0');
    text_duration(duration, sizeof duration, pipeline->grace);
    snprintf(grace, sizeof grace, "GRACE PERIOD %s", duration);
    if (name.failed || id.failed || size.failed || item.failed)
        to->failed = true;
    else
        text_replace(to, text_statement("CREATE TABLE"),
                     (struct replacement[]){{"metrics-aggregates-60'", name.data},
                                            {"AGGREGATES_60", id.data},
                                            {"SIZE 60 SECONDS", size.data},
                                            {"GRACE PERIOD 300 SECONDS", grace},
                                            {LAST_ITEM, item.data}},
                     5);
    bytes_append_char(to, '\n');
}

void default_pipeline_write(const struct default_pipeline *pipeline, struct bytes *to) {
    cleanup(bytes_release) struct bytes topic = {0};
    text_quote(&topic, pipeline->topic);
    if (topic.failed) {
        to->failed = true;
        return;
    }
    write_stream(pipeline, topic.data, to);
    for (size_t i = 0; i < pipeline->window_count; i++)
        write_table(pipeline, topic.data, &pipeline->windows[i], to);
}

void default_pipeline_topic(const struct default_pipeline *pipeline, const struct store_window *window, char *to,
                            size_t size) {
    char part[STORE_WINDOW_TOPIC_SIZE];
    store_window_write_topic(part, window);
    snprintf(to, size, "%s-aggregates-%s", pipeline->topic, part);
}
