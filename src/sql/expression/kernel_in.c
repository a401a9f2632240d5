/* IN: is the value among the items? Items are of the operand's type. NULL is never found and finds nothing.
 *
 * Constants are looked up in a table by hash when there are many; the other items are evaluated one by one, each for
 * the rows that have found nothing yet. */
#include "sql/expression/node.h"

enum { IN_TABLE_FROM = 8 };

struct in_node {
    struct node node;
    const struct node *operand;
    const struct node *const *items; /* those that are no constants */
    size_t item_count;
    const struct value *constants;
    size_t constant_count;
    const struct value **table; /* open addressing; NULL: the constants are compared one by one */
    size_t table_mask;
    bool negated;
};

/* -0.0 is 0.0 here, and NaN is nothing. */
static bool in_equal(const struct type *type, const struct value *a, const struct value *b) {
    if (type->kind == TYPE_STRING || type->kind == TYPE_BYTES)
        return slice_equal(a->text, b->text);
    return type->kind == TYPE_DOUBLE ? a->number == b->number : value_compare(type, a, b) == 0;
}

static bool in_constants(const struct in_node *in, const struct value *value) {
    const struct type *type = in->operand->type;
    if (in->table) {
        size_t at = value_hash(type, value) & in->table_mask;
        while (in->table[at] && !in_equal(type, in->table[at], value))
            at = (at + 1) & in->table_mask;
        return in->table[at];
    }
    for (size_t i = 0; i < in->constant_count; i++)
        if (in_equal(type, &in->constants[i], value))
            return true;
    return false;
}

/* Rows whose value is no constant of the list, nor NULL, go to `open`. */
static void in_first(const struct in_node *in, const struct vector *operand, const struct selection *selected,
                     struct selection *open, struct vector *result) {
    for (size_t i = 0; i < selected->count; i++) {
        uint32_t row = selected->rows[i];
        struct value value;
        vector_get(operand, row, &value);
        bool found = !value.null && in_constants(in, &value);
        result->booleans[row] = found != in->negated;
        if (!value.null && !found)
            open->rows[open->count++] = row;
    }
}

/* Against one item; rows that match leave `open`. */
static bool in_item(const struct in_node *in, const struct node *item, struct node_run *run,
                    const struct vector *operand, struct selection *open, struct vector *result) {
    struct vector other;
    size_t count = 0;
    if (!node_run(item, run, open, &other))
        return false;
    for (size_t i = 0; i < open->count; i++) {
        uint32_t row = open->rows[i];
        struct value value, item_value;
        vector_get(operand, row, &value);
        vector_get(&other, row, &item_value);
        if (!item_value.null && in_equal(operand->type, &value, &item_value))
            result->booleans[row] = !in->negated;
        else
            open->rows[count++] = row;
    }
    open->count = count;
    return true;
}

static bool in_run(const struct node *node, struct node_run *run, const struct selection *selected,
                   struct vector *ret_vector) {
    const struct in_node *in = (const struct in_node *)node;
    struct vector operand, result;
    struct selection open;
    if (!node_run(in->operand, run, selected, &operand) || !node_allocate_filled(run, node->type, selected, &result) ||
        !node_selection(run, selected, &open))
        return false;
    in_first(in, &operand, selected, &open, &result);
    for (size_t i = 0; i < in->item_count && open.count; i++)
        if (!in_item(in, in->items[i], run, &operand, &open, &result))
            return false;
    *ret_vector = result;
    return true;
}

/* --- making
 * ------------------------------------------------------------------------------------------------------------------ */

static bool in_make_table(struct arena *arena, struct in_node *in) {
    size_t size = 16;
    const struct type *type = in->operand->type;
    while (size < 2 * in->constant_count)
        size *= 2;
    in->table = arena_allocate(arena, size * sizeof *in->table);
    if (!in->table)
        return false;
    memset(in->table, 0, size * sizeof *in->table);
    in->table_mask = size - 1;
    for (size_t i = 0; i < in->constant_count; i++) {
        size_t at = value_hash(type, &in->constants[i]) & in->table_mask;
        while (in->table[at] && !in_equal(type, in->table[at], &in->constants[i]))
            at = (at + 1) & in->table_mask;
        in->table[at] = &in->constants[i];
    }
    return true;
}

struct node *node_in(struct arena *arena, const struct node *operand, const struct node *const *items, size_t count,
                     bool negated) {
    struct in_node *in = node_new(arena, sizeof *in, &type_boolean, in_run, operand->varies);
    const struct node **others = arena_allocate(arena, count * sizeof *others);
    struct value *constants = arena_allocate(arena, count * sizeof *constants);
    if (!in || !others || !constants)
        return NULL;
    in->operand = operand;
    in->negated = negated;
    in->items = others;
    in->constants = constants;
    for (size_t i = 0; i < count; i++) {
        const struct value *value = &((const struct constant_node *)items[i])->value;
        in->node.varies |= items[i]->varies;
        if (items[i]->kind != NODE_CONSTANT)
            others[in->item_count++] = items[i];
        else if (!value->null)
            constants[in->constant_count++] = *value;
    }
    if (in->constant_count >= IN_TABLE_FROM && operand->type->kind != TYPE_DOUBLE && operand->type->kind < TYPE_ARRAY &&
        !in_make_table(arena, in))
        return NULL;
    return &in->node;
}
