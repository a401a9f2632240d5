/* The lakes of a run, opened when a connector wants one, and how topics become rows of its tables. */
#ifndef METERLINE_CLI_RUN_RUN_LAKE_H
#define METERLINE_CLI_RUN_RUN_LAKE_H

#include "cli/command.h"
#include "lake/lake.h"
#include "sql/session/session.h"
#include "stream/sink/lake_sink.h"

enum { RUN_LAKES_MAXIMUM = 16 };

struct run_lakes {
    const struct common_settings *common;
    const char *url; /* of --lake; NULL: none was named */
    const struct log *log;
    struct lake *opened[RUN_LAKES_MAXIMUM]; /* one for each URL */
    size_t count;
};

/* The lake of `url`, or of --lake (NULL), or the folder lake in the data folder. It lives as long as the lakes. */
int run_lakes_open(struct run_lakes *lakes, const char *url, struct lake **ret_lake, struct error *error);
void run_lakes_close(struct run_lakes *lakes);
/* The columns of the stream or table of a topic, in one of two sessions (NULL: none). ERROR_NOT_FOUND. */
int run_lake_format(const struct session *one, const struct session *other, const char *topic, struct arena *arena,
                    struct lake_sink_format *ret_format, struct error *error);

#endif
