#include "stream/position.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/bytes.h"
#include "core/memory.h"

int task_position_write(const struct task_position *position, size_t size_count, char *to, size_t size,
                        struct error *error) {
    const struct task_counters *n = &position->counters;
    cleanup(bytes_release) struct bytes text = {0};
    bytes_append_format(&text, "1 d=%016" PRIx64 " r=%" PRId64 " t=", position->definition, position->replay_from);
    if (position->stream_time == INT64_MIN)
        bytes_append_char(&text, '-');
    else
        bytes_append_format(&text, "%" PRId64, position->stream_time);
    if (position->partitions)
        bytes_append_format(&text, " p=%" PRId32, position->partitions);
    bytes_append_format(&text, " n=%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, n->read, n->null, n->rejected,
                        n->filtered);
    for (size_t i = 0; i < size_count; i++)
        bytes_append_format(&text, " w=%" PRIu64 ",%" PRIu64 ",%" PRIu64, n->folded[i], n->late[i], n->results[i]);
    if (position->incomplete_until != INT64_MIN)
        bytes_append_format(&text, " i=%" PRId64, position->incomplete_until);
    if (text.failed)
        return error_no_memory(error);
    if (text.length >= size)
        return error_set(error, ERROR_INVALID,
                         "the position's metadata takes %zu bytes; at most %zu are possible: use fewer window sizes",
                         text.length, size - 1);
    memcpy(to, text.data, text.length);
    to[text.length] = '\0';
    return 0;
}

static int position_unreadable(const char *text, struct error *error) {
    return error_set(error, ERROR_CORRUPT,
                     "the committed position's metadata '%.60s' was not written by this version of meterline; "
                     "--reset starts the group from the beginning",
                     text);
}

int task_position_read_definition(const char *text, uint64_t *ret_definition, struct error *error) {
    int length = 0;
    uint64_t definition;
    if (sscanf(text, "1 d=%16" SCNx64 " %n", &definition, &length) != 1 || length == 0)
        return position_unreadable(text, error);
    *ret_definition = definition;
    return 0;
}

int task_position_read(const char *text, size_t size_count, struct task_position *ret_position, struct error *error) {
    struct task_position position = {.stream_time = INT64_MIN, .incomplete_until = INT64_MIN};
    struct task_counters *n = &position.counters;
    const char *at = text;
    int length = 0;
    if (sscanf(at, "1 d=%16" SCNx64 " r=%" SCNd64 " t=%n", &position.definition, &position.replay_from, &length) != 2 ||
        length == 0)
        return position_unreadable(text, error);
    at += length;
    if (*at == '-')
        at++;
    else if (sscanf(at, "%" SCNd64 "%n", &position.stream_time, &length) == 1)
        at += length;
    else
        return position_unreadable(text, error);
    if (sscanf(at, " p=%" SCNd32 "%n", &position.partitions, &length) == 1)
        at += length;
    if (sscanf(at, " n=%" SCNu64 ",%" SCNu64 ",%" SCNu64 ",%" SCNu64 "%n", &n->read, &n->null, &n->rejected,
               &n->filtered, &length) != 4)
        return position_unreadable(text, error);
    at += length;
    for (size_t i = 0; i < size_count; i++, at += length)
        if (sscanf(at, " w=%" SCNu64 ",%" SCNu64 ",%" SCNu64 "%n", &n->folded[i], &n->late[i], &n->results[i],
                   &length) != 3)
            return position_unreadable(text, error);
    if (sscanf(at, " i=%" SCNd64 "%n", &position.incomplete_until, &length) == 1)
        at += length;
    if (*at)
        return position_unreadable(text, error);
    *ret_position = position;
    return 0;
}
