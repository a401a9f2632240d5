/* A stamp on each record and marks between them, read and written here; how they move windows is in stream_time.h. */
#include "stream/source/stream_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

#define TIME_HEADER SLICE("stream.ms")
#define MARK_HEADER SLICE("stream.passed")

/* --- headers
 * ------------------------------------------------------------------------------------------------------------------ */

struct bus_header stream_time_header(int64_t time, char text[STREAM_TIME_SIZE]) {
    int length = snprintf(text, STREAM_TIME_SIZE, "%" PRId64, time);
    return (struct bus_header){TIME_HEADER, {text, (size_t)length}};
}

struct bus_header stream_mark_header(const struct stream_mark *mark, char text[STREAM_MARK_SIZE]) {
    int length = mark->time == INT64_MIN
                     ? snprintf(text, STREAM_MARK_SIZE, "%" PRId32 " - %" PRId64, mark->origin, mark->offset)
                     : snprintf(text, STREAM_MARK_SIZE, "%" PRId32 " %" PRId64 " %" PRId64, mark->origin, mark->time,
                                mark->offset);
    return (struct bus_header){MARK_HEADER, {text, (size_t)length}};
}

/* The value of a header, with a NUL after it; false: there is none, or it is too long. */
static bool header_text(const struct bus_record *record, struct slice name, char *text, size_t size) {
    for (size_t i = 0; i < record->header_count; i++)
        if (slice_equal(record->headers[i].name, name) && record->headers[i].value.data &&
            record->headers[i].value.length < size) {
            memcpy(text, record->headers[i].value.data, record->headers[i].value.length);
            text[record->headers[i].value.length] = '\0';
            return true;
        }
    return false;
}

bool stream_mark_read(const struct bus_record *record, struct stream_mark *ret_mark) {
    char text[STREAM_MARK_SIZE];
    struct stream_mark mark = {.time = INT64_MIN};
    if (record->value.data || !record->header_count || !header_text(record, MARK_HEADER, text, sizeof text))
        return false;
    bool none = strstr(text, " - ") != NULL;
    int fields = none ? sscanf(text, "%" SCNd32 " - %" SCNd64, &mark.origin, &mark.offset) + 1
                      : sscanf(text, "%" SCNd32 " %" SCNd64 " %" SCNd64, &mark.origin, &mark.time, &mark.offset);
    if (fields != 3)
        return false;
    *ret_mark = mark;
    return true;
}

static int64_t record_stream_time(const struct bus_record *record) {
    char text[STREAM_TIME_SIZE], *end;
    if (!header_text(record, TIME_HEADER, text, sizeof text))
        return INT64_MIN;
    long long time = strtoll(text, &end, 10);
    return end == text || *end ? INT64_MIN : time;
}

bool stream_times_read(const struct bus_batch *records, struct arena *arena, struct source_rows *rows) {
    struct selection *selected = &rows->rows->selected;
    struct stream_mark mark;
    size_t kept = 0;
    int64_t *times = arena_allocate(arena, (records->count + 1) * sizeof *times);
    if (!times)
        return false;
    for (size_t i = 0; i < records->count; i++) {
        times[i] = record_stream_time(&records->records[i]);
        if (stream_mark_read(&records->records[i], &mark))
            rows->status[i] = SOURCE_MARK;
    }
    for (size_t i = 0; i < selected->count; i++) {
        selected->rows[kept] = selected->rows[i];
        kept += rows->status[selected->rows[i]] == SOURCE_GOOD;
    }
    selected->count = kept;
    rows->rows->stream_times = times;
    return true;
}

/* --- origins
 * ------------------------------------------------------------------------------------------------------------------ */

bool origins_open(struct origins *origins, int32_t count) {
    *origins = (struct origins){.each = memory_zero((size_t)count, sizeof *origins->each), .count = count};
    for (int32_t i = 0; origins->each && i < count; i++)
        origins->each[i].passed = INT64_MIN;
    return origins->each || !count;
}

void origins_close(struct origins *origins) {
    free(origins->each);
    *origins = (struct origins){0};
}

void origins_note(struct origins *origins, const struct stream_mark *mark) {
    if (mark->origin < 0 || mark->origin >= origins->count)
        return;
    struct origin *origin = &origins->each[mark->origin];
    if (mark->time > origin->passed)
        origin->passed = mark->time;
    if (mark->offset > origin->offset)
        origin->offset = mark->offset;
}

int64_t origins_passed(const struct origins *origins, bool *ret_silent) {
    int64_t passed = INT64_MAX;
    *ret_silent = false;
    for (int32_t i = 0; i < origins->count; i++)
        if (origins->each[i].passed == INT64_MIN)
            *ret_silent = true;
        else if (origins->each[i].passed < passed)
            passed = origins->each[i].passed;
    return passed == INT64_MAX ? INT64_MIN : passed;
}

/* --- origins as text: BASE,SHIFT,DIGITS with so many digits of base 64 for each origin: 0 when it has passed nothing,
 *     otherwise 1 more than how far it is from BASE, in units of 2^SHIFT ms
 * ------------------------------------------------------------------------------------------------------------------ */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int origins_digits(const struct origins *origins) {
    return origins->count <= 256 ? 4 : 2;
}

void origins_write(const struct origins *origins, struct bytes *to) {
    bool silent;
    int64_t base = origins_passed(origins, &silent);
    uint64_t most = 0, room = (UINT64_C(1) << 6 * origins_digits(origins)) - 2;
    int shift = 0;
    for (int32_t i = 0; i < origins->count; i++)
        if (origins->each[i].passed != INT64_MIN && (uint64_t)origins->each[i].passed - (uint64_t)base > most)
            most = (uint64_t)origins->each[i].passed - (uint64_t)base;
    while (most >> shift > room)
        shift++;
    bytes_append_format(to, "%" PRId64 ",%d,", base, shift);
    for (int32_t i = 0; i < origins->count; i++) {
        bool has = origins->each[i].passed != INT64_MIN;
        uint64_t value = has ? (((uint64_t)origins->each[i].passed - (uint64_t)base) >> shift) + 1 : 0;
        for (int d = origins_digits(origins); d-- > 0;)
            bytes_append_char(to, digits[value >> 6 * d & 63]);
    }
}

static bool origin_read(const char *text, int count, int64_t base, int shift, struct origin *ret_origin) {
    uint64_t value = 0;
    for (int d = 0; d < count; d++) {
        const char *at = memchr(digits, text[d], 64);
        if (!at)
            return false;
        value = value << 6 | (uint64_t)(at - digits);
    }
    ret_origin->passed = value ? (int64_t)((uint64_t)base + ((value - 1) << shift)) : INT64_MIN;
    return true;
}

bool origins_read(struct origins *origins, const char *text, size_t length) {
    int64_t base;
    int shift, at = 0, each = origins_digits(origins);
    bool good = length > 4 && sscanf(text, "%" SCNd64 ",%d,%n", &base, &shift, &at) == 2 && at > 0 && shift >= 0 &&
                shift < 64 && length == (size_t)at + (size_t)each * (size_t)origins->count;
    for (int32_t i = 0; i < origins->count && good; i++)
        good = origin_read(text + at + (ptrdiff_t)i * each, each, base, shift, &origins->each[i]);
    return good;
}
