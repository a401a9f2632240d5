#include "cli/batch/batch_session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "model/time/time.h"

/* --- what the options say
 * ------------------------------------------------------------------------------------------------------------------ */

static int session_time(const char *name, const char *text, int64_t fallback, int64_t *ret_time, struct error *error) {
    *ret_time = fallback;
    if (text && !time_read(slice_of(text), ret_time))
        return error_set(error, ERROR_INVALID,
                         "--%s: '%s' is not an ISO-8601 time, such as 2007-06-01 or 2007-06-01T12:00:00Z", name, text);
    return 0;
}

static int size_compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int session_size(struct batch_session *session, int64_t size, struct error *error) {
    if (size <= 0 || size % 1000)
        return error_set(error, ERROR_INVALID, "a window size of %lld ms is not a whole number of seconds",
                         (long long)size);
    if (session->size_count == FOLD_SIZES_MAXIMUM)
        return error_set(error, ERROR_INVALID, "more than %d window sizes", FOLD_SIZES_MAXIMUM);
    for (size_t i = 0; i < session->size_count; i++)
        if (session->sizes[i] == size)
            return 0;
    session->sizes[session->size_count++] = size;
    return 0;
}

/* "60,600,3600" or "1m,1h". */
static int session_windows(struct batch_session *session, struct slice text, struct error *error) {
    int status = 0;
    while (text.length && !status) {
        const char *comma = memchr(text.data, ',', text.length);
        struct slice name = {text.data, comma ? (size_t)(comma - text.data) : text.length};
        struct store_window window;
        if (store_window_read("windows", name, &window, error))
            return error_wrap(error, "--windows");
        status = window.calendar[0]
                     ? error_set(error, ERROR_UNSUPPORTED, "--windows: batch folds windows of fixed sizes, not %s",
                                 window.calendar)
                     : session_size(session, window.size, error);
        text = (struct slice){name.data + name.length + (comma != NULL), text.length - name.length - (comma != NULL)};
    }
    return status;
}

/* Those of the store that have a size. */
static int session_sizes(struct batch_session *session, struct error *error) {
    struct store_window *windows = NULL;
    size_t count = 0;
    int status = 0;
    if (session->settings->windows)
        status = session_windows(session, slice_of(session->settings->windows), error);
    else
        status = store_windows(session->store, &windows, &count, error);
    for (size_t i = 0; i < count && !status; i++)
        if (!windows[i].calendar[0])
            status = session_size(session, windows[i].size, error);
        else
            log_write(&session->log, LOG_DEBUG, "windows %s are of a calendar: they are left as they are",
                      windows[i].calendar);
    free(windows);
    qsort(session->sizes, session->size_count, sizeof *session->sizes, size_compare);
    return status;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

static int session_open_engine(struct batch_session *session, struct error *error) {
    const struct batch_settings *settings = session->settings;
    struct olap_options options = {settings->duckdb, settings->memory, settings->threads, &cli_stop};
    int status = olap_open(&options, &session->olap, error);
    return status ? status : olap_connect(session->olap, &session->connection, error);
}

/* The folder below the data that is named NAME, in `arena`. */
static const char *session_folder(struct batch_session *session, const char *name) {
    const char *data = session->settings->common.data;
    cleanup(bytes_release) struct bytes path = {0};
    bytes_append_format(&path, "%s/%s", strncmp(data, "sqlite:", 7) == 0 ? data + 7 : data, name);
    return path.failed ? NULL : arena_copy(&session->arena, bytes_slice(&path)).data;
}

/* The lake that is named, or the one in the data folder if it is there. */
static int session_open_lake(struct batch_session *session, struct error *error) {
    struct lake_options options = {.clock = &clock_system, .log = &session->log};
    const char *named = session->settings->lake, *own = session_folder(session, "lake");
    char url[4096];
    if (!own)
        return error_no_memory(error);
    if (!named && access(own, F_OK))
        return 0;
    int status = cli_lake_url(&session->settings->common, named, url, sizeof url, error);
    return status ? status : lake_open(url, &options, &session->lake, error);
}

static int session_open_readings(struct batch_session *session, bool as_streamed, struct error *error) {
    const struct batch_settings *settings = session->settings;
    struct readings_settings readings = {.bus = session->bus,
                                         .lake = session->lake,
                                         .topic = settings->topic,
                                         .max_ahead = settings->max_ahead,
                                         .stop = &cli_stop,
                                         .log = &session->log};
    int status = session_sizes(session, error);
    if (!status)
        status = stream_progress_read(session->bus, settings->group, settings->topic, session->sizes,
                                      session->size_count, &session->arena, &session->progress, error);
    if (!status && as_streamed && session->progress.known) {
        readings.ends = session->progress.next_offsets;
        readings.end_count = session->progress.partition_count;
        readings.first_identities = session->progress.first_identities;
    }
    readings.folder = session_folder(session, "lake-copies");
    if (!status && !readings.folder)
        status = error_no_memory(error);
    if (!status)
        status = readings_open(&readings, &session->readings, error);
    return status ? status : readings_view(&session->readings, session->connection, error);
}

int batch_session_open(const struct batch_settings *settings, bool as_streamed, struct batch_session *session,
                       struct error *error) {
    *session = (struct batch_session){.settings = settings, .log = cli_log(&settings->common)};
    int status = session_time("from", settings->from, 0, &session->from, error);
    if (!status)
        status = session_time("to", settings->to, TIME_MAXIMUM, &session->to, error);
    if (!status)
        status = cli_open_bus(&settings->common, false, &session->bus, error);
    if (!status)
        status = cli_open_store(&settings->common, false, &session->store, error);
    if (!status)
        status = session_open_lake(session, error);
    if (!status)
        status = session_open_engine(session, error);
    if (!status)
        status = session_open_readings(session, as_streamed, error);
    if (!status) {
        session->views =
            (struct views){.bus = session->bus, .store = session->store, .alarms = "alarms", .stop = &cli_stop};
        status = views_make(&session->views, session->connection, error);
    }
    if (status)
        batch_session_close(session);
    return status;
}

void batch_session_close(struct batch_session *session) {
    olap_disconnect(session->connection);
    olap_close(session->olap);
    views_release(&session->views);
    readings_release(&session->readings);
    if (session->lake)
        lake_close(session->lake);
    store_close(session->store);
    bus_close(session->bus);
    arena_release(&session->arena);
    *session = (struct batch_session){0};
}

struct recompute_settings batch_session_recompute(struct batch_session *session) {
    const struct batch_settings *settings = session->settings;
    struct recompute_settings recompute = {.olap = session->olap,
                                           .connection = session->connection,
                                           .readings = &session->readings,
                                           .size_count = session->size_count,
                                           .from = session->from,
                                           .to = session->to,
                                           .gateway = settings->gateway,
                                           .type = settings->type,
                                           .attribute = settings->attribute,
                                           .threads = (size_t)olap_threads(session->olap),
                                           .apart = true};
    memcpy(recompute.sizes, session->sizes, sizeof recompute.sizes);
    return recompute;
}
