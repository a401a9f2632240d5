/* WINDOW: from the clause to the bounds that the operator works with. */
#include <inttypes.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "sql/plan/plan_draft.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

enum { WINDOWS_OF_A_ROW = 100000 };
#define DAY_MS INT64_C(86400000)

/* The calendar that the clause describes, by way of its name, which has all that is to be checked. */
static int plan_calendar(const struct plan_draft *draft, const struct calendar **ret_calendar, struct error *error) {
    const struct calendar_clause *clause = &draft->query->window.calendar;
    bool parts = clause->size.unit == CALENDAR_PART_OF_DAY, hopping = draft->query->window.kind == WINDOW_HOPPING;
    int64_t minutes = clause->offset.milliseconds < 0 ? 0 : clause->offset.milliseconds / 60000;
    cleanup(bytes_release) struct bytes name = {0};
    if (clause->size.unit == CALENDAR_PART_OF_DAY && clause->size.count % 60000)
        return place_error(error, draft->query->window.size.place, "windows of a local day are whole minutes");
    if (clause->offset.milliseconds >= 0 &&
        (clause->offset.milliseconds % 60000 || clause->offset.milliseconds >= DAY_MS))
        return place_error(error, clause->offset.place, "OFFSET is a time of day: whole minutes, less than 24 hours");
    if (hopping && (parts || clause->advance.unit != clause->size.unit))
        return place_error(error, draft->query->window.advance.place,
                           "with TIMEZONE the size and ADVANCE BY are in the same unit, of days or longer");
    bytes_append_format(&name, "%" PRId64, parts ? clause->size.count / 60000 : clause->size.count);
    bytes_append_slice(&name, calendar_unit_name(clause->size.unit));
    if (minutes)
        bytes_append_format(&name, "+%02d:%02d", (int)(minutes / 60), (int)(minutes % 60));
    if (clause->starting.data)
        bytes_append_format(&name, "~%.*s", (int)clause->starting.length, clause->starting.data);
    bytes_append_format(&name, "@%.*s", (int)clause->zone.length, clause->zone.data);
    struct calendar *calendar = arena_allocate(draft->arena, sizeof *calendar);
    struct error reason;
    if (name.failed || !calendar)
        return error_no_memory(error);
    if (calendar_read(bytes_slice(&name), draft->arena, calendar, &reason))
        return place_error(error, clause->place, "%s", reason.message);
    if (hopping)
        calendar->advance = clause->advance.count;
    const char *wrong = calendar_check(calendar);
    *ret_calendar = calendar;
    return wrong ? place_error(error, draft->query->window.advance.place, "%s", wrong) : 0;
}

/* Size and advance that are durations. */
static int plan_window_sizes(const struct window_clause *clause, struct window_definition *window,
                             struct error *error) {
    window->size = clause->size.milliseconds;
    window->advance = clause->kind == WINDOW_HOPPING ? clause->advance.milliseconds : window->size;
    if (window->size <= 0)
        return place_error(error, clause->size.place, "a window must be longer than 0 ms");
    if (window->advance <= 0 || window->advance > window->size)
        return place_error(error, clause->advance.place,
                           "ADVANCE BY must be longer than 0 ms and at most the size of the window");
    if (window->size / window->advance > WINDOWS_OF_A_ROW)
        return place_error(error, clause->advance.place,
                           "ADVANCE BY is too short: every row would be in %lld windows, and %d are possible",
                           (long long)(window->size / window->advance), WINDOWS_OF_A_ROW);
    return 0;
}

static int plan_window_check(const struct plan_draft *draft, struct error *error) {
    const struct window_clause *clause = &draft->query->window;
    if (clause->kind == WINDOW_NONE)
        return draft->query->emit != EMIT_FINAL
                   ? 0
                   : place_error(
                         error, draft->query->emit_place,
                         "EMIT FINAL is only for aggregates over windows: a group without a window is never final");
    return draft->table ? place_error(error, clause->place, "WINDOW is for streams; %.*s is a table",
                                      names_shown(draft->sides[0].source->name), draft->sides[0].source->name.data)
                        : 0;
}

int plan_window(const struct plan_draft *draft, struct window_definition *ret_window, struct error *error) {
    static const enum window_shape shapes[] = {WINDOW_SHAPE_NONE, WINDOW_SHAPE_TUMBLING, WINDOW_SHAPE_HOPPING,
                                               WINDOW_SHAPE_SESSION};
    const struct window_clause *clause = &draft->query->window;
    struct window_definition window = {.shape = shapes[clause->kind]};
    int status = plan_window_check(draft, error);
    if (!status && clause->calendar.zone.data) {
        status = plan_calendar(draft, &window.calendar, error);
        if (!status)
            window.size = window.advance = calendar_longest(window.calendar);
    } else if (!status && clause->kind != WINDOW_NONE) {
        status = plan_window_sizes(clause, &window, error);
    }
    *ret_window = window;
    if (status || clause->kind == WINDOW_NONE)
        return status;
    window.grace = clause->grace.milliseconds >= 0    ? clause->grace.milliseconds
                   : draft->query->emit == EMIT_FINAL ? 0
                   : window.size < DAY_MS             ? DAY_MS - window.size
                                                      : 0;
    if (clause->retention.milliseconds >= 0 && clause->retention.milliseconds - window.grace < window.size)
        return place_error(
            error, clause->retention.place,
            "RETENTION of %lld ms is shorter than the size and the grace period of the window, %lld + %lld ms",
            (long long)clause->retention.milliseconds, (long long)window.size, (long long)window.grace);
    *ret_window = window;
    return 0;
}
