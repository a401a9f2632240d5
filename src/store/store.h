/* The serving store: final aggregates for the medium term, by series and window. One door, two implementations:
 * sqlite:DIR (embedded) and cassandra://[USER:PASSWORD@]HOST[:PORT],.../KEYSPACE.
 *
 * Rows are keyed by (series, kind of window, window start); writing a row again with the same or a higher revision
 * replaces it, a lower one is ignored, so writes are idempotent. Threads: a `struct store` may be shared; a writer
 * and a reader belong to one thread each. */
#ifndef METERLINE_STORE_STORE_H
#define METERLINE_STORE_STORE_H

#include "core/clock.h"
#include "core/database.h"
#include "core/error.h"
#include "core/log.h"
#include "core/property.h"
#include "core/slice.h"
#include "model/aggregate.h"
#include "store/window.h"
#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_writer;
struct store_reader;

struct store_options {
    bool durable;
    bool create; /* make the store when it is missing */
    const struct clock *clock;
    const struct client_property *properties; /* of a server (cassandra.*); borrowed while store_open runs */
    size_t property_count;
    const struct log *log; /* NULL: silent; outlives the store */
};

/* A server need not answer yet. */
int store_open(const char *url, const struct store_options *options, struct store **ret_store, struct error *error);
struct store *store_close(struct store *store);

int store_writer_open(struct store *store, struct store_writer **ret_writer, struct error *error);
/* Notes that rows of such windows come from `topic`. Rows do not say where they are from: *ret_other, which the
 * caller frees, is another topic that has brought rows of such windows before, whose rows of the same series they
 * replace; NULL: there is none, or the store does not know. */
int store_note_topic(struct store *store, const struct store_window *window, const char *topic, char **ret_other,
                     struct error *error);
struct store_writer *store_writer_close(struct store_writer *writer);
/* Writes rows of one kind of window, in any order. `transaction` is the log's open transaction: when it is of the
 * same database the rows join it; otherwise (or when it is NULL) the writer commits them itself, at the latest in
 * store_flush, which is safe because rows are idempotent. */
int store_write(struct store_writer *writer, struct database *transaction, const struct store_window *window,
                const struct aggregate_row *rows, size_t count, struct error *error);
/* Waits until every row written so far is acknowledged; a store that acknowledges in store_write has nothing to wait
 * for. */
int store_flush(struct store_writer *writer, struct error *error);
/* The transaction that rows joined was rolled back: forget what was cached from it. */
void store_writer_rolled_back(struct store_writer *writer);

/* Is `transaction` (NULL: none) of the store's own database, so that what is written in it is there when it is? */
bool store_joins(const struct store *store, struct database *transaction);

struct store_query {
    struct store_window window;
    const char *gateway, *type, *attribute; /* NULL: any */
    int64_t from, to;                       /* window starts in [from, to) */
    int64_t limit;                          /* rows, -1: all */
    bool descending;                        /* window starts from the newest, within each key */
};

/* Is it a server of its own, which may be away while the log is there? Then rows go there through sinks, not with
 * the log's commits. */
bool store_is_remote(const struct store *store);

/* Rows in the order of key bytes, then window start. ERROR_NOT_FOUND when the store has no table of such
 * windows: names those there are. */
int store_reader_open(struct store *store, const struct store_query *query, struct store_reader **ret_reader,
                      struct error *error);
struct store_reader *store_reader_close(struct store_reader *reader);
/* 1 with a row that lives until the next call, 0 at the end, or an error. */
int store_reader_next(struct store_reader *reader, struct aggregate_row *ret_row, struct error *error);

/* What the writers of a store that is a server have done since it was opened, up to their last flush. */
enum { STORE_LATENCIES = 32, STORE_ERROR_KINDS = 16 };

struct store_counts {
    bool remote;           /* false: not a server, and nothing is counted */
    uint64_t rows_written; /* acknowledged */
    uint64_t requests, retries, in_flight;
    uint64_t latency[STORE_LATENCIES]; /* answers, [i]: in less than 2^i microseconds, not less than 2^(i-1) */
    uint64_t latency_sum;              /* microseconds */
    size_t error_kinds;
    const char *error_names[STORE_ERROR_KINDS];
    uint64_t errors[STORE_ERROR_KINDS]; /* also those that a retry mended */
};

void store_counts(const struct store *store, struct store_counts *ret_counts);

/* The windows that the store has tables for, by size, then by name; `ret_windows` is owned by the caller: free(). */
int store_windows(struct store *store, struct store_window **ret_windows, size_t *ret_count, struct error *error);
/* Number of rows of one kind of window. */
int store_count(struct store *store, const struct store_window *window, int64_t *ret_rows, struct error *error);

#endif
