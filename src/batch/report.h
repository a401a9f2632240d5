/* What a comparison found: how many windows of each class and size, those that differ most, the difference of each
 * series; as text, JSON or a page of HTML. */
#ifndef METERLINE_BATCH_REPORT_H
#define METERLINE_BATCH_REPORT_H

#include "batch/compare.h"
#include "batch/readings.h"
#include "core/arena.h"
#include "core/bytes.h"

enum { REPORT_GREATEST = 20, REPORT_SIZES = 16 };

struct report_window {
    enum comparison_class class;
    struct slice key; /* in the report's arena */
    int64_t size, start;
    struct comparison_values batch, store;
    uint64_t late;
    double difference; /* of the sums, without sign; a missing side counts as 0 */
};

struct report_series {
    struct slice key;
    uint64_t windows;  /* that differ */
    double difference; /* of the sums of the largest size: batch - store */
};

struct report {
    struct arena arena;
    const int64_t *sizes; /* ms */
    size_t size_count;
    uint64_t counts[REPORT_SIZES][CLASSES];
    struct report_window greatest[REPORT_GREATEST]; /* the greatest first, those that fail before all others */
    size_t greatest_count;
    struct report_series *series; /* by key, as they came */
    size_t series_count, series_capacity;
};

/* A comparison_visit; `report` has sizes. */
int report_take(void *report, const struct comparison *comparison, struct error *error);
void report_release(struct report *report);
uint64_t report_total(const struct report *report, enum comparison_class class);
/* Windows of classes that fail. */
uint64_t report_failures(const struct report *report);

/* `readings`: where the batch side came from. */
void report_text(const struct report *report, const struct readings *readings, struct bytes *to);
void report_json(const struct report *report, const struct readings *readings, struct bytes *to);
void report_html(const struct report *report, const struct readings *readings, struct bytes *to);

#endif
