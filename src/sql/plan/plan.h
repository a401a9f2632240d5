/* The planner: from a SELECT to operators (stream/query_plan.h).
 *
 *     FROM, JOIN ─▶ WHERE ─▶ EXPLODE ─▶ GROUP BY, aggregates ─▶ HAVING ─▶ SELECT, PARTITION BY ─▶ sink
 *
 * A GROUP BY or JOIN on something else than the key goes through a repartition topic, which ends one stage and
 * begins another. */
#ifndef METERLINE_SQL_PLAN_PLAN_H
#define METERLINE_SQL_PLAN_PLAN_H

#include "sql/catalog/catalog.h"
#include "sql/expression/compile.h"
#include "stream/plan.h"

/* The sources of a session as plans, one for each: queries that read the same source share its reading by address. */
struct plan_sources;

struct plan_sources *plan_sources_new(void); /* NULL: no memory */
struct plan_sources *plan_sources_free(struct plan_sources *sources);
/* The plan of reading `source`; lives as long as `sources`. */
int plan_source(struct plan_sources *sources, const struct source *source, const struct compile_settings *settings,
                const struct source_plan **ret_plan, struct error *error);

struct planner {
    const struct catalog *catalog;
    struct compile_settings settings;
    struct plan_sources *sources;
};

enum plan_use {
    PLAN_PERSISTENT, /* CREATE .. AS SELECT, INSERT INTO .. SELECT: keys must be in the projection */
    PLAN_TRANSIENT,  /* SELECT at the prompt: the columns as they are listed, without a key */
};

/* What a SELECT gives, before anybody has said where it goes. */
struct plan_result {
    struct source_column *columns; /* keys first, with their roles */
    size_t column_count, key_count;
    bool table;
    enum window_kind window;                /* of the key */
    int64_t window_size;                    /* ms; 0 for a session */
    const struct calendar *window_calendar; /* NULL: windows of a fixed size */
    const struct source *input;             /* FROM: formats and partitions are its, unless said otherwise */
    const struct slice *inputs;             /* names of all sources */
    size_t input_count;
    struct plan_draft *draft;
};

/* `query`'s tree must live as long as `arena`, in which everything is made. ERROR_INVALID with line and column. */
int plan_select(const struct planner *planner, const struct select_query *query, enum plan_use use, struct arena *arena,
                struct plan_result *ret_result, struct error *error);
/* Before plan_finish, for a sink that is there: columns of the sink's name and place take its type where that can be
 * assigned. */
int plan_assign(struct plan_result *result, const struct source *sink, struct error *error);
/* The whole query, writing to `sink` (whose columns are the result's, in its order of keys and values). `text` is
 * what the definition is made of. */
int plan_finish(const struct planner *planner, const struct plan_result *result, const struct source *sink,
                struct slice id, struct slice text, struct arena *arena, const struct query_plan **ret_query,
                struct error *error);
/* A sink as INSERT INTO .. VALUES writes it. */
int plan_sink(const struct source *source, const struct compile_settings *settings, struct arena *arena,
              struct sink_plan *ret_sink, struct error *error);
/* For EXPLAIN: the stages and their operators as an indented list. */
void plan_explain(struct bytes *to, const struct query_plan *query);

#endif
