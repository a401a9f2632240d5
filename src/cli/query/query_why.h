/* Why a window has its numbers: what is in the topics for it, and what is in the store. */
#ifndef METERLINE_CLI_QUERY_WHY_H
#define METERLINE_CLI_QUERY_WHY_H

#include "cli/command.h"

/* `query`: one series, the window of its kind that begins at `from` (of a fixed size also the one that `from` lies in). Prints a
 * row for each kind of record: read, late, rejected, duplicate (the same time and value once more), and the store's
 * row, whose revision above 0 says that it was corrected. */
int query_why(const struct common_settings *common, const struct store_query *query, const char *topic,
              const char *format, struct error *error);

#endif
