/* What a run says at its end: a line for each query on stderr, the counters as Prometheus text in a file. */
#ifndef METERLINE_CLI_RUN_RUN_REPORT_H
#define METERLINE_CLI_RUN_RUN_REPORT_H

#include "cli/run/run_pipeline.h"

struct run_report {
    const struct run_pipeline *pipeline;
    struct bus *bus;
    const struct store *store; /* NULL: none */
    const struct log *log;
    bool quiet;          /* no lines */
    const char *metrics; /* file; NULL: none */
};

/* When all queries have ended. ERROR_CORRUPT: the counters do not add up; else: the file cannot be written. */
int run_report_write(const struct run_report *report, struct error *error);

#endif
