#include "batch/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

void report_release(struct report *report) {
    arena_release(&report->arena);
    free(report->series);
    *report = (struct report){0};
}

static double comparison_difference(const struct comparison *comparison) {
    return (comparison->batch.there ? comparison->batch.sum : 0) -
           (comparison->store.there ? comparison->store.sum : 0);
}

/* Those that fail first, then by difference; equal ones stay in the order in which they came. */
static bool window_goes_before(const struct report_window *a, const struct report_window *b) {
    bool a_fails = comparison_fails(a->class), b_fails = comparison_fails(b->class);
    return a_fails != b_fails ? a_fails : a->difference > b->difference;
}

static int report_greatest(struct report *report, const struct comparison *comparison, struct error *error) {
    struct report_window window = {comparison->class,
                                   comparison->key,
                                   comparison->size,
                                   comparison->start,
                                   comparison->batch,
                                   comparison->store,
                                   comparison->late.there ? comparison->late.count : 0,
                                   fabs(comparison_difference(comparison))};
    size_t at = report->greatest_count;
    while (at && window_goes_before(&window, &report->greatest[at - 1]))
        at--;
    if (at == REPORT_GREATEST)
        return 0;
    window.key = arena_copy(&report->arena, comparison->key);
    if (!window.key.data)
        return error_no_memory(error);
    size_t moved = report->greatest_count - at - (report->greatest_count == REPORT_GREATEST);
    memmove(&report->greatest[at + 1], &report->greatest[at], moved * sizeof window);
    report->greatest[at] = window;
    report->greatest_count += report->greatest_count < REPORT_GREATEST;
    return 0;
}

static int series_compare_key(const void *key, const void *series) {
    return slice_compare(*(const struct slice *)key, ((const struct report_series *)series)->key);
}

/* Kept sorted by key: windows come by key, so a new one is mostly the last. */
static struct report_series *report_find_series(struct report *report, struct slice key) {
    struct report_series *found = report->series_count ? bsearch(&key, report->series, report->series_count,
                                                                 sizeof *report->series, series_compare_key)
                                                       : NULL;
    if (found)
        return found;
    if (!memory_reserve((void **)&report->series, &report->series_capacity, report->series_count + 1,
                        sizeof *report->series))
        return NULL;
    size_t at = report->series_count;
    while (at && slice_compare(key, report->series[at - 1].key) < 0)
        at--;
    struct slice copy = arena_copy(&report->arena, key);
    if (!copy.data)
        return NULL;
    memmove(&report->series[at + 1], &report->series[at], (report->series_count - at) * sizeof *report->series);
    report->series[at] = (struct report_series){copy, 0, 0};
    report->series_count++;
    return &report->series[at];
}

int report_take(void *context, const struct comparison *comparison, struct error *error) {
    struct report *report = context;
    enum comparison_class class = comparison->class;
    report->counts[comparison->size_number][class]++;
    if (class == CLASS_SAME || class == CLASS_REVISED || class == CLASS_OPEN)
        return 0;
    struct report_series *series = report_find_series(report, comparison->key);
    if (!series)
        return error_no_memory(error);
    series->windows++;
    if (comparison->size_number + 1 == report->size_count)
        series->difference += comparison_difference(comparison);
    return report_greatest(report, comparison, error);
}

uint64_t report_total(const struct report *report, enum comparison_class class) {
    uint64_t total = 0;
    for (size_t i = 0; i < report->size_count; i++)
        total += report->counts[i][class];
    return total;
}

uint64_t report_failures(const struct report *report) {
    uint64_t total = 0;
    for (int class = 0; class < CLASSES; class ++)
        if (comparison_fails((enum comparison_class) class))
            total += report_total(report, (enum comparison_class) class);
    return total;
}
