/* Joins, from left to right. The rows of a join are its key, the left side's columns, the right side's columns:
 *
 *     [ key | left ... | right ... ]        the next join has all of this for its left side
 *     [ left ... | right ... ]              of a foreign-key join of tables, whose key is the left table's
 *
 * A side whose key is not what it is joined on goes through a repartition topic first; so does one whose key is
 * written in another format than the other side's, as equal keys must meet in one partition. Of a stream and a table
 * it is the stream that goes. */
#include <limits.h>

#include "sql/expression/rewrite.h"
#include "sql/plan/plan_format.h"
#include "sql/plan/plan_join.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

/* --- system columns
 * ---------------------------------------------------------------------------------------------------------------- */

/* ROWTIME and the like of one side are columns after a join, when the query names any. */
static int plan_add_systems(struct plan_draft *draft, struct join_side *side, struct error *error) {
    const struct row_schema *schema = &side->node->schema;
    size_t count = side->scope.column_count, at = schema->count;
    struct node_plan *node = plan_node(draft, NODE_PROJECT, side->node, error);
    const struct evaluator **evaluators = arena_allocate(draft->arena, (count + 1) * sizeof(struct evaluator *));
    struct scope_column *scope = arena_allocate(draft->arena, (count + 1) * sizeof *scope);
    struct row_column *columns;
    if (!node)
        return ERROR_NO_MEMORY;
    if (!evaluators || !scope ||
        !plan_schema(draft, count, schema->key_count, schema->windowed, &node->schema, &columns))
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct scope_column *from = &side->scope.columns[i];
        size_t index = from->index >= 0 ? (size_t)from->index : at++;
        scope[i] = *from;
        scope[i].index = (int)index;
        columns[index] = (struct row_column){from->name, from->type};
        if (!(evaluators[index] = compile_column(from->type, from->index, draft->arena)))
            return error_no_memory(error);
    }
    node->project = (struct project_plan){.columns = evaluators, .table = side->table};
    node->text = "times";
    side->node = node;
    side->scope.columns = scope;
    return 0;
}

/* --- ON
 * ------------------------------------------------------------------------------------------------------------------ */

struct plan_mentions {
    const struct scope *left, *right;
    bool of_left, of_right;
};

static bool plan_count_mention(void *context, const struct expression *node) {
    struct plan_mentions *mentions = context;
    const struct scope_column *column;
    if (node->kind == EXPRESSION_COLUMN) {
        mentions->of_left |= scope_find(mentions->left, node, &column, NULL) == 0;
        mentions->of_right |= scope_find(mentions->right, node, &column, NULL) == 0;
    }
    return true;
}

static struct plan_mentions plan_mentions_of(const struct expression *tree, const struct join_side *left,
                                             const struct join_side *right) {
    struct plan_mentions mentions = {.left = &left->scope, .right = &right->scope};
    expression_visit(tree, plan_count_mention, &mentions);
    return mentions;
}

static int plan_side_key(struct plan_draft *draft, struct join_side *side, const struct expression *tree,
                         struct error *error) {
    side->tree = tree;
    int status = compile_expression(tree, &side->scope, draft->planner->catalog, &draft->planner->settings,
                                    draft->arena, &side->key, error);
    if (!status)
        side->column = compile_is_column(side->key);
    return status;
}

/* Compiles one side of ON with the source that it names, by a column or a qualifier. */
static int plan_unknown_side(struct plan_draft *draft, struct join_side *left, struct join_side *right,
                             const struct expression *tree, const struct plan_mentions *mentions, struct error *error) {
    bool named = tree->kind == EXPRESSION_COLUMN && tree->qualifier.data &&
                 slice_equal(tree->qualifier, right->scope.columns[0].qualifier);
    return plan_side_key(draft, mentions->of_right || named ? right : left, tree, error);
}

static int plan_on(struct plan_draft *draft, const struct join *join, struct join_side *left, struct join_side *right,
                   struct error *error) {
    const struct expression *on = join->on;
    if (on->kind != EXPRESSION_BINARY || on->op != OPERATOR_EQUAL)
        return place_error(error, on->place, "the condition of a join is one equality: ON left = right");
    struct plan_mentions first = plan_mentions_of(on->children[0], left, right),
                         second = plan_mentions_of(on->children[1], left, right);
    bool straight = first.of_left && !first.of_right && second.of_right && !second.of_left,
         crossed = first.of_right && !first.of_left && second.of_left && !second.of_right;
    if ((first.of_left && first.of_right) || (second.of_left && second.of_right))
        return place_error(
            error, on->place,
            "a side of the join's condition names columns of both sources, or one that both have: write SOURCE.COLUMN");
    if (!straight && !crossed) {
        int status = plan_unknown_side(draft, left, right, on->children[0], &first,
                                       error); /* a name that is unknown tells more than the shape */
        if (!status)
            status = plan_unknown_side(draft, left, right, on->children[1], &second, error);
        return status ? status
                      : place_error(error, on->place,
                                    "the condition of a join compares a column of one source with one of the other");
    }
    int status = plan_side_key(draft, left, on->children[crossed], error);
    if (!status)
        status = plan_side_key(draft, right, on->children[!crossed], error);
    if (status || type_equal(left->key->type, right->key->type))
        return status;
    struct slice left_type = type_text(draft->arena, left->key->type),
                 right_type = type_text(draft->arena, right->key->type);
    return place_error(error, on->place,
                       "the two sides of the join have different types, %.*s and %.*s: CAST one of them",
                       (int)left_type.length, left_type.data, (int)right_type.length, right_type.data);
}

/* --- what may be joined
 * ------------------------------------------------------------------------------------------------------------ */

static int plan_check_join(const struct plan_draft *draft, const struct join *join, const struct join_side *left,
                           const struct join_side *right, struct error *error) {
    const struct source *source = draft->sides[draft->side_count].source;
    for (size_t i = 0; i < draft->side_count; i++)
        if (slice_equal(draft->sides[i].source->name, source->name))
            return place_error(error, join->source.name.place, "%.*s cannot be joined to itself",
                               names_shown(source->name), source->name.data);
    if (left->table && !right->table)
        return place_error(error, join->place,
                           "a table cannot be joined with a stream: put the stream to the left, stream JOIN table");
    bool streams = !left->table && !right->table, within = join->before.milliseconds >= 0;
    if (streams && !within)
        return place_error(
            error, join->place,
            "a join of two streams needs WITHIN, for instance WITHIN 1 HOUR: how far their rows may be apart");
    if (!streams && within)
        return place_error(error, join->place, "WITHIN is for joins of two streams");
    if (!left->table && right->table && (join->kind == JOIN_RIGHT || join->kind == JOIN_FULL))
        return place_error(error, join->place,
                           "%s JOIN of a stream with a table is not possible, as the table's changes bring nothing "
                           "about; use JOIN or LEFT JOIN",
                           join->kind == JOIN_RIGHT ? "RIGHT" : "FULL");
    return 0;
}

static int plan_check_table_key(const struct join_side *side, const struct source *source, struct error *error) {
    if (!side->table || side->keyed || side->foreign)
        return 0;
    return place_error(error, side->tree->place, "the table %.*s must be joined on its primary key",
                       names_shown(source->name), source->name.data);
}

/* --- keys
 * ------------------------------------------------------------------------------------------------------------------ */

int plan_key_first(struct plan_draft *draft, struct join_side *side, const struct evaluator *key,
                   struct node_plan **ret_node, struct error *error) {
    size_t count = side->node->schema.count + 1;
    struct node_plan *node = plan_node(draft, NODE_PROJECT, side->node, error);
    const struct evaluator **evaluators = arena_allocate(draft->arena, count * sizeof(struct evaluator *));
    struct scope_column *scope = arena_allocate(draft->arena, (side->scope.column_count + 1) * sizeof *scope);
    struct row_column *columns;
    if (!node)
        return ERROR_NO_MEMORY;
    if (!evaluators || !scope || !plan_schema(draft, count, 1, false, &node->schema, &columns))
        return error_no_memory(error);
    evaluators[0] = key;
    columns[0] = (struct row_column){SLICE("KEY"), key->type};
    for (size_t i = 1; i < count; i++) {
        const struct type *type = side->node->schema.columns[i - 1].type;
        struct expression *name = plan_reference(draft, "V", i, draft->query->place);
        if (!name || !(evaluators[i] = compile_column(type, (int)i - 1, draft->arena)))
            return error_no_memory(error);
        columns[i] = (struct row_column){{name->name.data + 1, name->name.length - 1}, type};
    }
    for (size_t i = 0; i < side->scope.column_count; i++) {
        scope[i] = side->scope.columns[i];
        scope[i].index += scope[i].index >= 0;
    }
    node->project.columns = evaluators;
    side->scope.columns = scope;
    side->column += side->column >= 0;
    side->shift = 1;
    side->key = compile_column(key->type, 0, draft->arena);
    *ret_node = node;
    return side->key ? 0 : error_no_memory(error);
}

/* What the changes of a table were before them is kept by where they come from, as they are split for the topic. */
static void plan_keep_before(const struct node_plan *node) {
    while (node->kind == NODE_PROJECT || node->kind == NODE_FILTER)
        node = node->inputs[0];
    struct node_plan *from = (struct node_plan *)node; /* of this draft, which is not finished */
    if (from->kind == NODE_SOURCE)
        from->materialised = true;
    if (from->kind == NODE_JOIN)
        from->join.want_before = true;
}

/* Through a topic whose key is in `format`. */
static int plan_rekey(struct plan_draft *draft, struct join_side *side, const struct row_format *format, bool outer,
                      struct error *error) {
    struct node_plan *node;
    int status = plan_key_first(draft, side, side->key, &node, error);
    if (status)
        return status;
    if (side->table)
        plan_keep_before(side->node);
    node->project.table = side->table;
    node->project.drop_absent = !side->table;
    node->project.drop_null_key = !side->table && !outer;
    node->text = plan_text(draft, side->tree);
    side->keyed = side->carried = true;
    return plan_repartition(draft, node, format, &side->node, error);
}

static bool plan_same_key_format(const struct row_format *a, const struct row_format *b) {
    return a->format == b->format && a->wrapped == b->wrapped &&
           (a->format != FORMAT_DELIMITED || a->delimiter == b->delimiter) && !format_has_schema(a->format);
}

/* Brings two tables to the same format of their keys: the right one's, unless only the left one's does without a
 * schema; keys with schemas are written anew on both sides. */
static int plan_same_format(struct plan_draft *draft, struct join_side *left, struct join_side *right,
                            struct error *error) {
    const struct row_format bare = {.format = FORMAT_JSON};
    bool free_left = !format_has_schema(left->format.format), free_right = !format_has_schema(right->format.format);
    struct row_format format = free_right ? right->format : free_left ? left->format : bare;
    int status = 0;
    if (!plan_same_key_format(&left->format, &format))
        status = plan_rekey(draft, left, &format, false, error);
    if (!status && !plan_same_key_format(&right->format, &format))
        status = plan_rekey(draft, right, &format, false, error);
    left->format = format;
    return status;
}

/* Brings both sides to the same key. */
static int plan_copartition(struct plan_draft *draft, const struct join *join, struct join_side *left,
                            struct join_side *right, struct error *error) {
    const struct row_format bare = {.format = FORMAT_JSON};
    struct row_format format = right->keyed ? right->format : left->keyed ? left->format : bare;
    int status = 0;
    if (left->table)
        return plan_same_format(draft, left, right, error);
    if (format.format == FORMAT_NONE || (format_has_schema(format.format) && !right->table))
        format = bare;
    if (!right->keyed || !(right->table || plan_same_key_format(&right->format, &format)))
        status = plan_rekey(draft, right, &format, join->kind == JOIN_RIGHT || join->kind == JOIN_FULL, error);
    if (!status && (!left->keyed || !plan_same_key_format(&left->format, &format)))
        status = plan_rekey(draft, left, &format, join->kind == JOIN_LEFT || join->kind == JOIN_FULL, error);
    return status;
}

/* --- the node
 * ------------------------------------------------------------------------------------------------------------------ */

static int plan_join_scope(struct plan_draft *draft, const struct join_side *left, const struct join_side *right,
                           bool synthetic, const struct type *key, struct error *error) {
    size_t count = left->scope.column_count + right->scope.column_count + 1, at = 0;
    struct scope_column *columns = arena_allocate(draft->arena, count * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    if (synthetic)
        columns[at++] = (struct scope_column){.name = SLICE("ROWKEY"), .type = key, .index = 0};
    for (size_t s = 0; s < 2; s++) {
        const struct scope *scope = s == 0 ? &left->scope : &right->scope;
        int shift = !left->foreign + (s == 0 ? 0 : (int)left->node->schema.count);
        for (size_t i = 0; i < scope->column_count; i++)
            if (scope->columns[i].index >= 0 && scope->columns[i].name.data &&
                !(synthetic && !scope->columns[i].qualifier.data)) {
                columns[at] = scope->columns[i];
                columns[at++].index += shift;
            }
    }
    draft->scope = (struct scope){.columns = columns, .column_count = at};
    return 0;
}

/* Every column that the sides have been joined on stands for the key, those to the left first. `before`: the key of
 * the left side, when it is what this join is on. */
static int plan_join_keys(struct plan_draft *draft, const struct join_side *left, const struct join_side *right,
                          const struct plan_key *before, const struct type *type, bool synthetic, struct error *error) {
    struct plan_key *key = arena_allocate(draft->arena, sizeof *key);
    if (!key || !(key->evaluator = compile_column(type, 0, draft->arena)))
        return error_no_memory(error);
    *key = (struct plan_key){.evaluator = key->evaluator, .name = SLICE("ROWKEY")};
    if (!synthetic && before) {
        for (size_t i = 0; i < before->index_count; i++)
            key->indices[key->index_count++] = before->indices[i] + left->shift + 1;
        key->name = before->name;
    } else if (!synthetic && left->column >= 0) {
        key->indices[key->index_count++] = left->column + 1;
        key->name = left->tree->name;
    }
    if (!synthetic && right->column >= 0) {
        key->name = key->index_count ? key->name : right->tree->name;
        key->indices[key->index_count++] = right->column + 1 + (int)left->node->schema.count;
    }
    if (synthetic)
        key->indices[key->index_count++] = 0;
    draft->keys = key;
    draft->key_count = 1;
    return 0;
}

/* Does a join give these rows, perhaps with other columns? */
static bool plan_is_joined(const struct node_plan *node) {
    while (node->kind == NODE_PROJECT)
        node = node->inputs[0];
    return node->kind == NODE_JOIN;
}

static int plan_join_node(struct plan_draft *draft, const struct join *join, const struct join_side *left,
                          const struct join_side *right, struct error *error) {
    static const enum join_shape shapes[] = {JOIN_SHAPE_INNER, JOIN_SHAPE_LEFT, JOIN_SHAPE_RIGHT, JOIN_SHAPE_FULL};
    const struct row_schema *a = &left->node->schema, *b = &right->node->schema;
    struct node_plan *node = plan_node(draft, NODE_JOIN, left->node, error);
    struct row_column *columns;
    if (!node)
        return ERROR_NO_MEMORY;
    size_t first = !left->foreign;
    if (!plan_schema(draft, first + a->count + b->count, first ? 1 : a->key_count, false, &node->schema, &columns))
        return error_no_memory(error);
    if (first)
        columns[0] = (struct row_column){SLICE("ROWKEY"), left->key->type};
    memcpy(columns + first, a->columns, a->count * sizeof *columns);
    memcpy(columns + first + a->count, b->columns, b->count * sizeof *columns);
    node->inputs[1] = right->node;
    node->input_count = 2;
    node->text = plan_text(draft, join->on);
    node->join = (struct join_plan){.inputs = left->table    ? JOIN_TABLE_TABLE
                                              : right->table ? JOIN_STREAM_TABLE
                                                             : JOIN_STREAM_STREAM,
                                    .shape = shapes[join->kind],
                                    .left = a,
                                    .right = b,
                                    .left_key = left->key,
                                    .right_key = right->key,
                                    .before = join->before.milliseconds,
                                    .after = join->after.milliseconds,
                                    .grace = join->grace.milliseconds,
                                    .want_before = left->table && (draft->query->where || draft->query->group_by.count),
                                    .result = node->schema};
    /* Tables that come right from their topics are read again; what an inner join gives is not. */
    node->join.foreign_key = left->foreign;
    node->join.replayed = right->table && !plan_is_joined(left->node) && !left->carried && !right->carried;
    node->join.replayed |= node->join.inputs == JOIN_STREAM_TABLE;
    draft->node = node;
    return 0;
}

/* --- one after the other
 * ----------------------------------------------------------------------------------------------------------- */

static bool plan_is_key_column(const struct plan_draft *draft, int column) {
    for (size_t i = 0; draft->key_count == 1 && i < draft->keys[0].index_count; i++)
        if (draft->keys[0].indices[i] == column)
            return true;
    return draft->key_count == 1 && draft->side_count > 1 && column == 0;
}

static int plan_join(struct plan_draft *draft, const struct join *join, bool systems, struct join_side *left,
                     struct error *error) {
    struct join_side right = {0};
    struct plan_side *side = &draft->sides[draft->side_count];
    int status = plan_from(draft, &join->source, side, &right.node, &right.scope, error);
    if (status)
        return status;
    right.table = side->source->object == OBJECT_TABLE;
    right.format = right.node->source->key;
    status = plan_check_join(draft, join, left, &right, error);
    if (!status && systems)
        status = plan_add_systems(draft, &right, error);
    if (!status)
        status = plan_on(draft, join, left, &right, error);
    if (status)
        return status;
    left->keyed = plan_is_key_column(draft, left->column);
    const struct plan_key *before = left->keyed && draft->side_count > 1 ? draft->keys : NULL;
    if (before && !(left->key = compile_column(
                        left->key->type, 0,
                        draft->arena))) /* the key is there also where the column is of a side that is missing */
        return error_no_memory(error);
    right.keyed = right.column == 0 && source_key_count(side->source) == 1;
    left->foreign = left->table && right.table && !left->keyed && right.keyed;
    if ((status = plan_check_table_key(&right, side->source, error)) ||
        (status = plan_check_table_key(left, draft->sides[0].source, error)))
        return status;
    if (left->foreign && (join->kind == JOIN_RIGHT || join->kind == JOIN_FULL))
        return place_error(
            error, join->place,
            "tables joined by another column than the left one's primary key can be joined by JOIN and LEFT JOIN only");
    const struct type *type = left->key->type;
    bool windowed = left->node->schema.windowed,
         synthetic = !left->foreign && (join->kind == JOIN_FULL || (left->column < 0 && right.column < 0));
    status = plan_check_windows(draft, join, left, &right, error);
    if (!status && !left->foreign)
        status = plan_copartition(draft, join, left, &right, error);
    if (!status && windowed && !(status = plan_pack_window(draft, left, error)))
        status = plan_pack_window(draft, &right, error);
    if (!status)
        status = plan_join_scope(draft, left, &right, synthetic, type, error);
    if (!status && !left->foreign)
        status = plan_join_keys(draft, left, &right, before, type, synthetic, error);
    if (!status)
        status = plan_join_node(draft, join, left, &right, error);
    if (!status && windowed)
        status = plan_unpack_window(draft, type, error);
    draft->side_count++;
    *left = (struct join_side){.node = draft->node,
                               .scope = draft->scope,
                               .table = left->table,
                               .format = right.table ? left->format : right.format};
    return status;
}

int plan_joins(struct plan_draft *draft, struct error *error) {
    const struct select_query *query = draft->query;
    struct join_side left = {
        .node = draft->node, .scope = draft->scope, .table = draft->table, .format = draft->node->source->key};
    bool systems = plan_names_system_columns(query);
    if (query->join_count >= PLAN_SIDES_MAXIMUM)
        return place_error(error, query->joins[PLAN_SIDES_MAXIMUM - 1].place, "at most %d sources can be joined",
                           PLAN_SIDES_MAXIMUM);
    int status = systems ? plan_add_systems(draft, &left, error) : 0;
    for (size_t i = 0; i < query->join_count && !status; i++)
        status = plan_join(draft, &query->joins[i], systems, &left, error);
    draft->table = left.table;
    return status;
}
