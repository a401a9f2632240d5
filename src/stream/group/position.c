/* Writing is one walk over the stages, reading one over the text; a text that is not exactly of this form is refused. */
#include "stream/group/position.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/bytes.h"
#include "core/memory.h"

#define POSITION_VERSION "q2"

enum { ENTRY_ROOM = 170, OPERATOR_ROOM = 15 }; /* two offsets and seven counters of 12 digits, four of 0 */

uint64_t query_position_hash(const char *id) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
    return hash;
}

size_t query_position_room(size_t operator_count) {
    return ENTRY_ROOM + operator_count * OPERATOR_ROOM;
}

static void position_write_offset(struct bytes *to, const char *before, int64_t value, int64_t none) {
    bytes_append_string(to, before);
    if (value == none)
        bytes_append_char(to, '-');
    else
        bytes_append_format(to, "%" PRId64, value);
}

static void position_write_stage(struct bytes *to, const struct query_position_stage *stage) {
    struct query_counters counters = stage->counters;
    bytes_append_format(to, " [%016" PRIx64 ".%" PRIu32, stage->query, stage->stage);
    bytes_append_format(to, " d=%016" PRIx64, stage->definition);
    position_write_offset(to, " r=", stage->replay_from, INT64_MAX);
    if (stage->changelog_from >= 0)
        bytes_append_format(to, " c=%" PRId64, stage->changelog_from);
    for (size_t i = 0; i < stage->time_count; i++)
        position_write_offset(to, i ? "," : " t=", stage->times[i], INT64_MIN);
    if (stage->stream_time != INT64_MIN)
        bytes_append_format(to, " s=%" PRId64, stage->stream_time);
    for (size_t i = 0; i < QUERY_COUNTERS; i++) {
        uint64_t count = *query_counters_field(&counters, i);
        bytes_append_string(to, i ? "," : " n=");
        if (count)
            bytes_append_format(to, "%" PRIu64, count);
    }
    bytes_append_char(to, ']');
}

int query_position_write(const struct query_position *position, char *to, size_t size, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    bytes_append_format(&text, POSITION_VERSION " p=%" PRId32, position->partitions);
    if (position->load_until)
        bytes_append_format(&text, " l=%" PRId64, position->load_until);
    if (position->first_identity != INT64_MAX)
        bytes_append_format(&text, " h=%" PRId64, position->first_identity);
    incomplete_write(&position->incomplete, &text);
    if (position->origins.length) {
        bytes_append_string(&text, " o=");
        bytes_append_slice(&text, position->origins);
    }
    for (size_t i = 0; i < position->stage_count; i++)
        position_write_stage(&text, &position->stages[i]);
    if (text.failed)
        return error_no_memory(error);
    if (text.length >= size)
        return error_set(error, ERROR_INVALID,
                         "the position's metadata takes %zu bytes, at most %zu are possible: start some of the %zu "
                         "queries in a group of their own",
                         text.length, size - 1, position->stage_count);
    memcpy(to, text.data, text.length);
    to[text.length] = '\0';
    return 0;
}

static bool position_take(const char **at, const char *text) {
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0)
        return false;
    *at += length;
    return true;
}

static bool position_take_number(const char **at, int64_t *ret_number) {
    int length = 0;
    if (sscanf(*at, "%" SCNd64 "%n", ret_number, &length) != 1)
        return false;
    *at += length;
    return true;
}

static bool position_take_offset(const char **at, int64_t none, int64_t *ret_number) {
    if (position_take(at, "-") && (**at < '0' || **at > '9')) {
        *ret_number = none;
        return true;
    }
    *at -= (*at)[-1] == '-';
    return position_take_number(at, ret_number);
}

static bool position_take_times(const char **at, struct query_position_stage *stage) {
    do {
        if (stage->time_count == QUERY_OPERATORS_MAXIMUM ||
            !position_take_offset(at, INT64_MIN, &stage->times[stage->time_count++]))
            return false;
    } while (position_take(at, ","));
    return true;
}

static bool position_take_counters(const char **at, struct query_counters *counters) {
    if (!position_take(at, " n="))
        return false;
    for (size_t i = 0; i < QUERY_COUNTERS; i++) {
        uint64_t count = 0;
        int length = 0;
        if (**at >= '0' && **at <= '9' && sscanf(*at, "%" SCNu64 "%n", &count, &length) != 1)
            return false;
        *at += length;
        *query_counters_field(counters, i) = count;
        if (!position_take(at, i + 1 < QUERY_COUNTERS ? "," : "]"))
            return false;
    }
    return true;
}

/* After its '['. */
static bool position_read_stage(const char **at, struct query_position_stage *stage) {
    int length = 0;
    *stage = (struct query_position_stage){.changelog_from = -1, .stream_time = INT64_MIN};
    if (sscanf(*at, "%16" SCNx64 ".%" SCNu32 " d=%16" SCNx64 " r=%n", &stage->query, &stage->stage, &stage->definition,
               &length) != 3 ||
        length == 0)
        return false;
    *at += length;
    if (!position_take_offset(at, INT64_MAX, &stage->replay_from))
        return false;
    if ((position_take(at, " c=") && !position_take_number(at, &stage->changelog_from)) ||
        (position_take(at, " t=") && !position_take_times(at, stage)) ||
        (position_take(at, " s=") && !position_take_number(at, &stage->stream_time)))
        return false;
    return position_take_counters(at, &stage->counters);
}

static int position_unreadable(const char *text, struct error *error) {
    return error_set(error, ERROR_CORRUPT,
                     "the committed position's metadata '%.60s' was not written by this version of meterline; "
                     "--reset starts the group from the beginning",
                     text);
}

int query_position_read(const char *text, struct arena *arena, struct query_position *ret_position,
                        struct error *error) {
    struct query_position position = {.first_identity = INT64_MAX};
    const char *at = text;
    int64_t partitions;
    size_t room = 0;
    for (const char *c = text; *c; c++)
        room += *c == '[';
    if (!position_take(&at, POSITION_VERSION " p=") || !position_take_number(&at, &partitions) || partitions < 1 ||
        partitions > INT32_MAX)
        return position_unreadable(text, error);
    position.partitions = (int32_t)partitions;
    position.stages = arena_allocate(arena, (room + 1) * sizeof *position.stages);
    if (!position.stages)
        return error_no_memory(error);
    if (position_take(&at, " l=") && !position_take_number(&at, &position.load_until))
        return position_unreadable(text, error);
    if (position_take(&at, " h=") && !position_take_number(&at, &position.first_identity))
        return position_unreadable(text, error);
    if (!incomplete_read(&at, &position.incomplete))
        return position_unreadable(text, error);
    if (position_take(&at, " o=")) {
        position.origins = (struct slice){at, strcspn(at, " ")};
        at += position.origins.length;
    }
    while (position_take(&at, " ["))
        if (!position_read_stage(&at, &position.stages[position.stage_count++]))
            return position_unreadable(text, error);
    if (*at)
        return position_unreadable(text, error);
    *ret_position = position;
    return 0;
}

const struct query_position_stage *query_position_find(const struct query_position *position, uint64_t query,
                                                       uint32_t stage) {
    for (size_t i = 0; i < position->stage_count; i++)
        if (position->stages[i].query == query && position->stages[i].stage == stage)
            return &position->stages[i];
    return NULL;
}
