/* All windows of a range from the readings of lake and log, by the stream's own fold, in spans that are done side by
 * side and handed over in the order of time:
 *
 *     sizes that divide a day     | January | February | March |      a span a month
 *     others                      |          the range         |      windows may lie across months
 *
 * Of what crosses a month, rows of different files may have come in another order: sums of such windows may differ from
 * the stream's in the last bits. */
#ifndef METERLINE_BATCH_RECOMPUTE_H
#define METERLINE_BATCH_RECOMPUTE_H

#include "batch/fold.h"
#include "batch/readings.h"

struct recompute_settings {
    struct olap *olap;
    struct olap_connection *connection; /* with log_readings() */
    struct readings *readings;
    int64_t sizes[FOLD_SIZES_MAXIMUM]; /* ms, rising */
    size_t size_count;
    int64_t from, to;                       /* window starts in [from, to), ms; 0 and TIME_MAXIMUM: all */
    const char *gateway, *type, *attribute; /* NULL: any */
    /* Folds only series of these keys; NULL: all. Called by several threads. */
    bool (*wanted)(void *context, const struct series *series);
    void *context;
    size_t threads;
    bool apart; /* a file of windows for each span; otherwise one for all, `visit` is called once, and owns the file */
};

struct recompute_counts {
    uint64_t readings, windows;
};

/* Windows of one span, whose starts are in [from, to). */
typedef int (*recompute_visit)(void *context, struct window_file *file, int64_t from, int64_t to, struct error *error);

int recompute_run(const struct recompute_settings *settings, recompute_visit visit, void *context,
                  struct recompute_counts *ret_counts, struct error *error);

#endif
