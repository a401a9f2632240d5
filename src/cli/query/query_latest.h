/* query --latest: what the cache holds. */
#ifndef METERLINE_CLI_QUERY_LATEST_H
#define METERLINE_CLI_QUERY_LATEST_H

#include "cli/command.h"

/* `key` NULL: all; at most `limit` rows, -1: all. */
int query_latest(const struct common_settings *common, const char *key, bool series, int64_t limit, const char *format,
                 int64_t *ret_rows, struct error *error);

#endif
