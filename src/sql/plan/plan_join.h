/* Inside of the planner of joins: a side while it is planned. */
#ifndef METERLINE_SQL_PLAN_PLAN_JOIN_H
#define METERLINE_SQL_PLAN_PLAN_JOIN_H

#include "sql/plan/plan_draft.h"

struct join_side {
    const struct node_plan *node;
    struct scope scope;
    bool table, keyed; /* keyed: its key column is what it is joined on */
    const struct expression *tree;
    const struct evaluator *key;
    int column;               /* the column that the key is, or INT_MIN */
    int shift;                /* 1: a key has come before its columns */
    struct row_format format; /* of its key */
    bool carried;             /* its rows come through a repartition topic */
    bool foreign;             /* the left side refers to the right one's key by another column than its own key */
};

/* --- plan_join.c --- */
/* A projection of the side's rows: `key`, then all of its columns. The side's names and key mean its rows from now
 * on; its node is still the old one. */
int plan_key_first(struct plan_draft *draft, struct join_side *side, const struct evaluator *key,
                   struct node_plan **ret_node, struct error *error);

/* --- plan_join_window.c --- */
/* Sides with windowed keys: both have windows of one kind and size, and are joined on their keys as they are. */
int plan_check_windows(const struct plan_draft *draft, const struct join *join, const struct join_side *left,
                       const struct join_side *right, struct error *error);
/* The key and the bounds of its window as one column before the others, by which the side is joined. */
int plan_pack_window(struct plan_draft *draft, struct join_side *side, struct error *error);
/* The first column of draft->node, of plan_pack_window, becomes a key of `type` with a window again. */
int plan_unpack_window(struct plan_draft *draft, const struct type *type, struct error *error);

#endif
