/* Plans of queries: what sql/ makes of a SELECT, and tasks run. Immutable, in the arena of the query; evaluators
 * too. Any thread may read them.
 *
 *     query ── stage ── stage ─ ...          a stage reads topics and writes one; between stages lies a repartition topic
 *                │
 *             sink ◀─ project ◀─ aggregate ◀─ filter ◀─ source          nodes form a tree: a join has two inputs */
#ifndef METERLINE_STREAM_PLAN_H
#define METERLINE_STREAM_PLAN_H

#include "codec/row/row_codec.h"
#include "stream/aggregate/group_aggregate.h"
#include "stream/join/join.h"
#include "stream/operator/duplicates.h"
#include "stream/operator/filter.h"
#include "stream/operator/project.h"
#include "stream/operator/table_source.h"

/* A topic as a stream or table reads it. Queries that read the same source share its reading: the same plan by
 * address. */
struct source_plan {
    struct slice name; /* of the stream or table; of a repartition topic "REPARTITION" */
    const char *topic;
    bool internal; /* a repartition topic of the query that reads it */
    bool table;    /* its rows are changes: the reading begins with the oldest record, and is kept as a table */
    struct row_format key, value;
    struct row_schema schema; /* key columns, value columns, then header columns */
    /* Rules for records that have a value, by columns of `schema`. What breaks one is rejected. */
    const size_t *key_of;   /* STRING columns of the value that make the key, a STRING, with points between */
    size_t key_of_count;    /* 0: the key is free */
    const size_t *required; /* columns that are not NULL, a DOUBLE finite too */
    size_t required_count;
    int64_t max_ahead;           /* ms that a time may be ahead of the clock at which the log took the record; 0: any */
    size_t value_count;          /* how many of the columns are the value's */
    const struct slice *headers; /* for each header column its header's name; data NULL: all headers as an array */
    size_t header_count;
    enum row_window window;                 /* of the key */
    int64_t window_size;                    /* ms */
    const struct calendar *window_calendar; /* that says where windows end; NULL: they have the size */
    /* BIGINT, ms, over `schema`; NULL: the record's timestamp. What has no time, or one before 1970, is rejected */
    const struct evaluator *timestamp;
    size_t timestamp_column; /* of `schema`, with `timestamp` */
    bool strict_times;       /* what has no time fails the query instead */
};

/* A topic as a query writes it. */
struct sink_plan {
    const char *topic;
    bool internal;                /* a repartition topic: no other query reads it */
    int32_t partitions, replicas; /* of a topic that is made; 0: as the input's, as the brokers are set */
    int64_t retention;            /* ms; -1: for ever */
    bool compacted;
    struct row_format key, value;
    struct row_schema schema; /* key columns, then value columns */
    enum row_window window;
    const struct evaluator *timestamp; /* BIGINT, ms; NULL: ROWTIME. NULL or negative drops the row */
    bool table;                        /* an absent row is a deletion; a row whose key is NULL is dropped */
    bool always_keyed;                 /* a key that is NULL in all of its columns is a key (several columns) */
};

enum node_kind {
    NODE_SOURCE,
    NODE_FILTER,
    NODE_DUPLICATES,
    NODE_PROJECT,
    NODE_FLATTEN,
    NODE_AGGREGATE,
    NODE_JOIN,
    NODE_SPLIT_CHANGE,
    NODE_UNITE_CHANGE,
    NODE_SINK
};

struct node_plan {
    enum node_kind kind;
    struct row_schema schema; /* of the rows that it gives; of a sink, that it takes */
    const struct node_plan *inputs[2];
    size_t input_count;
    const char *text; /* for EXPLAIN: the condition, the columns, ... */
    union {
        struct {
            const struct source_plan *source;
            bool materialised; /* a table that is kept, so that `before` is known */
            struct table_source_plan table;
        };
        struct filter_plan filter;
        struct duplicates_plan duplicates;
        struct project_plan project;
        struct flatten_plan flatten;
        struct group_aggregate_plan aggregate;
        struct join_plan join;
        struct sink_plan sink;
    };
};

struct stage_plan {
    const struct node_plan *sink;
    const struct node_plan *const *sources; /* its NODE_SOURCE nodes, from left to right */
    size_t source_count;
    /* its topics must have one partition: a foreign-key join, whose sides are not brought together by their keys */
    bool single_partition;
};

struct query_plan {
    const char *id;
    /* hash of everything that results depend on: a changed query does not resume on an old position */
    uint64_t definition;
    const struct stage_plan *stages; /* in the order of the data */
    size_t stage_count;
    int64_t limit;    /* of a push query; -1: none */
    bool makes_topic; /* its statement has made what the last stage writes; INSERT adds to what others have made */
};

#endif
