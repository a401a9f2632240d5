#include "cli/query/query_names.h"

#include <inttypes.h>
#include <string.h>

#include "core/arena.h"
#include "core/memory.h"
#include "core/options.h"
#include "model/time/time.h"

enum { NAMES_ROWS = 100000, NAMES_KEPT = 64, NAMES_SHOWN = 8 };

/* The different names of one kind. */
struct names {
    const char *kind, *asked;
    const char *found[NAMES_KEPT];
    size_t count;
    bool has_asked;
};

static bool names_add(struct names *names, struct slice name, struct arena *arena) {
    names->has_asked |= names->asked && slice_equal(name, slice_of(names->asked));
    for (size_t i = 0; i < names->count; i++)
        if (slice_equal(name, slice_of(names->found[i])))
            return true;
    if (names->count == NAMES_KEPT)
        return true;
    const char *copy = arena_copy(arena, name).data;
    if (copy)
        names->found[names->count++] = copy;
    return copy != NULL;
}

static void names_say(const struct names *names, FILE *to) {
    const char *nearest = options_nearest(names->asked, names->found, names->count);
    fprintf(to, "meterline query: no %s is called '%s': the store has ", names->kind, names->asked);
    for (size_t i = 0; i < names->count && i < NAMES_SHOWN; i++)
        fprintf(to, "%s%s", i ? ", " : "", names->found[i]);
    fprintf(to, "%s%s%s%s\n", names->count > NAMES_SHOWN ? ", .." : "", nearest ? "; did you mean " : "",
            nearest ? nearest : "", nearest ? "?" : "");
}

static void times_say(int64_t first, int64_t last, FILE *to) {
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
    int from_length = (int)time_write(from, first), until_length = (int)time_write(until, last);
    fprintf(to, "meterline query: no rows match: windows start from %.*s to %.*s\n", from_length, from, until_length,
            until);
}

int query_names_advise(struct store *store, const struct store_query *query, FILE *to, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct names names[] = {{"gateway", query->gateway, .count = 0},
                            {"type", query->type, .count = 0},
                            {"attribute", query->attribute, .count = 0}};
    struct store_query all = {.window = query->window, .from = INT64_MIN, .to = INT64_MAX, .limit = NAMES_ROWS};
    struct store_reader *reader = NULL;
    struct aggregate_row row;
    int64_t first = INT64_MAX, last = INT64_MIN;
    int status = store_reader_open(store, &all, &reader, error);
    while (!status && (status = store_reader_next(reader, &row, error)) == 1) {
        status = names_add(&names[0], row.series.gateway, &arena) && names_add(&names[1], row.series.type, &arena) &&
                         names_add(&names[2], row.series.attribute, &arena)
                     ? 0
                     : error_no_memory(error);
        first = row.window_start < first ? row.window_start : first;
        last = row.window_start > last ? row.window_start : last;
    }
    if (reader)
        store_reader_close(reader);
    if (status < 0)
        return status;
    bool said = false;
    for (size_t i = 0; i < 3; i++)
        if (names[i].asked && !names[i].has_asked && names[i].count) {
            names_say(&names[i], to);
            said = true;
        }
    if (!said && first <= last)
        times_say(first, last, to);
    else if (!said)
        fputs("meterline query: no rows match: no window has closed yet; 'meterline run --until-end --final' closes "
              "all\n",
              to);
    return 0;
}
