#include "cli/batch/batch_windows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "batch/correct.h"
#include "batch/late.h"
#include "batch/report.h"
#include "core/memory.h"
#include "model/time/time.h"

/* A comparison over all spans. */
struct windows_work {
    struct batch_session session;
    struct late *late;
    struct recompute_counts counts;
    comparison_visit visit;
    void *context;
    bool late_only;
};

static int windows_compare(void *context, struct window_file *file, int64_t from, int64_t to, struct error *error) {
    struct windows_work *work = context;
    const struct batch_settings *settings = work->session.settings;
    struct comparison_settings comparison = {.store = work->session.store,
                                             .connection = work->session.connection,
                                             .sizes = work->session.sizes,
                                             .size_count = work->session.size_count,
                                             .from = from,
                                             .to = to,
                                             .late_only = work->late_only,
                                             .tolerate = settings->tolerate,
                                             .gateway = settings->gateway,
                                             .type = settings->type,
                                             .attribute = settings->attribute,
                                             .progress = &work->session.progress,
                                             .grace = settings->grace};
    return comparison_run(&comparison, file, work->visit, work->context, error);
}

static bool windows_wanted(void *context, const struct series *series) {
    return late_has_series(context, series);
}

static int windows_open(const struct batch_settings *settings, struct windows_work *work, struct error *error) {
    int status = batch_session_open(settings, true, &work->session, error);
    if (status)
        return status;
    struct batch_session *session = &work->session;
    if (session->size_count == 0)
        status = error_set(error, ERROR_NOT_FOUND,
                           "the store has no windows: name their sizes by --windows, or run 'meterline run' first");
    struct late_settings late = {session->bus,  session->connection, settings->topic,
                                 session->from, session->to,         &cli_stop};
    if (!status)
        status = late_load(&late, &work->late, error);
    if (status)
        batch_session_close(session);
    return status;
}

static void windows_close(struct windows_work *work) {
    work->late = late_free(work->late);
    batch_session_close(&work->session);
}

static int windows_run(struct windows_work *work, struct error *error) {
    struct recompute_settings recompute = batch_session_recompute(&work->session);
    int64_t from, to;
    if (work->late_only) {
        if (!late_bounds(work->late, &from, &to))
            return 0;
        recompute.from = from > recompute.from ? from : recompute.from;
        recompute.to = to < recompute.to ? to + 1 : recompute.to;
        recompute.wanted = windows_wanted;
        recompute.context = work->late;
    }
    int status = recompute_run(&recompute, windows_compare, work, &work->counts, error);
    return status ? readings_name_damage(&work->session.readings, work->session.connection, error) : 0;
}

/* --- recompute, restate
 * ------------------------------------------------------------------------------------------------------------------ */

static void correct_say(const struct windows_work *work, const struct corrections_counts *counts) {
    const struct batch_settings *settings = work->session.settings;
    if (settings->common.quiet)
        return;
    fprintf(stderr, "meterline batch: %" PRIu64 " readings, %" PRIu64 " windows folded, %" PRIu64 " %s\n",
            work->counts.readings, work->counts.windows, counts->corrected,
            settings->dry_run ? "would be corrected" : "corrected");
    if (work->late_only)
        fprintf(stderr, "meterline batch: %" PRId64 " times a reading was late for a window\n", late_count(work->late));
    if (counts->windows[CLASS_MISSING_BATCH])
        fprintf(stderr,
                "meterline batch: %" PRIu64 " windows of the store have no readings in lake and log; they stay as they "
                "are\n",
                counts->windows[CLASS_MISSING_BATCH]);
}

static int correct_run(const struct batch_settings *settings, bool late_only, struct error *error) {
    struct windows_work work = {.visit = corrections_take, .late_only = late_only};
    struct corrections_counts counts = {0};
    struct corrections *corrections = NULL;
    int status = windows_open(settings, &work, error);
    if (status)
        return status;
    if (!work.session.progress.known)
        log_write(
            &work.session.log, LOG_WARNING,
            "how far the stream of topic %s is, in group %s, is not known: a window that it has open is corrected "
            "as it stands, and the stream's own result will not replace it",
            settings->topic, settings->group);
    struct corrections_settings to = {.bus = work.session.bus,
                                      .store = work.session.store,
                                      .topic = settings->topic,
                                      .sizes = work.session.sizes,
                                      .size_count = work.session.size_count,
                                      .clock = &clock_system,
                                      .dry = settings->dry_run};
    status = corrections_open(&to, &corrections, error);
    work.context = corrections;
    if (!status)
        status = windows_run(&work, error);
    if (!status)
        status = corrections_finish(corrections, &counts, error);
    if (!status)
        correct_say(&work, &counts);
    corrections_close(corrections);
    windows_close(&work);
    return status;
}

int batch_recompute(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error) {
    (void)operand;
    *ret_exit = 0;
    return correct_run(settings, false, error);
}

int batch_restate(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error) {
    (void)operand;
    *ret_exit = 0;
    return correct_run(settings, true, error);
}

/* --- reconcile
 * ------------------------------------------------------------------------------------------------------------------ */

static int reconcile_print(const struct report *report, const struct readings *readings, const char *format,
                           struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    if (format && strcmp(format, "html") == 0)
        report_html(report, readings, &text);
    else if (format && strcmp(format, "json") == 0)
        report_json(report, readings, &text);
    else
        report_text(report, readings, &text);
    if (text.failed)
        return error_no_memory(error);
    if (fwrite(text.data, 1, text.length, stdout) != text.length || fflush(stdout))
        return error_set(error, ERROR_IO, "the report cannot be written to standard output");
    return 0;
}

int batch_reconcile(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error) {
    struct report report = {0};
    struct windows_work work = {.visit = report_take, .context = &report};
    (void)operand;
    if (settings->format && strcmp(settings->format, "csv") == 0)
        return error_set(error, ERROR_INVALID, "the report is printed as table, json or html");
    int status = windows_open(settings, &work, error);
    if (status)
        return status;
    report.sizes = work.session.sizes;
    report.size_count = work.session.size_count;
    status = windows_run(&work, error);
    if (!status)
        status = reconcile_print(&report, &work.session.readings, settings->format, error);
    *ret_exit = report_failures(&report) ? 1 : 0;
    report_release(&report);
    windows_close(&work);
    return status;
}
