/* The shipped text is taken apart at its one table of 60 s; that part is written once for each size that was asked
 * for, with its numbers put in place. */
#include "cli/run/default_pipeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"
#include "core/options.h"

static const unsigned char default_text[] = {
#include "aggregates.inc"
};

enum { WINDOW_SIZE_MAXIMUM_S = 366 * 86400 };

/* --- window sizes
 * ------------------------------------------------------------------------------------------------------------------ */

static int size_compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int size_read(struct slice text, int64_t *ret_size, struct error *error) {
    char copy[32];
    bool fits = text.length < sizeof copy;
    snprintf(copy, sizeof copy, "%.*s", fits ? (int)text.length : 0, text.data);
    bool seconds = number_read_integer(text, ret_size);
    if (seconds)
        *ret_size = *ret_size > 0 && *ret_size <= WINDOW_SIZE_MAXIMUM_S ? *ret_size * 1000 : 0;
    if (!fits || (!seconds && options_read_duration("windows", copy, ret_size, NULL)) || *ret_size % 1000)
        return error_set(error, ERROR_INVALID,
                         "window size '%.*s' is not a whole number of seconds, or a time such as 15m or 1h",
                         (int)(text.length > 40 ? 40 : text.length), text.data);
    if (*ret_size <= 0 || *ret_size > WINDOW_SIZE_MAXIMUM_S * INT64_C(1000))
        return error_set(error, ERROR_INVALID, "window size %s is out of range: 1 to %d seconds (366 days)", copy,
                         WINDOW_SIZE_MAXIMUM_S);
    return 0;
}

int default_pipeline_read_windows(const char *text, struct default_pipeline *pipeline, struct error *error) {
    pipeline->size_count = 0;
    for (const char *at = text; at;) {
        const char *end = strchr(at, ',');
        struct slice size = {at, end ? (size_t)(end - at) : strlen(at)};
        if (pipeline->size_count == DEFAULT_WINDOWS_MAXIMUM)
            return error_set(error, ERROR_INVALID, "more than %d window sizes", DEFAULT_WINDOWS_MAXIMUM);
        int status = size_read(size, &pipeline->sizes[pipeline->size_count], error);
        if (status)
            return status;
        pipeline->size_count++;
        at = end ? end + 1 : NULL;
    }
    qsort(pipeline->sizes, pipeline->size_count, sizeof pipeline->sizes[0], size_compare);
    for (size_t i = 1; i < pipeline->size_count; i++)
        if (pipeline->sizes[i] == pipeline->sizes[i - 1])
            return error_set(error, ERROR_INVALID, "window size %lld is given twice",
                             (long long)(pipeline->sizes[i] / 1000));
    return 0;
}

/* --- the text
 * ------------------------------------------------------------------------------------------------------------------ */

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
static void text_id(struct bytes *to, const char *topic, int64_t seconds) {
    uint32_t hash = 2166136261u; /* FNV-1a: the same for ever */
    bytes_append_format(to, "AGGREGATES_%" PRId64, seconds);
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

static void write_table(const struct default_pipeline *pipeline, const char *topic, int64_t size, struct bytes *to) {
    char window[64], duration[40], grace[64];
    cleanup(bytes_release) struct bytes name = {0}, id = {0};
    bytes_append_format(&name, "%s-aggregates-%" PRId64 "'", topic, size / 1000);
    bytes_append_char(&name, '\0');
    text_id(&id, pipeline->topic, size / 1000);
    snprintf(window, sizeof window, "SIZE %" PRId64 " SECONDS", size / 1000);
    text_duration(duration, sizeof duration, pipeline->grace);
    snprintf(grace, sizeof grace, "GRACE PERIOD %s", duration);
    if (name.failed || id.failed)
        to->failed = true;
    else
        text_replace(to, text_statement("CREATE TABLE"),
                     (struct replacement[]){{"metrics-aggregates-60'", name.data},
                                            {"AGGREGATES_60", id.data},
                                            {"SIZE 60 SECONDS", window},
                                            {"GRACE PERIOD 300 SECONDS", grace}},
                     4);
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
    for (size_t i = 0; i < pipeline->size_count; i++)
        write_table(pipeline, topic.data, pipeline->sizes[i], to);
}

void default_pipeline_topic(const struct default_pipeline *pipeline, int64_t window_size, char *to, size_t size) {
    snprintf(to, size, "%s-aggregates-%" PRId64, pipeline->topic, window_size / 1000);
}
