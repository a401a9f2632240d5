/* Samples and heads of the exposition format, and a file that is written beside the old one and renamed. */
#include "stream/runtime/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/memory.h"

/* A label value: backslash, quote and line feed escaped. */
void metrics_label(struct bytes *to, const char *value) {
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            bytes_append_char(to, '\\');
        if (*value == '\n')
            bytes_append_string(to, "\\n");
        else
            bytes_append_char(to, *value);
    }
}

void metrics_head(struct bytes *to, const char *name, const char *type, const char *help) {
    bytes_append_format(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void metrics_total(struct bytes *to, const char *name, const char *help, uint64_t value) {
    metrics_head(to, name, "counter", help);
    bytes_append_format(to, "%s %" PRIu64 "\n", name, value);
}

/* A store that is a server. The last bucket has no bound. */
static void metrics_store(struct bytes *to, const struct store_counts *store) {
    uint64_t answers = 0;
    if (!store->remote)
        return;
    metrics_total(to, "meterline_store_rows_written_total", "Rows that the store has acknowledged.",
                  store->rows_written);
    metrics_total(to, "meterline_store_requests_total", "Requests of writers to the store.", store->requests);
    metrics_total(to, "meterline_store_retries_total", "Requests to the store that were sent again.", store->retries);
    metrics_head(to, "meterline_store_in_flight", "gauge", "Requests to the store that have no answer yet.");
    bytes_append_format(to, "meterline_store_in_flight %" PRIu64 "\n", store->in_flight);
    metrics_head(to, "meterline_store_errors_total", "counter",
                 "Errors of the store and on the way to it, also those that a retry mended.");
    for (size_t i = 0; i < store->error_kinds; i++)
        bytes_append_format(to, "meterline_store_errors_total{kind=\"%s\"} %" PRIu64 "\n", store->error_names[i],
                            store->errors[i]);
    metrics_head(to, "meterline_store_latency_seconds", "histogram", "From a request to its answer.");
    for (size_t i = 0; i < STORE_LATENCIES; i++) {
        answers += store->latency[i];
        if (i + 1 < STORE_LATENCIES)
            bytes_append_format(to, "meterline_store_latency_seconds_bucket{le=\"%.6f\"} %" PRIu64 "\n",
                                (double)(UINT64_C(1) << i) / 1e6, answers);
    }
    bytes_append_format(to,
                        "meterline_store_latency_seconds_bucket{le=\"+Inf\"} %" PRIu64
                        "\nmeterline_store_latency_seconds_sum %.6f\nmeterline_store_latency_seconds_count %" PRIu64
                        "\n",
                        answers, (double)store->latency_sum / 1e6, answers);
}

void metrics_append_clients(struct bytes *to, const struct bus_counts *bus, const struct registry_counts *registry,
                            const struct store_counts *store) {
    metrics_total(to, "meterline_rebalances_total", "Rebalances of the consumer group.", bus->rebalances);
    metrics_total(to, "meterline_partitions_lost_total", "Partitions that the group gave to others without asking.",
                  bus->partitions_lost);
    metrics_total(to, "meterline_transactions_total", "Transactions of the log.", bus->transactions);
    metrics_total(to, "meterline_transactions_aborted_total", "Transactions of the log that were aborted.",
                  bus->transactions_aborted);
    metrics_total(to, "meterline_connections_lost_total", "Connections to the log that broke.", bus->reconnects);
    metrics_total(to, "meterline_registry_requests_total", "Requests to the schema registry.", registry->requests);
    metrics_total(to, "meterline_registry_failures_total",
                  "Requests to the schema registry that were not answered or refused.", registry->failures);
    metrics_store(to, store);
}

/* The file at hand keeps its permissions; a new one is for its owner alone. */
static int metrics_open(const char *path, char *temporary, struct error *error) {
    struct stat old;
    int file = mkstemp(temporary);
    if (file < 0)
        return error_set_errno(error, errno, "cannot write metrics to %s", temporary);
    if (lstat(path, &old) == 0 && S_ISREG(old.st_mode) && fchmod(file, old.st_mode & 0777) != 0) {
        int saved = errno;
        close(file);
        unlink(temporary);
        return error_set_errno(error, saved, "cannot set the permissions of %s", temporary);
    }
    return file;
}

int metrics_save(const char *path, struct slice text, struct error *error) {
    cleanup(bytes_release) struct bytes temporary = {0};
    bytes_append_format(&temporary, "%s.XXXXXX", path);
    bytes_append_char(&temporary, '\0');
    if (temporary.failed)
        return error_no_memory(error);
    int file = metrics_open(path, temporary.data, error);
    if (file < 0)
        return file;
    FILE *stream = fdopen(file, "w");
    bool good = stream && fwrite(text.data, 1, text.length, stream) == text.length;
    int saved = errno;
    if ((stream ? fclose(stream) : close(file)) != 0 && good) {
        good = false;
        saved = errno;
    }
    if (good && rename(temporary.data, path) != 0) {
        good = false;
        saved = errno;
    }
    if (good)
        return 0;
    unlink(temporary.data);
    return error_set_errno(error, saved, "cannot write metrics to %s", path);
}
