#include "batch/compare.h"

#include <inttypes.h>
#include <math.h>

#include "core/memory.h"

const char *const comparison_class_names[CLASSES] = {
    "SAME", "REVISED", "LATE", "OPEN", "INCOMPLETE", "TOLERATED", "MISSING_SPEED", "MISSING_BATCH", "UNEXPLAINED"};

/* --- classes
 * ------------------------------------------------------------------------------------------------------------------ */

/* Equal but for the sign of a zero, which SQLite does not keep. */
static bool values_equal(const struct comparison_values *a, const struct comparison_values *b) {
    return a->count == b->count && a->minimum == b->minimum && a->maximum == b->maximum && a->sum == b->sum;
}

/* What the sum of the values may be off when they are added in another order: 4 ulp of the sum of their magnitudes, of
 * which this is a bound. */
static double values_rounding(const struct comparison_values *values) {
    return 0x1p-50 * (double)values->count * fmax(fabs(values->minimum), fabs(values->maximum));
}

static bool values_add_up(const struct comparison *comparison) {
    const struct comparison_values *batch = &comparison->batch, *store = &comparison->store, *late = &comparison->late;
    return batch->count == store->count + late->count && batch->minimum == fmin(store->minimum, late->minimum) &&
           batch->maximum == fmax(store->maximum, late->maximum) &&
           fabs(batch->sum - (store->sum + late->sum)) <= 2 * values_rounding(batch);
}

/* A window that was corrected has some of what came late already: how much is not known. */
static bool values_add_up_to(const struct comparison *comparison) {
    const struct comparison_values *batch = &comparison->batch, *store = &comparison->store, *late = &comparison->late;
    return store->revision > 0 && batch->count > store->count && batch->count <= store->count + late->count &&
           batch->minimum <= store->minimum && batch->maximum >= store->maximum;
}

static bool values_round(const struct comparison *comparison) {
    const struct comparison_values *batch = &comparison->batch, *store = &comparison->store;
    return batch->count == store->count && batch->minimum == store->minimum && batch->maximum == store->maximum &&
           fabs(batch->sum - store->sum) <= values_rounding(batch);
}

enum comparison_class comparison_classify(const struct comparison *comparison, bool tolerate, bool closed) {
    const struct comparison_values *batch = &comparison->batch, *store = &comparison->store, *late = &comparison->late;
    if (!batch->there)
        return CLASS_MISSING_BATCH;
    if (!store->there)
        return late->there && late->count == batch->count ? CLASS_LATE : closed ? CLASS_MISSING_SPEED : CLASS_OPEN;
    if (values_equal(batch, store))
        return store->revision > 0 ? CLASS_REVISED : CLASS_SAME;
    if (late->there && (values_add_up(comparison) || values_add_up_to(comparison)))
        return CLASS_LATE;
    if (store->revision == AGGREGATE_INCOMPLETE)
        return CLASS_INCOMPLETE;
    return tolerate && values_round(comparison) ? CLASS_TOLERATED : CLASS_UNEXPLAINED;
}

/* --- three streams
 * ------------------------------------------------------------------------------------------------------------------ */

/* The row that a stream stands on. */
struct compare_row {
    bool there;
    struct series series;
    struct slice key;
    int64_t start;
    struct comparison_values values;
};

struct compare {
    const struct comparison_settings *settings;
    size_t size;
    struct window_cursor *batch;
    struct store_reader *store;
    struct olap_result *late;
    size_t late_at, late_count;
    struct compare_row rows[3]; /* batch, store, late */
};

enum { FROM_BATCH, FROM_STORE, FROM_LATE };

static int compare_next_batch(struct compare *compare, struct compare_row *row, struct error *error) {
    const struct window_row *window;
    for (;;) {
        int got = window_cursor_next(compare->batch, &window, &row->key, &row->series, error);
        row->there = got == 1;
        if (got <= 0)
            return got;
        if (window->start < compare->settings->from || window->start >= compare->settings->to)
            continue;
        row->start = window->start;
        row->values = (struct comparison_values){true, window->count, window->minimum, window->maximum, window->sum, 0};
        return 0;
    }
}

static int compare_next_store(struct compare *compare, struct compare_row *row, struct error *error) {
    struct aggregate_row found;
    int got = compare->store ? store_reader_next(compare->store, &found, error) : 0;
    row->there = got == 1;
    if (got <= 0)
        return got;
    row->series = found.series;
    row->key = found.key;
    row->start = found.window_start;
    row->values =
        (struct comparison_values){true, found.count, found.minimum, found.maximum, found.sum, found.revision};
    return 0;
}

static int compare_next_late(struct compare *compare, struct compare_row *row, struct error *error) {
    if (compare->late && compare->late_at == compare->late_count) {
        int got = olap_result_next(compare->late, error);
        if (got < 0)
            return got;
        compare->late_at = 0;
        compare->late_count = (size_t)got;
    }
    row->there = compare->late && compare->late_count > 0;
    if (!row->there)
        return 0;
    size_t at = compare->late_at++;
    row->key = olap_text(olap_result_data(compare->late, 0), at);
    row->start = ((const int64_t *)olap_result_data(compare->late, 1))[at];
    row->values = (struct comparison_values){true,
                                             (uint64_t)((const int64_t *)olap_result_data(compare->late, 2))[at],
                                             ((const double *)olap_result_data(compare->late, 3))[at],
                                             ((const double *)olap_result_data(compare->late, 4))[at],
                                             ((const double *)olap_result_data(compare->late, 5))[at],
                                             0};
    return 0;
}

typedef int compare_next(struct compare *compare, struct compare_row *row, struct error *error);
static compare_next *const compare_nexts[] = {compare_next_batch, compare_next_store, compare_next_late};

static int row_order(const struct compare_row *a, const struct compare_row *b) {
    int order = slice_compare(a->key, b->key);
    return order ? order : (a->start > b->start) - (a->start < b->start);
}

static void compare_fill(const struct compare *compare, const struct compare_row *first, struct comparison *to) {
    const struct comparison_settings *settings = compare->settings;
    *to = (struct comparison){.key = first->key,
                              .start = first->start,
                              .series = first->series,
                              .size_number = compare->size,
                              .size = settings->sizes[compare->size]};
    struct comparison_values *values[] = {&to->batch, &to->store, &to->late};
    for (size_t i = 0; i < 3; i++)
        if (compare->rows[i].there && row_order(&compare->rows[i], first) == 0)
            *values[i] = compare->rows[i].values;
    const struct stream_progress *progress = settings->progress;
    bool closed = !compare->store || !progress || !progress->known ||
                  (progress->sizes_known[compare->size] &&
                   stream_progress_closed(progress, compare->size, to->key, to->start + to->size, settings->grace));
    to->class = comparison_classify(to, settings->tolerate, closed);
}

/* The next window of any stream; false in *ret_some: there is none. */
static int compare_step(struct compare *compare, comparison_visit visit, void *context, bool *ret_some,
                        struct error *error) {
    const struct compare_row *first = NULL;
    struct comparison comparison;
    for (size_t i = 0; i < 3; i++)
        if (compare->rows[i].there && (!first || row_order(&compare->rows[i], first) < 0))
            first = &compare->rows[i];
    *ret_some = first != NULL;
    if (!first)
        return 0;
    compare_fill(compare, first, &comparison);
    bool known = comparison.batch.there || comparison.store.there; /* something late may be of no series of ours */
    int status =
        known && (comparison.late.there || !compare->settings->late_only) ? visit(context, &comparison, error) : 0;
    bool same[3];
    for (size_t i = 0; i < 3; i++)
        same[i] = compare->rows[i].there && row_order(&compare->rows[i], first) == 0;
    for (size_t i = 0; i < 3 && !status; i++)
        if (same[i])
            status = compare_nexts[i](compare, &compare->rows[i], error);
    return status;
}

static int compare_open_late(struct compare *compare, struct error *error) {
    const struct comparison_settings *settings = compare->settings;
    cleanup(bytes_release) struct bytes sql = {0};
    if (!settings->connection)
        return 0;
    bytes_append_format(
        &sql,
        "SELECT key, start, count(*), min(value), max(value), sum(value) FROM (SELECT gateway || '.' || "
        "type || '.' || attribute AS key, epoch_ms(ts) - epoch_ms(ts) %% size AS start, value FROM "
        "batch_late WHERE size = %" PRId64 ") WHERE start >= %" PRId64 " AND start < %" PRId64
        " GROUP BY key, start ORDER BY key, start",
        settings->sizes[compare->size], settings->from, settings->to);
    bytes_append_char(&sql, '\0');
    if (sql.failed)
        return error_no_memory(error);
    return olap_query(settings->connection, sql.data, &compare->late, error);
}

static int compare_open(struct compare *compare, struct window_file *file, struct error *error) {
    const struct comparison_settings *settings = compare->settings;
    struct store_query query = {.window = store_window_of(settings->sizes[compare->size]),
                                .gateway = settings->gateway,
                                .type = settings->type,
                                .attribute = settings->attribute,
                                .from = settings->from,
                                .to = settings->to,
                                .limit = -1};
    int status = window_cursor_open(file, compare->size, &compare->batch, error);
    if (!status)
        status = store_reader_open(settings->store, &query, &compare->store, error);
    if (status == ERROR_NOT_FOUND) /* no table of that size: all is missing */
        status = 0;
    if (!status)
        status = compare_open_late(compare, error);
    for (size_t i = 0; i < 3 && !status; i++)
        status = compare_nexts[i](compare, &compare->rows[i], error);
    return status;
}

int comparison_run(const struct comparison_settings *settings, struct window_file *file, comparison_visit visit,
                   void *context, struct error *error) {
    int status = 0;
    for (size_t size = 0; size < settings->size_count && !status; size++) {
        struct compare compare = {.settings = settings, .size = size};
        bool some = true;
        status = compare_open(&compare, file, error);
        while (!status && some)
            status = compare_step(&compare, visit, context, &some, error);
        window_cursor_close(compare.batch);
        store_reader_close(compare.store);
        olap_result_close(compare.late);
    }
    return status;
}
