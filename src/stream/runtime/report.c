/* What queries have counted, by query, and as Prometheus text. */
#include <inttypes.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "stream/runtime/metrics.h"
#include "stream/runtime/runner.h"

/* Labelled with the query and, when it has any, its windows. */
static void metrics_sample(struct bytes *to, const char *name, const struct query_report_row *row, uint64_t value) {
    bytes_append_format(to, "%s{query=\"", name);
    metrics_label(to, row->id);
    if (row->window) {
        char window[WINDOW_NAME_SIZE];
        window_write_name(window, row->window);
        bytes_append_format(to, "\",window=\"%s", window);
    }
    bytes_append_format(to, "\"} %" PRIu64 "\n", value);
}

/* In the order of struct query_counters. */
static const struct {
    const char *name, *help;
} query_counter_metrics[QUERY_COUNTERS] = {
    {"meterline_records_read_total", "Records read by the query's stages."},
    {"meterline_records_added_total", "Rows beyond one for each record: of table functions and joins."},
    {"meterline_records_folded_total", "Records folded into what a query keeps, or passed on."},
    {"meterline_records_late_total", "Records whose windows had closed."},
    {"meterline_records_filtered_total", "Records that a condition left out, or that found no partner."},
    {"meterline_records_rejected_total", "Records that could not be read."},
    {"meterline_records_null_total", "Records without a value or key that the query passed by."},
    {"meterline_records_failed_total", "Records without a time, and records that could not be passed on."},
    {"meterline_records_duplicate_total", "Records that had come before."},
    {"meterline_errors_total", "Expressions that could not be computed, rows that could not be written."},
    {"meterline_records_written_total", "Records written by the query's stages."},
};

static void metrics_total(struct bytes *to, const char *name, const char *type, const char *help, int64_t value) {
    metrics_head(to, name, type, help);
    bytes_append_format(to, "%s %" PRId64 "\n", name, value);
}

void query_metrics_append(struct bytes *to, const struct query_run_report *report) {
    for (size_t c = 0; c < QUERY_COUNTERS; c++) {
        metrics_head(to, query_counter_metrics[c].name, "counter", query_counter_metrics[c].help);
        for (size_t i = 0; i < report->row_count; i++) {
            struct query_counters total = report->rows[i].total;
            metrics_sample(to, query_counter_metrics[c].name, &report->rows[i], *query_counters_field(&total, c));
        }
    }
    metrics_head(to, "meterline_state_bytes", "gauge", "Memory of what the query keeps in this process.");
    for (size_t i = 0; i < report->row_count; i++)
        metrics_sample(to, "meterline_state_bytes", &report->rows[i], report->rows[i].memory);
    metrics_head(to, "meterline_lag_records", "gauge", "Records in the query's topics that it has not read.");
    for (size_t i = 0; i < report->row_count; i++)
        metrics_sample(to, "meterline_lag_records", &report->rows[i], (uint64_t)report->rows[i].lag);
    metrics_head(to, "meterline_results_total", "counter",
                 "Records that the query has written, without those between its stages.");
    for (size_t i = 0; i < report->row_count; i++)
        metrics_sample(to, "meterline_results_total", &report->rows[i], report->rows[i].total_results);
    metrics_total(to, "meterline_groups", "gauge", "Consumer groups of queries.", (int64_t)report->groups);
    metrics_total(to, "meterline_commits_total", "counter", "Commits of queries in this run.",
                  (int64_t)report->commits);
    metrics_total(to, "meterline_rewinds_total", "counter",
                  "Times that a commit was undone and a worker of queries went back to its positions.",
                  (int64_t)report->rewinds);
    metrics_total(to, "meterline_recovered_records", "gauge", "Records read again to rebuild what queries keep.",
                  report->recovered);
}

static const struct window_definition *query_window(const struct query_plan *query) {
    for (size_t i = 0; i < query->stage_count; i++)
        for (const struct node_plan *node = query->stages[i].sink; node; node = node->inputs[0])
            if (node->kind == NODE_AGGREGATE && node->aggregate.window.shape != WINDOW_SHAPE_NONE)
                return &node->aggregate.window;
    return NULL;
}

static struct query_report_row *report_row(struct query_run_report *report, const struct query_member *member) {
    for (size_t i = 0; i < report->row_count; i++)
        if (strcmp(report->rows[i].id, member->query->id) == 0 && !report->rows[i].removed)
            return &report->rows[i];
    if (!memory_reserve((void **)&report->rows, &report->row_capacity, report->row_count + 1, sizeof *report->rows))
        return NULL;
    report->rows[report->row_count] = (struct query_report_row){
        .id = member->query->id, .removed = atomic_load(&member->removed), .window = query_window(member->query)};
    return &report->rows[report->row_count++];
}

bool query_report_add_group(struct query_run_report *report, struct query_group *group) {
    bool room = true;
    pthread_mutex_lock(&group->lock);
    report->groups++;
    report->workers += group->workers;
    report->commits += group->commits;
    report->rewinds += group->rewinds;
    report->recovered += group->recovered;
    for (size_t m = 0; m < group->member_count && room; m++) {
        const struct query_member *member = &group->members[m];
        struct query_report_row *row = report_row(report, member);
        room = row != NULL;
        bool counted =
            group->lags && member->counters && member->before && member->memory; /* not when it could not be started */
        for (int32_t p = 0; room && counted && p < group->partitions; p++) {
            struct query_counters run = member->counters[p];
            query_counters_add(&row->total, &run);
            row->total_results += member->plan->sink->sink.internal ? 0 : run.emitted;
            query_counters_subtract(&run, &member->before[p]);
            query_counters_add(&row->run, &run);
            row->results += member->plan->sink->sink.internal ? 0 : run.emitted;
            row->lag += group->lags[p];
            row->memory += member->memory[p];
        }
    }
    pthread_mutex_unlock(&group->lock);
    return room;
}

int query_run_report_check(const struct query_run_report *report, struct error *error) {
    for (size_t i = 0; i < report->row_count; i++)
        if (!query_counters_balance(&report->rows[i].total))
            return error_set(error, ERROR_CORRUPT,
                             "the counters of query %s do not add up: this is a defect of meterline, please report it "
                             "with the lines above",
                             report->rows[i].id);
    return 0;
}

void query_run_report_release(struct query_run_report *report) {
    free(report->rows);
    *report = (struct query_run_report){0};
}
