/* Inside of the planner: the state that its files share. The door is plan.h.
 *
 * A draft is built from the sources on: `node` gives the rows that are there so far, `scope` tells what names mean
 * over them. */
#ifndef METERLINE_SQL_PLAN_PLAN_DRAFT_H
#define METERLINE_SQL_PLAN_PLAN_DRAFT_H

#include "sql/plan/plan.h"

enum { PLAN_SIDES_MAXIMUM = 16, PLAN_TOPIC_SIZE = 512 };

struct plan_side {
    const struct source *source;
    struct slice alias;
};

/* A column of the key: which columns of `scope` are equal to it, the preferred one first, or which tree it was
 * computed from. */
struct plan_key {
    int indices[PLAN_SIDES_MAXIMUM + 1];
    size_t index_count;
    const struct expression *tree;
    struct slice name; /* for messages */
    /* gives its values when the item of SELECT may not (a join's key where the item's side is missing); NULL: the
     * item's own */
    const struct evaluator *evaluator;
};

/* What SELECT lists, with * written out. */
struct plan_item {
    const struct evaluator *evaluator;
    const struct expression *tree; /* NULL: of a * */
    struct slice name;
    struct place place;
    int index; /* the column that it is; INT_MIN: it is computed */
};

struct plan_draft {
    const struct planner *planner;
    struct arena *arena;
    const struct select_query *query;
    enum plan_use use;
    struct plan_side sides[PLAN_SIDES_MAXIMUM];
    size_t side_count;
    const struct node_plan *node;
    struct scope scope;
    struct scope sources; /* the names of the sources, also after GROUP BY: what trees of the query mean */
    bool table;
    enum window_kind window;
    int64_t window_size;
    const struct calendar *window_calendar;
    struct plan_key *keys; /* of `node` */
    size_t key_count;
    const struct node_plan **sinks; /* of the stages that end in a repartition topic, in the order of the data */
    char **topics;                  /* their names, written when the query has its id */
    size_t sink_count;
};

/* --- plan_source.c --- */
int plan_from(struct plan_draft *draft, const struct source_reference *reference, struct plan_side *ret_side,
              const struct node_plan **ret_node, struct scope *ret_scope, struct error *error);
/* Does the query name any of ROWTIME, ROWPARTITION, ROWOFFSET, WINDOWSTART, WINDOWEND? */
bool plan_names_system_columns(const struct select_query *query);

/* --- plan_join.c --- */
int plan_joins(struct plan_draft *draft, struct error *error);

/* --- plan_partition.c --- */
int plan_partition_by(struct plan_draft *draft, struct error *error);

/* --- plan_group.c --- */
/* GROUP BY, aggregates and HAVING; *ret_rewritten: for each item of SELECT its tree over the groups. */
/* --- plan_window.c: the clause of the query; without one, its shape is WINDOW_SHAPE_NONE. --- */
int plan_window(const struct plan_draft *draft, struct window_definition *ret_window, struct error *error);

/* Readings of a stream with DUPLICATES = 'DROP' count once in windows. */
int plan_drop_duplicates(struct plan_draft *draft, struct error *error);
int plan_group(struct plan_draft *draft, const struct expression ***ret_rewritten, struct error *error);
/* Without GROUP BY there may be no aggregates, windows or HAVING. */
int plan_check_ungrouped(const struct plan_draft *draft, struct error *error);
int plan_refuse_aggregates(const struct expression *tree, const char *where, struct error *error);

/* --- plan_items.c --- */
/* SELECT's list over draft->scope; `rewritten[i]` stands for the tree of item i when it is not NULL. */
int plan_items(struct plan_draft *draft, const struct expression *const *rewritten, struct plan_item **ret_items,
               size_t *ret_count, struct error *error);
/* The last step: keys and values. */
int plan_project(struct plan_draft *draft, const struct plan_item *items, size_t count, struct plan_result *ret_result,
                 struct error *error);

/* --- plan_repartition.c --- */
/* Ends a stage with `node`, whose first `key_count` columns become the key of a topic, and begins another that reads
 * it: *ret_node gives the same columns. */
int plan_repartition(struct plan_draft *draft, const struct node_plan *node, const struct row_format *key,
                     const struct node_plan **ret_node, struct error *error);

/* --- plan_node.c --- */
struct node_plan *plan_node(struct plan_draft *draft, enum node_kind kind, const struct node_plan *input,
                            struct error *error); /* NULL: no memory */
int plan_filter(struct plan_draft *draft, const struct expression *condition, bool table, struct error *error);
int plan_compile(struct plan_draft *draft, const struct expression *tree, const struct evaluator **ret_evaluator,
                 struct error *error);
bool plan_schema(struct plan_draft *draft, size_t count, size_t key_count, bool windowed, struct row_schema *ret_schema,
                 struct row_column **ret_columns);
const char *plan_text(struct plan_draft *draft, const struct expression *tree);
/* A column that no statement can name, for trees that the planner makes. NULL: no memory. */
struct expression *plan_reference(struct plan_draft *draft, const char *name, size_t number, struct place place);

#endif
