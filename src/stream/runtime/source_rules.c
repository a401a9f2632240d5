/* Each rule is a quick test; only what fails it is looked at again, for the reason. */
#include "stream/runtime/source_rules.h"

#include <math.h>

#include "codec/row/reason.h"
#include "core/text.h"
#include "model/series.h"
#include "model/time.h"

/* --- KEY_OF
 * ------------------------------------------------------------------------------------------------------------------ */

static bool source_is_null(const struct rows *rows, size_t column, uint32_t row) {
    return rows->columns[column].nulls[row & rows->columns[column].mask];
}

static struct slice source_text(const struct rows *rows, size_t column, uint32_t row) {
    return rows->columns[column].texts[row & rows->columns[column].mask];
}

/* Is the key made of the parts, which are not empty? */
static bool source_key_is_joined(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                 struct slice key) {
    size_t at = 0;
    for (size_t i = 0; i < plan->key_of_count; i++) {
        if (source_is_null(rows, plan->key_of[i], row))
            return false;
        struct slice part = source_text(rows, plan->key_of[i], row);
        if (part.length == 0 || part.length + (i > 0) > key.length - at || (i > 0 && key.data[at] != '.') ||
            memcmp(key.data + at + (i > 0), part.data, part.length) != 0)
            return false;
        at += part.length + (i > 0);
    }
    return at == key.length;
}

static const char *source_part_reason(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                      struct arena *arena) {
    for (size_t i = 0; i < plan->key_of_count; i++) {
        struct slice name = plan->schema.columns[plan->key_of[i]].name;
        if (source_is_null(rows, plan->key_of[i], row))
            return reason_format(arena, "%.*s is missing", (int)name.length, name.data);
        struct slice part = source_text(rows, plan->key_of[i], row);
        if (part.length == 0)
            return reason_format(arena, "%.*s is empty", (int)name.length, name.data);
        if (!text_without_controls(part))
            return reason_format(arena, "%.*s has control characters", (int)name.length, name.data);
    }
    return NULL;
}

static const char *source_key_reason(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                     struct arena *arena) {
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
    if (source_is_null(rows, 0, row))
        return reason_format(arena, "no key: the key must be %s, which keeps its records on one partition", path);
    struct slice key = source_text(rows, 0, row);
    if (key.length > SERIES_KEY_MAXIMUM)
        return reason_format(arena, "the key has %zu bytes; at most %d are possible", key.length, SERIES_KEY_MAXIMUM);
    return reason_format(arena, "the key is not %s of the record: its records would be split over partitions", path);
}

static const char *source_check_key(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                    struct arena *arena) {
    if (!source_is_null(rows, 0, row)) {
        struct slice key = source_text(rows, 0, row);
        if (key.length <= SERIES_KEY_MAXIMUM && source_key_is_joined(plan, rows, row, key) &&
            text_without_controls(key))
            return NULL;
    }
    return source_key_reason(plan, rows, row, arena);
}

/* --- REQUIRED and MAX_AHEAD
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *source_check_required(const struct source_plan *plan, const struct rows *rows, uint32_t row,
                                         struct arena *arena) {
    for (size_t i = 0; i < plan->required_count; i++) {
        size_t column = plan->required[i];
        const struct vector *vector = &rows->columns[column];
        struct slice name = plan->schema.columns[column].name;
        if (vector->nulls[row & vector->mask])
            return reason_format(arena, "%.*s is missing", (int)name.length, name.data);
        if (vector->type->kind == TYPE_DOUBLE && !isfinite(vector->doubles[row & vector->mask]))
            return reason_format(arena, "%.*s is not a finite number", (int)name.length, name.data);
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
