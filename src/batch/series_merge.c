#include "batch/series_merge.h"

#include <string.h>

#include "core/memory.h"

enum { RUN_TYPE, RUN_ATTRIBUTE, RUN_GATEWAY, RUN_TS, RUN_VALUE, RUN_COLUMNS };
enum { SERIES_PARTS = 3 }; /* the first columns, by which a run is ordered */

struct merge_run {
    struct olap_connection *connection;
    struct olap_result *result;
    const void *data[RUN_COLUMNS];
    const uint64_t *valid;            /* of values; of a time that is null too, of no row */
    size_t at, count;                 /* rows at hand */
    struct slice parts[SERIES_PARTS]; /* of row `at`; in `names`, as they outlive the rows */
    struct bytes names;
    bool done;
};

static int run_compare(const struct slice *a, const struct slice *b) {
    int order = 0;
    for (size_t i = 0; i < SERIES_PARTS && order == 0; i++)
        order = slice_compare(a[i], b[i]);
    return order;
}

/* Text is 16 bytes, equal if they are, but for long ones, which may lie elsewhere. */
static bool run_same(const void *data, size_t a, size_t b) {
    enum { TEXT_SIZE = 16 };
    return memcmp((const char *)data + a * TEXT_SIZE, (const char *)data + b * TEXT_SIZE, TEXT_SIZE) == 0 ||
           slice_equal(olap_text(data, a), olap_text(data, b));
}

/* Notes the series of row `at`. */
static int run_note(struct merge_run *run, struct error *error) {
    size_t lengths[SERIES_PARTS];
    run->names.length = 0;
    for (size_t i = 0; i < SERIES_PARTS; i++) {
        struct slice text = olap_text(run->data[i], run->at);
        lengths[i] = text.length;
        bytes_append_slice(&run->names, text);
    }
    bytes_append_char(&run->names, '\0');
    if (run->names.failed)
        return error_no_memory(error);
    const char *at = run->names.data;
    for (size_t i = 0; i < SERIES_PARTS; at += lengths[i++])
        run->parts[i] = (struct slice){at, lengths[i]};
    return 0;
}

/* Is the series of row `at` another one than the one noted? */
static bool run_differs(const struct merge_run *run) {
    for (size_t i = 0; i < SERIES_PARTS; i++)
        if (!slice_equal(run->parts[i], olap_text(run->data[i], run->at)))
            return true;
    return false;
}

/* Where the rows of the series of row `at` end, among those at hand. */
static size_t run_end(const struct merge_run *run) {
    size_t end = run->at + 1;
    while (end < run->count && run_same(run->data[RUN_GATEWAY], end, end - 1) &&
           run_same(run->data[RUN_ATTRIBUTE], end, end - 1) && run_same(run->data[RUN_TYPE], end, end - 1))
        end++;
    return end;
}

/* The next rows; false in `done` at the end. */
static int run_fill(struct merge_run *run, struct error *error) {
    int got = olap_result_next(run->result, error);
    if (got < 0)
        return got;
    run->done = got == 0;
    run->at = 0;
    run->count = (size_t)got;
    for (size_t i = 0; i < RUN_COLUMNS && got; i++)
        run->data[i] = olap_result_data(run->result, i);
    run->valid = got ? olap_result_valid(run->result, RUN_VALUE) : NULL;
    return 0;
}

static int run_open(struct olap *olap, const char *sql, struct merge_run *run, struct error *error) {
    int status = olap_connect(olap, &run->connection, error);
    if (!status)
        status = olap_query(run->connection, sql, &run->result, error);
    if (!status)
        status = run_fill(run, error);
    return status || run->done ? status : run_note(run, error);
}

static void run_close(struct merge_run *run) {
    olap_result_close(run->result);
    olap_disconnect(run->connection);
    bytes_release(&run->names);
}

/* Goes to the row after the series' rows that were visited; a new series is noted. A run that is not ordered may not
 * come back to a series, nor to an earlier one. */
static int run_advance(struct merge_run *run, size_t to, bool *ret_same, bool *ret_backwards, struct error *error) {
    run->at = to;
    if (run->at == run->count) {
        int status = run_fill(run, error);
        if (status || run->done) {
            *ret_same = false;
            return status;
        }
    }
    *ret_same = !run_differs(run);
    if (*ret_same)
        return 0;
    struct slice next[SERIES_PARTS];
    for (size_t i = 0; i < SERIES_PARTS; i++)
        next[i] = olap_text(run->data[i], run->at);
    *ret_backwards = run_compare(next, run->parts) < 0;
    return run_note(run, error);
}

struct merge {
    struct merge_run *runs;
    const struct readings_runs *sources;
    const struct series_visitor *visitor;
    size_t unsorted;
};

/* All rows that a run has of the series it stands on. */
static int merge_take(struct merge *merge, size_t at, bool wanted, struct error *error) {
    struct merge_run *run = &merge->runs[at];
    const struct series_visitor *visitor = merge->visitor;
    for (bool same = true, backwards = false; same;) {
        size_t end = run_end(run);
        int status = wanted ? visitor->rows(visitor->context, run->data[RUN_TS], run->data[RUN_VALUE], run->valid,
                                            run->at, end, error)
                            : 0;
        if (!status)
            status = run_advance(run, end, &same, &backwards, error);
        if (!status && backwards) {
            merge->unsorted = merge->sources->runs[at].file;
            status = error_set(error, ERROR_CONFLICT, "the file does not lie by series");
        }
        if (status)
            return status;
    }
    return 0;
}

/* One series: the first of those that the runs stand on. False in *ret_some: none is left. */
static int merge_series(struct merge *merge, struct bytes *names, bool *ret_some, struct error *error) {
    const struct merge_run *first = NULL;
    for (size_t i = 0; i < merge->sources->count; i++)
        if (!merge->runs[i].done && (!first || run_compare(merge->runs[i].parts, first->parts) < 0))
            first = &merge->runs[i];
    *ret_some = first != NULL;
    if (!first)
        return 0;
    struct slice parts[SERIES_PARTS];
    names->length = 0;
    bytes_append(names, first->names.data, first->names.length);
    if (names->failed)
        return error_no_memory(error);
    for (size_t i = 0, at = 0; i < SERIES_PARTS; at += first->parts[i++].length)
        parts[i] = (struct slice){names->data + at, first->parts[i].length};
    const struct series series = {parts[RUN_GATEWAY], parts[RUN_TYPE], parts[RUN_ATTRIBUTE]};
    bool wanted = merge->visitor->begin(merge->visitor->context, &series);
    int status = 0;
    for (size_t i = 0; i < merge->sources->count && !status; i++)
        if (!merge->runs[i].done && run_compare(merge->runs[i].parts, parts) == 0)
            status = merge_take(merge, i, wanted, error);
    return !status && wanted ? merge->visitor->end(merge->visitor->context, &series, error) : status;
}

int series_merge(struct olap *olap, const struct readings_runs *runs, const struct series_visitor *visitor,
                 size_t *ret_unsorted, struct error *error) {
    cleanup(bytes_release) struct bytes names = {0};
    struct merge merge = {memory_zero(runs->count + 1, sizeof *merge.runs), runs, visitor, 0};
    bool some = true;
    int status = merge.runs ? 0 : error_no_memory(error);
    for (size_t i = 0; i < runs->count && !status; i++)
        status = run_open(olap, runs->runs[i].sql, &merge.runs[i], error);
    while (!status && some)
        status = merge_series(&merge, &names, &some, error);
    for (size_t i = 0; i < runs->count && merge.runs; i++)
        run_close(&merge.runs[i]);
    free(merge.runs);
    if (status == ERROR_CONFLICT)
        *ret_unsorted = merge.unsorted;
    return status;
}
