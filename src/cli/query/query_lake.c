#include "cli/query/query_lake.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch/batch_session.h"
#include "core/memory.h"

struct query_lake {
    struct batch_settings settings;
    struct batch_session session;
    const struct store_query *query;
    struct window_file *file;
    struct window_cursor *cursor;
    /* the rows of the key at hand, and the first of the next one */
    struct aggregate_row *rows, next;
    size_t count, capacity, at;
    bool has_next;
};

struct query_lake *query_lake_close(struct query_lake *lake) {
    if (!lake)
        return NULL;
    window_cursor_close(lake->cursor);
    window_file_free(lake->file);
    batch_session_close(&lake->session);
    free(lake->rows);
    free(lake);
    return NULL;
}

/* The next window of the file that the stream has closed. */
static int lake_window(struct query_lake *lake, struct aggregate_row *ret_row, struct error *error) {
    const struct window_row *window;
    const struct stream_progress *progress = &lake->session.progress;
    struct slice key;
    struct series series;
    for (;;) {
        int got = window_cursor_next(lake->cursor, &window, &key, &series, error);
        if (got <= 0)
            return got;
        int64_t end = window->start + lake->session.sizes[0];
        if (progress->known && progress->sizes_known[0] &&
            !stream_progress_closed(progress, 0, key, end, lake->settings.grace))
            continue;
        *ret_row = (struct aggregate_row){.series = series,
                                          .key = key,
                                          .window_start = window->start,
                                          .window_end = end,
                                          .count = window->count,
                                          .minimum = window->minimum,
                                          .maximum = window->maximum,
                                          .sum = window->sum,
                                          .average = window->sum / (double)window->count};
        return 1;
    }
}

/* Gathers the rows of the next key; 0: there is none. */
static int lake_fill(struct query_lake *lake, struct error *error) {
    int got = lake->has_next ? 1 : lake_window(lake, &lake->next, error);
    lake->count = lake->at = 0;
    while (got == 1 && (lake->count == 0 || slice_equal(lake->rows[0].key, lake->next.key))) {
        if (!memory_reserve((void **)&lake->rows, &lake->capacity, lake->count + 1, sizeof *lake->rows))
            return error_no_memory(error);
        lake->rows[lake->count++] = lake->next;
        got = lake_window(lake, &lake->next, error);
    }
    lake->has_next = got == 1;
    return got < 0 ? got : lake->count > 0;
}

int query_lake_next(struct query_lake *lake, struct aggregate_row *ret_row, struct error *error) {
    if (lake->at == lake->count) {
        int got = lake_fill(lake, error);
        if (got <= 0)
            return got;
    }
    size_t at = lake->at++;
    *ret_row = lake->rows[lake->query->descending ? lake->count - 1 - at : at];
    return 1;
}

bool query_lake_exists(const struct common_settings *common, const char *lake) {
    char path[4096];
    const char *data = strncmp(common->data, "sqlite:", 7) == 0 ? common->data + 7 : common->data;
    int length = snprintf(path, sizeof path, "%s/lake", data);
    return lake || (length < (int)sizeof path && access(path, F_OK) == 0);
}

/* --- folding
 * ------------------------------------------------------------------------------------------------------------------ */

static int lake_take(void *context, struct window_file *file, int64_t from, int64_t to, struct error *error) {
    struct query_lake *lake = context;
    (void)from;
    (void)to;
    lake->file = file;
    return window_cursor_open(file, 0, &lake->cursor, error);
}

static int lake_fold(struct query_lake *lake, int64_t before, struct error *error) {
    struct recompute_settings recompute = batch_session_recompute(&lake->session);
    struct recompute_counts counts;
    recompute.from = lake->query->from > recompute.from ? lake->query->from : recompute.from;
    recompute.to = before < recompute.to ? before : recompute.to;
    recompute.apart = false;
    int status = recompute_run(&recompute, lake_take, lake, &counts, error);
    return status ? readings_name_damage(&lake->session.readings, lake->session.connection, error) : 0;
}

int query_lake_open(const struct query_lake_settings *settings, int64_t before, struct query_lake **ret_lake,
                    struct error *error) {
    struct query_lake *lake = memory_zero(1, sizeof *lake);
    if (!lake)
        return error_no_memory(error);
    lake->query = settings->query;
    lake->settings = (struct batch_settings){.common = *settings->common,
                                             .topic = "metrics",
                                             .group = "run",
                                             .windows = settings->window,
                                             .gateway = settings->query->gateway,
                                             .type = settings->query->type,
                                             .attribute = settings->query->attribute,
                                             .lake = settings->lake,
                                             .duckdb = settings->duckdb,
                                             .grace = INT64_C(300000),
                                             .max_ahead = INT64_C(86400000),
                                             .memory = INT64_C(1) << 30};
    int status = batch_session_open(&lake->settings, true, &lake->session, error);
    if (status) {
        free(lake);
        return status;
    }
    status = lake_fold(lake, before, error);
    if (status) {
        query_lake_close(lake);
        return status;
    }
    *ret_lake = lake;
    return 0;
}
