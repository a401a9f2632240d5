/* Scripts for tests of joins and tables: records go into an operator, each as a batch of its own, in larger batches,
 * or with a restart after each; what leaves is written down as text. */
#ifndef METERLINE_TESTS_JOIN_HARNESS_H
#define METERLINE_TESTS_JOIN_HARNESS_H

#include "core/memory.h"
#include "stream/join/join.h"

/* A record for one side, or with side 'A' the passing of time. */
struct script_record {
    char side;         /* 'L', 'R', 'A' */
    int64_t key;       /* SCRIPT_NULL: none */
    const char *value; /* NULL: no value */
    int64_t time;
    int64_t extra; /* third column, the foreign key of those tests */
};

enum { SCRIPT_NULL = -1 };

/* The schema K BIGINT (key), V STRING, F BIGINT. */
extern const struct row_schema script_schema;
/* An evaluator that gives a column. */
struct script_column {
    struct evaluator evaluator;
    size_t column;
};
extern const struct script_column script_key, script_extra;

/* Operator at the end: writes "record: time columns" lines, "record" being the number of the script's record that
 * brought the row about. */
struct script_sink {
    struct stream_operator op;
    struct bytes text;
};
void script_sink_open(struct script_sink *sink);

enum script_cut { SCRIPT_SINGLE, SCRIPT_BATCHES, SCRIPT_RESTARTS, SCRIPT_CUTS };

struct script_run {
    struct script_sink sink;
    struct query_counters counters;
    size_t memory;  /* at the end */
    size_t entries; /* of the changelog at the end */
};

/* How the operator under test is made. */
typedef int script_make(const void *plan, struct stream_operator *next, struct stream_operator **ret_operator,
                        struct error *error);
int script_make_join(const void *plan, struct stream_operator *next, struct stream_operator **ret_operator,
                     struct error *error);

/* Rows of records [first, end) of one side, in `arena`. */
struct rows *script_rows(struct arena *arena, const struct script_record *records, size_t first, size_t end);
void script_play(script_make *make, const void *plan, const struct script_record *records, size_t count,
                 enum script_cut cut, struct script_run *ret_run);
void script_run_release(struct script_run *run);
/* Plays the script with every cut and asserts that each gives this text. */
void script_expect(script_make *make, const void *plan, const struct script_record *records, size_t count,
                   const char *expected);

#endif
