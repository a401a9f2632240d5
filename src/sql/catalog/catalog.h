/* The catalog: streams, tables, types and persistent queries of a session, in memory, with the rules of who may be
 * made, changed and dropped when.
 *
 * What it holds is never changed in place: a source or query that changes is replaced. So a copy of a catalog is
 * cheap and shares what both hold: a script is tried on a copy, which takes the catalog's place when every statement
 * has passed. Pointers to what a catalog holds are good until that is dropped or replaced in every catalog that
 * holds it. One thread at a time for a catalog and all its copies. */
#ifndef METERLINE_SQL_CATALOG_CATALOG_H
#define METERLINE_SQL_CATALOG_CATALOG_H

#include "core/error.h"
#include "model/type.h"
#include "sql/catalog/source.h"
#include "sql/syntax/ast.h"

struct catalog;

struct catalog *catalog_new(void);                           /* NULL: no memory */
struct catalog *catalog_copy(const struct catalog *catalog); /* NULL: no memory */
struct catalog *catalog_free(struct catalog *catalog);       /* returns NULL */

/* --- streams and tables
 * ------------------------------------------------------------------------------------------------------------ */

/* NULL: there is none of that name. */
const struct source *catalog_source(const struct catalog *catalog, struct slice name);
/* ERROR_NOT_FOUND with the place and the nearest name. */
int catalog_find_source(const struct catalog *catalog, const struct identifier *name, const struct source **ret_source,
                        struct error *error);
size_t catalog_source_count(const struct catalog *catalog);
const struct source *catalog_source_at(const struct catalog *catalog, size_t index); /* in the order of names */

/* May this CREATE go on? ERROR_EXISTS: the name is taken and neither OR REPLACE nor IF NOT EXISTS was said, or is
 * taken by the other kind. *ret_skip: IF NOT EXISTS, and it exists: nothing is to be done. */
int catalog_check_create(const struct catalog *catalog, const struct create_statement *create, bool *ret_skip,
                         struct error *error);
/* Adds a copy. One of the same name is replaced if it may be: same kind, both declared or both results, same topic,
 * formats, key and windows, and none of its columns gone or changed; ERROR_INVALID otherwise. */
int catalog_add_source(struct catalog *catalog, const struct source *source, struct place place, struct error *error);
/* ALTER .. ADD COLUMN. */
int catalog_alter(struct catalog *catalog, const struct alter_statement *alter, struct error *error);

/* DROP STREAM or TABLE. The query that was made together with the source ends with it. DELETE TOPIC is the caller's,
 * it is only refused here for what is read-only. *ret_dropped: a copy in `arena` of what was dropped, NULL when IF
 * EXISTS found nothing. ERROR_CONFLICT: queries use it, and which. */
int catalog_drop_source(struct catalog *catalog, const struct drop_statement *drop, struct arena *arena,
                        const struct source **ret_dropped, struct error *error);

/* --- types
 * ------------------------------------------------------------------------------------------------------------------ */

const struct type *catalog_type(const struct catalog *catalog, struct slice name); /* NULL: there is none */
size_t catalog_type_count(const struct catalog *catalog);
const struct type *catalog_type_at(const struct catalog *catalog, size_t index,
                                   struct slice *ret_name); /* in the order of names */
int catalog_create_type(struct catalog *catalog, const struct type_statement *statement, struct error *error);
int catalog_drop_type(struct catalog *catalog, const struct drop_statement *drop, struct error *error);

/* --- persistent queries
 * ------------------------------------------------------------------------------------------------------------ */

enum catalog_query_kind {
    CATALOG_QUERY_STREAM,
    CATALOG_QUERY_TABLE,
    CATALOG_QUERY_INSERT
}; /* CSAS, CTAS, INSERT INTO .. SELECT */

struct catalog_query {
    struct slice id; /* CSAS_NAME_3, CTAS_NAME_4, INSERTQUERY_5, or as QUERY_ID says */
    enum catalog_query_kind kind;
    struct slice sink;          /* the source that it fills */
    const struct slice *inputs; /* the sources that it reads */
    size_t input_count;
    struct slice text; /* of its statement */
    /* what its meaning depends on of the settings it was made with, as a JSON object of texts; data NULL: nothing */
    struct slice settings;
};

bool catalog_query_reads(const struct catalog_query *query, struct slice source);
size_t catalog_query_count(const struct catalog *catalog);
const struct catalog_query *catalog_query_at(const struct catalog *catalog,
                                             size_t index); /* in the order of their making */
/* Ids do not mind their case. ERROR_NOT_FOUND with the nearest. */
int catalog_find_query(const struct catalog *catalog, const struct identifier *id,
                       const struct catalog_query **ret_query, struct error *error);
/* Adds a copy; one without an id is given one. The sink must be there. For a CSAS or CTAS, the sink's source.query
 * becomes the id and an older query of the sink ends. *ret_id lives as long as the query. ERROR_EXISTS: the id is
 * taken. */
int catalog_add_query(struct catalog *catalog, const struct catalog_query *query, struct slice *ret_id,
                      struct error *error);
/* ERROR_NOT_FOUND. With target->all it is never an error. */
int catalog_terminate(struct catalog *catalog, const struct target_statement *target, struct error *error);

#endif
