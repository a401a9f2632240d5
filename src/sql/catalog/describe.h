/* What SHOW and DESCRIBE answer: rows of text in an arena, made from the catalog. Printing them is the caller's. */
#ifndef METERLINE_SQL_CATALOG_DESCRIBE_H
#define METERLINE_SQL_CATALOG_DESCRIBE_H

#include "core/arena.h"
#include "core/error.h"
#include "sql/catalog/catalog.h"
#include "sql/syntax/variables.h"

struct listing {
    const char *const *titles; /* column_count of them, static */
    size_t column_count;
    struct slice *cells; /* row by row */
    size_t row_count;
};

int describe_streams(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                     struct error *error); /* SHOW STREAMS */
int describe_tables(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                    struct error *error); /* SHOW TABLES */
int describe_queries(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                     struct error *error); /* SHOW QUERIES */
int describe_types(const struct catalog *catalog, struct arena *arena, struct listing *ret_listing,
                   struct error *error); /* SHOW TYPES */
int describe_variables(const struct variables *variables, struct arena *arena, struct listing *ret_listing,
                       struct error *error);
/* DESCRIBE name: a row for each column with its type and role. */
int describe_columns(const struct source *source, struct arena *arena, struct listing *ret_listing,
                     struct error *error);
/* DESCRIBE name EXTENDED, besides the columns: property and value, with the queries that read and write. Counters of
 * work are not the catalog's. */
int describe_properties(const struct catalog *catalog, const struct source *source, struct arena *arena,
                        struct listing *ret_listing, struct error *error);

#endif
