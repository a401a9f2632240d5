/* Rule by rule over all rows: each is a quick test, and only what fails it is looked at again, for the reason. */
#include "stream/source/source_rules.h"

#include <math.h>

#include "codec/row/reason.h"
#include "core/text.h"
#include "model/series.h"
#include "model/time/time.h"

/* --- KEY_OF
 * ------------------------------------------------------------------------------------------------------------------ */

/* A column of the rows that is part of the key. */
struct source_part {
    const uint8_t *nulls;
    const struct slice *texts;
};

/* What the rules look at. */
struct source_check {
    const struct source_plan *plan;
    const struct bus_batch *records;
    const struct rows *rows;
    struct arena *arena;
    const struct source_part *parts; /* plan->key_of_count of them */
};

/* Is the key made of the parts, which are not empty? */
static inline bool source_key_is_joined(const struct source_check *check, uint32_t row, struct slice key) {
    const char *at = key.data, *end = at + key.length;
    const struct source_part *part = check->parts, *stop = part + check->plan->key_of_count;
    for (; part < stop; part++) {
        if (part->nulls[row] || (part > check->parts && (at == end || *at++ != '.')))
            return false;
        struct slice text = part->texts[row];
        if (text.length == 0 || text.length > (size_t)(end - at) || !text_same(at, text.data, text.length))
            return false;
        at += text.length;
    }
    return at == end;
}

static __attribute__((cold)) const char *source_column_reason(const struct source_plan *plan, size_t column,
                                                              const char *problem, struct arena *arena) {
    struct slice name = plan->schema.columns[column].name;
    return reason_format(arena, "%.*s %s", (int)(name.length < 80 ? name.length : 80), name.data, problem);
}

static const char *source_part_reason(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                      struct arena *arena) {
    for (size_t i = 0; i < plan->key_of_count; i++) {
        const struct vector *column = &rows->columns[plan->key_of[i]];
        if (column->nulls[row])
            return source_column_reason(plan, plan->key_of[i], "is missing", arena);
        if (column->texts[row].length == 0)
            return source_column_reason(plan, plan->key_of[i], "is empty", arena);
        if (!text_without_controls(column->texts[row]))
            return source_column_reason(plan, plan->key_of[i], "has control characters", arena);
    }
    return NULL;
}

static __attribute__((cold)) const char *source_key_reason(const struct source_plan *plan, const struct rows *rows,
                                                           uint32_t row, struct arena *arena) {
    const char *reason = source_part_reason(plan, rows, row, arena);
    char path[REASON_SIZE / 2];
    size_t length = 0;
    if (reason)
        return reason;
    path[0] = '\0';
    for (size_t i = 0; i < plan->key_of_count && length < sizeof path - 1; i++) {
        struct slice name = plan->schema.columns[plan->key_of[i]].name;
        length +=
            (size_t)snprintf(path + length, sizeof path - length, "%s%.*s", i ? "." : "", (int)name.length, name.data);
    }
    if (rows->columns[0].nulls[row])
        return reason_format(arena, "no key: the key must be %s, which keeps its records on one partition", path);
    struct slice key = rows->columns[0].texts[row];
    if (key.length > SERIES_KEY_MAXIMUM)
        return reason_format(arena, "the key has %zu bytes; at most %d are possible", key.length, SERIES_KEY_MAXIMUM);
    return reason_format(arena, "the key is not %s of the record: its records would be split over partitions", path);
}

static inline const char *source_check_key(const struct source_check *check, uint32_t row) {
    const struct rows *rows = check->rows;
    if (!rows->columns[0].nulls[row]) {
        struct slice key = rows->columns[0].texts[row];
        if (key.length <= SERIES_KEY_MAXIMUM && source_key_is_joined(check, row, key) && text_without_controls(key))
            return NULL;
    }
    return source_key_reason(check->plan, rows, row, check->arena);
}

/* False: no memory. */
static bool source_find_parts(struct source_check *check) {
    size_t count = check->plan->key_of_count;
    struct source_part *parts = arena_allocate(check->arena, (count + 1) * sizeof *parts);
    for (size_t i = 0; parts && i < count; i++) {
        const struct vector *column = &check->rows->columns[check->plan->key_of[i]];
        parts[i] = (struct source_part){column->nulls, column->texts};
    }
    check->parts = parts;
    return parts != NULL;
}

/* --- REQUIRED and MAX_AHEAD
 * ------------------------------------------------------------------------------------------------------------------ */

static inline const char *source_check_required(const struct source_check *check, uint32_t row) {
    const struct source_plan *plan = check->plan;
    for (size_t i = 0; i < plan->required_count; i++) {
        size_t column = plan->required[i];
        const struct vector *vector = &check->rows->columns[column];
        if (vector->nulls[row])
            return source_column_reason(plan, column, "is missing", check->arena);
        if (vector->type->kind == TYPE_DOUBLE && !isfinite(vector->doubles[row]))
            return source_column_reason(plan, column, "is not a finite number", check->arena);
    }
    return NULL;
}

static __attribute__((cold)) const char *source_ahead_reason(const struct source_check *check, int64_t time,
                                                             int64_t clock) {
    long long seconds = (long long)check->plan->max_ahead / 1000;
    if (time > TIME_MAXIMUM || clock > TIME_MAXIMUM)
        return reason_format(check->arena,
                             "its time, %lld ms, is more than %lld s (MAX_AHEAD) ahead of the clock when it came",
                             (long long)time, seconds);
    char time_text[TIME_TEXT_SIZE], clock_text[TIME_TEXT_SIZE];
    int time_length = (int)time_write(time_text, time), clock_length = (int)time_write(clock_text, clock);
    return reason_format(check->arena,
                         "its time %.*s is more than %lld s (MAX_AHEAD) ahead of the clock when it came, %.*s: the "
                         "clock that it was made by is wrong",
                         time_length, time_text, seconds, clock_length, clock_text);
}

static inline const char *source_check_ahead(const struct source_check *check, uint32_t row) {
    const struct bus_batch *records = check->records;
    int64_t clock = records->append_time ? records->append_time : records->records[row].timestamp;
    int64_t time = check->rows->times[row];
    bool good = clock < 0 || time <= clock || time - clock <= check->plan->max_ahead;
    return good ? NULL : source_ahead_reason(check, time, clock);
}

/* --- all of them
 * ------------------------------------------------------------------------------------------------------------------ */

/* Compiled once for each rule. */
static inline __attribute__((always_inline)) void
source_rule_apply(const struct source_check *check, const char *(*rule)(const struct source_check *check, uint32_t row),
                  struct source_rows *to) {
    const struct selection selected = to->rows->selected;
    const uint8_t *absent = to->rows->absent;
    size_t kept = 0;
    for (size_t i = 0; i < selected.count; i++) {
        uint32_t row = selected.rows[i];
        const char *reason = absent[row] ? NULL : rule(check, row);
        if (__builtin_expect(reason != NULL, 0)) {
            to->status[row] = SOURCE_BAD;
            to->reasons[row] = reason;
        }
        selected.rows[kept] = row;
        kept += reason == NULL;
    }
    to->rows->selected.count = kept;
}

bool source_rules_apply(const struct source_plan *plan, const struct bus_batch *records, struct arena *arena,
                        struct source_rows *to) {
    struct source_check check = {plan, records, to->rows, arena, NULL};
    if (plan->key_of_count && !source_find_parts(&check))
        return false;
    if (plan->key_of_count)
        source_rule_apply(&check, source_check_key, to);
    if (plan->required_count)
        source_rule_apply(&check, source_check_required, to);
    if (plan->max_ahead)
        source_rule_apply(&check, source_check_ahead, to);
    return true;
}
