/* Advice for a query without rows: the names there are. */
#ifndef METERLINE_CLI_QUERY_NAMES_H
#define METERLINE_CLI_QUERY_NAMES_H

#include "store/store.h"
#include <stdio.h>

/* Looks through the rows of the window size, at most some 100,000, for what differs in each name that was asked for,
 * and says it on `to`. */
int query_names_advise(struct store *store, const struct store_query *query, FILE *to, struct error *error);

#endif
