#include "cli/run/run_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "core/memory.h"
#include "stream/runtime/metrics.h"

static void report_rare(const char *name, const char *before, uint64_t count) {
    if (count)
        fprintf(stderr, "%s%s %" PRIu64, before, name, count);
}

static void report_query(const struct query_report_row *row) {
    const struct query_counters *n = &row->run;
    fprintf(stderr,
            "%s: read %" PRIu64 " = folded %" PRIu64 " + late %" PRIu64 " + rejected %" PRIu64 " + null %" PRIu64
            " + filtered %" PRIu64,
            row->id, n->read, n->folded, n->late, n->rejected, n->null, n->filtered);
    report_rare("failed", " + ", n->failed);
    report_rare("duplicates", " + ", n->duplicates);
    report_rare("made by the query", " - ", n->added);
    report_rare("errors", "; ", n->errors);
    if (row->window) {
        char name[WINDOW_NAME_SIZE];
        window_write_name(name, row->window);
        fprintf(stderr, row->window->calendar ? "  (%s, %" PRIu64 " results)\n" : "  (%s s, %" PRIu64 " results)\n",
                name, row->results);
    } else
        fprintf(stderr, "; written %" PRIu64 "\n", n->emitted);
}

static int report_save(const struct run_report *report, const struct query_run_report *queries, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    struct registry_counts registry;
    struct store_counts store;
    struct bus_counts bus;
    cli_registry_counts(&registry);
    store_counts(report->store, &store);
    bus_counts(report->bus, &bus);
    query_metrics_append(&text, queries);
    metrics_append_clients(&text, &bus, &registry, &store);
    return text.failed ? error_no_memory(error) : metrics_save(report->metrics, bytes_slice(&text), error);
}

int run_report_write(const struct run_report *report, struct error *error) {
    struct query_run_report queries = {0};
    int status = report->pipeline->runner ? query_runner_report(report->pipeline->runner, &queries, error) : 0;
    for (size_t i = 0; i < queries.row_count && !status && !report->quiet; i++)
        report_query(&queries.rows[i]);
    if (queries.recovered)
        log_write(report->log, LOG_DEBUG, "read %" PRId64 " records again to rebuild what is kept", queries.recovered);
    if (!status && report->metrics)
        status = report_save(report, &queries, error);
    if (!status)
        status = query_run_report_check(&queries, error);
    query_run_report_release(&queries);
    return status;
}
