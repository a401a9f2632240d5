/* Each rule is a quick test; only what fails it is looked at again, for the reason. */
#include "stream/source/source_rules.h"

#include <math.h>

#include "codec/row/reason.h"
#include "core/text.h"
#include "model/series.h"
#include "model/time/time.h"

/* --- KEY_OF
 * ------------------------------------------------------------------------------------------------------------------ */

/* Is the key made of the parts, which are not empty? */
static inline bool source_key_is_joined(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                        struct slice key) {
    const char *at = key.data, *end = at + key.length;
    for (size_t i = 0; i < plan->key_of_count; i++) {
        const struct vector *column = &rows->columns[plan->key_of[i]];
        if (column->nulls[row] || (i > 0 && (at == end || *at++ != '.')))
            return false;
        struct slice part = column->texts[row];
        if (part.length == 0 || part.length > (size_t)(end - at) || !text_same(at, part.data, part.length))
            return false;
        at += part.length;
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

static inline const char *source_check_key(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                           struct arena *arena) {
    if (!rows->columns[0].nulls[row]) {
        struct slice key = rows->columns[0].texts[row];
        if (key.length <= SERIES_KEY_MAXIMUM && source_key_is_joined(plan, rows, row, key) &&
            text_without_controls(key))
            return NULL;
    }
    return source_key_reason(plan, rows, row, arena);
}

/* --- REQUIRED and MAX_AHEAD
 * ------------------------------------------------------------------------------------------------------------------ */

static inline const char *source_check_required(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                                struct arena *arena) {
    for (size_t i = 0; i < plan->required_count; i++) {
        size_t column = plan->required[i];
        const struct vector *vector = &rows->columns[column];
        if (vector->nulls[row])
            return source_column_reason(plan, column, "is missing", arena);
        if (vector->type->kind == TYPE_DOUBLE && !isfinite(vector->doubles[row]))
            return source_column_reason(plan, column, "is not a finite number", arena);
    }
    return NULL;
}

static const char *source_check_ahead(const struct source_plan *plan, const struct bus_batch *records,
                                      const struct rows *rows, uint32_t row, struct arena *arena) {
    int64_t clock = records->append_time ? records->append_time : records->records[row].timestamp;
    int64_t time = rows->times[row];
    if (clock < 0 || time <= clock || time - clock <= plan->max_ahead)
        return NULL;
    if (time > TIME_MAXIMUM || clock > TIME_MAXIMUM)
        return reason_format(arena,
                             "its time, %lld ms, is more than %lld s (MAX_AHEAD) ahead of the clock when it came",
                             (long long)time, (long long)plan->max_ahead / 1000);
    char time_text[TIME_TEXT_SIZE], clock_text[TIME_TEXT_SIZE];
    int time_length = (int)time_write(time_text, time), clock_length = (int)time_write(clock_text, clock);
    return reason_format(arena,
                         "its time %.*s is more than %lld s (MAX_AHEAD) ahead of the clock when it came, %.*s: the "
                         "clock that it was made by is wrong",
                         time_length, time_text, (long long)plan->max_ahead / 1000, clock_length, clock_text);
}

void source_rules_apply(const struct source_plan *plan, const struct bus_batch *records, struct arena *arena,
                        struct source_rows *to) {
    struct rows *rows = to->rows;
    size_t kept = 0;
    if (plan->key_of_count == 0 && plan->required_count == 0 && plan->max_ahead == 0)
        return;
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        const char *reason = NULL;
        if (!rows->absent[row]) {
            reason = plan->key_of_count ? source_check_key(plan, rows, row, arena) : NULL;
            if (!reason)
                reason = source_check_required(plan, rows, row, arena);
            if (!reason && plan->max_ahead)
                reason = source_check_ahead(plan, records, rows, row, arena);
        }
        if (reason) {
            to->status[row] = SOURCE_BAD;
            to->reasons[row] = reason;
        }
        rows->selected.rows[kept] = row;
        kept += reason == NULL;
    }
    rows->selected.count = kept;
}
