/* Rows of `query`, wherever they come from:
 *
 *     auto    the store has ........................[ oldest ...... )
 *             the lake is asked for [ from ........... )               if there is one, and `from` lies before
 *
 * By key bytes, then window start. */
#ifndef METERLINE_CLI_QUERY_QUERY_ROWS_H
#define METERLINE_CLI_QUERY_QUERY_ROWS_H

#include "cli/query/query_lake.h"

enum query_source { QUERY_AUTO, QUERY_STORE, QUERY_LAKE };

struct query_rows {
    struct store_query query;
    int64_t left; /* rows that may still be given; -1: any number */
    struct store *store;
    struct store_reader *reader;       /* NULL: nothing comes from the store */
    struct query_lake *lake;           /* NULL: nothing comes from the lake */
    struct aggregate_row older, newer; /* the next of the lake, of the store */
    bool has_older, has_newer;
    bool give_older, give_newer; /* was given last, and is to be gone on from */
};

/* `settings->query` is copied. The struct must stay where it is. */
int query_rows_open(const struct query_lake_settings *settings, enum query_source source, struct query_rows *rows,
                    struct error *error);
void query_rows_close(struct query_rows *rows);
/* 1 with a row that lives until the next call, but for its key, which lives until the end; 0; or an error. */
int query_rows_next(struct query_rows *rows, struct aggregate_row *ret_row, struct error *error);

#endif
