/* What a batch command works on: log, store and lake, the OLAP database, the readings as of now. */
#ifndef METERLINE_CLI_BATCH_BATCH_SESSION_H
#define METERLINE_CLI_BATCH_BATCH_SESSION_H

#include "batch/recompute.h"
#include "batch/stream_progress.h"
#include "batch/views.h"
#include "cli/command.h"

struct batch_settings {
    struct common_settings common;
    const char *topic, *group, *windows, *from, *to, *gateway, *type, *attribute, *duckdb, *format, *into, *output,
        *execute, *lake;
    int64_t grace, max_ahead, memory, threads;
    bool dry_run, tolerate;
    struct option_list parameters;
};

struct batch_session {
    const struct batch_settings *settings;
    struct log log;
    struct arena arena;
    struct bus *bus;
    struct store *store;
    struct lake *lake; /* NULL: there is none */
    struct olap *olap;
    struct olap_connection *connection;
    struct stream_progress progress;
    struct readings readings;
    struct views views;
    int64_t from, to;                  /* window starts, ms; 0 and TIME_MAXIMUM: all */
    int64_t sizes[FOLD_SIZES_MAXIMUM]; /* of --windows, or those of the store */
    size_t size_count;
};

/* Opens everything; `as_streamed`: the readings end where the stream has read to, not where the log ends. The session must stay where it is. */
int batch_session_open(const struct batch_settings *settings, bool as_streamed, struct batch_session *session,
                       struct error *error);
void batch_session_close(struct batch_session *session);
/* What recompute_run needs of it. */
struct recompute_settings batch_session_recompute(struct batch_session *session);

#endif
