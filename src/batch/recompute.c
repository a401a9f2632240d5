#include "batch/recompute.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "batch/series_merge.h"
#include "core/memory.h"
#include "model/time/time.h"

#define DAY_MS INT64_C(86400000)

enum { THREADS_MAXIMUM = 64 };

struct span_job {
    const struct recompute_settings *settings;
    struct fold_span span;
    struct readings_runs runs;
    struct window_file *file;
    struct fold *fold;
    uint64_t readings;
    size_t unsorted;
    int status;
    struct error error;
};

struct recompute {
    const struct recompute_settings *settings;
    bool *unsorted; /* by file of the lake */
    bool again;     /* all is to be done again */
    struct window_file *shared;
    struct recompute_counts counts;
};

/* --- one span
 * ------------------------------------------------------------------------------------------------------------------ */

static bool span_begin(void *context, const struct series *series) {
    const struct span_job *job = context;
    return !job->settings->wanted || job->settings->wanted(job->settings->context, series);
}

static int span_rows(void *context, const int64_t *times, const double *values, const uint64_t *valid, size_t from,
                     size_t to, struct error *error) {
    struct span_job *job = context;
    job->readings += to - from;
    return fold_readings(job->fold, times, values, valid, from, to) ? 0 : error_no_memory(error);
}

static int span_end(void *context, const struct series *series, struct error *error) {
    struct span_job *job = context;
    return fold_finish(job->fold, series, job->file, error);
}

static void *span_run(void *context) {
    struct span_job *job = context;
    struct series_visitor visitor = {span_begin, span_rows, span_end, job};
    job->status = fold_new(&job->span, &job->fold, &job->error);
    if (!job->status)
        job->status = series_merge(job->settings->olap, &job->runs, &visitor, &job->unsorted, &job->error);
    job->fold = fold_free(job->fold);
    return NULL;
}

static int span_prepare(struct recompute *recompute, struct span_job *job, struct error *error) {
    const struct recompute_settings *settings = recompute->settings;
    struct readings_filter filter = {job->span.from, job->span.to, settings->gateway, settings->type,
                                     settings->attribute};
    job->readings = 0;
    job->file = recompute->shared;
    int status = settings->apart ? window_file_new(settings->size_count, &job->file, error) : 0;
    return status ? status : readings_runs(settings->readings, &filter, recompute->unsorted, &job->runs, error);
}

static void span_release(const struct recompute *recompute, struct span_job *job) {
    readings_runs_release(&job->runs);
    if (job->file != recompute->shared)
        window_file_free(job->file);
    job->file = NULL;
}

/* A file that turned out not to lie by series is sorted from now on. With one file of windows for all, which has some
 * of the span already, all spans are done again. */
static int span_again(struct recompute *recompute, struct span_job *job, struct error *error) {
    int status = 0;
    while (job->status == ERROR_CONFLICT && !status) {
        recompute->unsorted[job->unsorted] = true;
        recompute->again = !recompute->settings->apart;
        if (recompute->again)
            return error_set(error, ERROR_CONFLICT, "a file does not lie by series");
        span_release(recompute, job);
        status = span_prepare(recompute, job, error);
        if (!status)
            span_run(job);
    }
    if (!status && job->status) {
        *error = job->error;
        status = job->status;
    }
    return status;
}

/* --- all spans
 * ------------------------------------------------------------------------------------------------------------------ */

/* The first instant of the month after `time`. */
static int64_t month_after(int64_t time) {
    unsigned year, month, day;
    time_civil_from_days((uint32_t)(time / DAY_MS), &year, &month, &day);
    return time_days_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) * DAY_MS;
}

static bool sizes_divide_days(const struct recompute_settings *settings) {
    for (size_t i = 0; i < settings->size_count; i++)
        if (DAY_MS % settings->sizes[i])
            return false;
    return true;
}

static int64_t greatest_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Spans begin at a multiple of each size. */
static int64_t sizes_multiple(const struct recompute_settings *settings) {
    int64_t multiple = 1000;
    for (size_t i = 0; i < settings->size_count; i++) {
        multiple = multiple / greatest_divisor(multiple, settings->sizes[i]) * settings->sizes[i];
        if (multiple > TIME_MAXIMUM)
            return TIME_MAXIMUM; /* so all begins at 1970 */
    }
    return multiple;
}

/* Runs the jobs side by side and visits their windows in order. */
static int spans_run(struct recompute *recompute, struct span_job *jobs, size_t count, recompute_visit visit,
                     void *context, struct error *error) {
    pthread_t threads[THREADS_MAXIMUM];
    size_t prepared = 0, started = 0;
    int status = 0;
    for (; prepared < count && !status; prepared++)
        status = span_prepare(recompute, &jobs[prepared], error);
    for (; started < count && !status; started++) {
        if (count == 1)
            span_run(&jobs[0]);
        else if (pthread_create(&threads[started], NULL, span_run, &jobs[started]))
            status = error_set(error, ERROR_BUSY, "a thread cannot be started");
        if (status)
            break;
    }
    for (size_t i = 0; i < started && count > 1; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < count && !status; i++) {
        status = span_again(recompute, &jobs[i], error);
        recompute->counts.readings += jobs[i].readings;
        if (!status && recompute->settings->apart) {
            recompute->counts.windows += window_file_rows(jobs[i].file);
            status = visit(context, jobs[i].file, jobs[i].span.first_start, jobs[i].span.end_start, error);
        }
    }
    for (size_t i = 0; i < prepared; i++)
        span_release(recompute, &jobs[i]);
    return status;
}

struct spans {
    struct span_job *jobs;
    size_t count, capacity;
};

static int spans_add(struct spans *spans, const struct recompute_settings *settings, int64_t from, int64_t to,
                     struct error *error) {
    if (!memory_reserve((void **)&spans->jobs, &spans->capacity, spans->count + 1, sizeof *spans->jobs))
        return error_no_memory(error);
    struct span_job *job = &spans->jobs[spans->count++];
    *job = (struct span_job){
        .settings = settings,
        .span = {.from = from, .to = to, .first_start = from, .end_start = to, .size_count = settings->size_count}};
    memcpy(job->span.sizes, settings->sizes, sizeof job->span.sizes);
    return 0;
}

/* [least, most] are the times of readings. The first and the last span answer for all windows before and after. */
static int spans_divide(const struct recompute_settings *settings, int64_t least, int64_t most, struct spans *spans,
                        struct error *error) {
    int64_t multiple = sizes_multiple(settings), to = most < settings->to - 1 ? most + 1 : settings->to;
    int64_t at = (least > settings->from ? least : settings->from) / multiple * multiple;
    bool months = sizes_divide_days(settings);
    int64_t end = to > at ? at + ((to - at + multiple - 1) / multiple) * multiple : at;
    int status = 0;
    while (at < end && !status) {
        int64_t next = months && month_after(at) < end ? month_after(at) : end;
        status = spans_add(spans, settings, at, next, error);
        at = next;
    }
    if (!status && spans->count == 0)
        status = spans_add(spans, settings, 0, 0, error);
    if (!status) {
        spans->jobs[0].span.first_start = settings->from;
        spans->jobs[spans->count - 1].span.end_start = settings->to;
    }
    return status;
}

static int recompute_spans(struct recompute *recompute, const struct spans *spans, recompute_visit visit, void *context,
                           struct error *error) {
    const struct recompute_settings *settings = recompute->settings;
    size_t each = settings->apart && settings->threads < THREADS_MAXIMUM ? settings->threads : 1;
    int status = 0;
    recompute->again = false;
    recompute->counts = (struct recompute_counts){0};
    if (!settings->apart)
        status = window_file_new(settings->size_count, &recompute->shared, error);
    for (size_t at = 0; at < spans->count && !status; at += each)
        status = spans_run(recompute, &spans->jobs[at], at + each < spans->count ? each : spans->count - at, visit,
                           context, error);
    struct window_file *file = recompute->shared;
    recompute->shared = NULL;
    if (!status && file) {
        recompute->counts.windows = window_file_rows(file);
        return visit(context, file, settings->from, settings->to, error);
    }
    window_file_free(file);
    return status;
}

int recompute_run(const struct recompute_settings *settings, recompute_visit visit, void *context,
                  struct recompute_counts *ret_counts, struct error *error) {
    struct recompute recompute = {.settings = settings};
    struct spans spans = {0};
    bool some;
    int64_t least = 0, most = -1;
    recompute.unsorted = memory_zero(settings->readings->file_count + 1, sizeof *recompute.unsorted);
    int status = recompute.unsorted ? 0 : error_no_memory(error);
    if (!status)
        status = readings_load_tail(settings->readings, settings->connection, error);
    if (!status)
        status = readings_bounds(settings->readings, settings->connection, &some, &least, &most, error);
    if (!status)
        status = spans_divide(settings, some ? least : 0, some ? most : -1, &spans, error);
    do
        status = status ? status : recompute_spans(&recompute, &spans, visit, context, error);
    while (!status && recompute.again);
    free(spans.jobs);
    free(recompute.unsorted);
    if (!status)
        *ret_counts = recompute.counts;
    return status;
}
