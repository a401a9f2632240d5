/* The embedded store: tables in the same SQLite file as the log.
 *
 *     store_windows        size (ms)
 *     store_series         id, gateway, type, attribute
 *     store_aggregates_N   series, start (ms), count, minimum, maximum, sum, revision; primary key (series, start), clustered
 *     metrics_aggregates_N view with the names that others rely on
 *
 * The average is sum / count, which is how it was made, so it is not stored. */
#ifndef METERLINE_STORE_SQLITE_SQLITE_STORE_H
#define METERLINE_STORE_SQLITE_SQLITE_STORE_H

#include "store/store.h"

struct store {
    char *folder;
    struct store_options options;
};

int sqlite_store_connect(const struct store *store, struct database **ret_database, struct error *error);
/* Checks that the store can be opened, and makes what is common to all window sizes when it may. */
int sqlite_store_prepare(struct store *store, struct error *error);
int sqlite_store_create_window(struct database *database, int64_t window_size, struct error *error);

#endif
