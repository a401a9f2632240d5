/* The embedded store: tables in the same SQLite file as the log.
 *
 *     store_windows        size (ms)
 *     store_series         id, gateway, type, attribute
 *     store_aggregates_N   series, start (ms), count, minimum, maximum, sum, revision; primary key (series, start), clustered
 *     store_topics         size, topic: from where rows of a size have come
 *     metrics_aggregates_N view with the names that others rely on
 *
 * The average is sum / count, which is how it was made, so it is not stored. */
#ifndef METERLINE_STORE_SQLITE_SQLITE_STORE_H
#define METERLINE_STORE_SQLITE_SQLITE_STORE_H

#include "store/driver.h"

struct sqlite_store {
    struct store base;
    char *folder, *path; /* of the database */
};

int sqlite_store_connect(const struct sqlite_store *store, struct database **ret_database, struct error *error);
/* Checks that the store can be opened, and makes what is common to all windows when it may. */
int sqlite_store_prepare(struct sqlite_store *store, struct error *error);
int sqlite_store_create_window(struct database *database, const struct store_window *window, struct error *error);

/* The functions of the driver. */
extern const struct store_driver sqlite_store_driver;
int sqlite_writer_open(struct store *door, struct store_writer **ret_writer, struct error *error);
void sqlite_writer_close(struct store_writer *door);
int sqlite_write(struct store_writer *door, struct database *transaction, const struct store_window *window,
                 const struct aggregate_row *rows, size_t count, struct error *error);
void sqlite_writer_rolled_back(struct store_writer *door);
int sqlite_reader_open(struct store *door, const struct store_query *query, struct store_reader **ret_reader,
                       struct error *error);
void sqlite_reader_close(struct store_reader *door);
int sqlite_reader_next(struct store_reader *door, struct aggregate_row *ret_row, struct error *error);
int sqlite_windows(struct store *door, struct store_window **ret_windows, size_t *ret_count, struct error *error);
int sqlite_note_topic(struct store *door, const struct store_window *window, const char *topic, char **ret_other,
                      struct error *error);
int sqlite_count(struct store *door, const struct store_window *window, int64_t *ret_rows, struct error *error);

#endif
