/* ARRAY, MAP and STRUCT: made of parts, and their parts taken out. */
#include "sql/expression/node.h"

/* --- constructors
 * ------------------------------------------------------------------------------------------------------------------ */

struct sequence_node {
    struct node node;
    const struct node *const *items;
    const struct evaluator *const *evaluators; /* instead of items */
    size_t count;
    bool guarded; /* an item that fails is NULL, the others stay */
};

/* Where a key is among those that have been met, by hash: 1 + the index of its item, 0 where there is none. */
struct sequence_keys {
    uint32_t *slots;
    size_t mask; /* twice as many slots as keys, or more */
};

static bool sequence_keys_new(struct arena *arena, size_t items, struct sequence_keys *ret_keys) {
    size_t size = 4;
    while (size < items)
        size *= 2;
    *ret_keys = (struct sequence_keys){arena_allocate(arena, size * sizeof(uint32_t)), size - 1};
    return ret_keys->slots;
}

/* A key that is NULL: where keys are texts it is the text "null", as the dialect has it. */
static bool sequence_null_key(const struct type *key, struct value *item) {
    if (key->kind == TYPE_STRING)
        *item = value_of_text((struct slice){"null", 4});
    return key->kind == TYPE_STRING;
}

/* A key that comes twice has its last value. False: a key is NULL. */
static bool sequence_unique_keys(const struct sequence_keys *keys, const struct type *type, struct value *items,
                                 size_t *count) {
    size_t kept = 0;
    memset(keys->slots, 0, (keys->mask + 1) * sizeof *keys->slots);
    for (size_t i = 0; i < *count; i += 2) {
        if (items[i].null && !sequence_null_key(type->key, &items[i]))
            return false;
        size_t slot = value_hash(type->key, &items[i]) & keys->mask;
        while (keys->slots[slot] && value_compare(type->key, &items[keys->slots[slot] - 1], &items[i]) != 0)
            slot = (slot + 1) & keys->mask;
        size_t at = keys->slots[slot] ? keys->slots[slot] - 1 : kept;
        items[at] = items[i];
        items[at + 1] = items[i + 1];
        keys->slots[slot] = (uint32_t)at + 1;
        kept += at == kept ? 2 : 0;
    }
    *count = kept;
    return true;
}

static bool sequence_parts(const struct sequence_node *node, struct node_run *run, const struct selection *selected,
                           struct vector *parts) {
    for (size_t i = 0; i < node->count; i++) {
        bool done = node->items && node->guarded ? node_run_guarded(node->items[i], run, selected, &parts[i])
                    : node->items                ? node_run(node->items[i], run, selected, &parts[i])
                                  : evaluator_run(node->evaluators[i], run->evaluation, run->rows, selected, &parts[i],
                                                  NULL) == 0;
        if (!done)
            return false;
    }
    return true;
}

static bool sequence_run(const struct node *node, struct node_run *run, const struct selection *selected,
                         struct vector *ret_vector) {
    const struct sequence_node *made = (const struct sequence_node *)node;
    struct arena *arena = run->evaluation->arena;
    size_t count = made->count, rows = selected->count;
    struct vector result, *parts = arena_allocate(arena, count * sizeof *parts);
    struct sequence *sequences = arena_allocate(arena, rows * sizeof *sequences);
    struct value *items = arena_allocate(arena, rows * count * sizeof *items);
    bool map = node->type->kind == TYPE_MAP;
    struct sequence_keys keys;
    if ((map && !sequence_keys_new(arena, count, &keys)) || !parts || !sequences || !items ||
        !node_allocate_filled(run, node->type, selected, &result) || !sequence_parts(made, run, selected, parts))
        return false;
    for (size_t i = 0; i < rows; i++, items += count) {
        size_t row = selected->rows[i], kept = count;
        for (size_t k = 0; k < count; k++)
            vector_get(&parts[k], row, &items[k]);
        if (map && !sequence_unique_keys(&keys, node->type, items, &kept)) {
            result.nulls[row] = 1;
            if (!node_fail(run, row, "a key of MAP is NULL"))
                return false;
        }
        sequences[i] = (struct sequence){kept, items};
        result.sequences[row] = &sequences[i];
    }
    *ret_vector = result;
    return true;
}

struct node *node_sequence(struct arena *arena, const struct type *type, const struct node *const *items, size_t count,
                           bool guarded) {
    bool varies = false;
    for (size_t i = 0; i < count; i++)
        varies |= items[i]->varies;
    struct sequence_node *made = node_new(arena, sizeof *made, type, sequence_run, varies);
    if (!made)
        return NULL;
    made->items = items;
    made->count = count;
    made->guarded = guarded;
    return &made->node;
}

struct node *node_struct_of(struct arena *arena, const struct type *type, const struct evaluator *const *parts) {
    struct sequence_node *made = node_new(arena, sizeof *made, type, sequence_run, true);
    const struct evaluator **copy = arena_allocate(arena, type->field_count * sizeof *copy);
    if (!made || !copy)
        return NULL;
    for (size_t i = 0; i < type->field_count; i++)
        copy[i] = parts[i];
    made->evaluators = copy;
    made->count = type->field_count;
    return &made->node;
}

/* --- parts
 * ------------------------------------------------------------------------------------------------------------------ */

struct part_node {
    struct node node;
    const struct node *base, *index;
    size_t field;
};

/* From 1, or from the end from -1. */
static struct value part_of_array(const struct sequence *sequence, int64_t index) {
    uint64_t at = index > 0 ? (uint64_t)index - 1 : sequence->count + (uint64_t)index;
    return index != 0 && at < sequence->count ? sequence->items[at] : VALUE_NULL;
}

static struct value part_of_map(const struct type *type, const struct sequence *sequence, const struct value *key) {
    for (size_t i = 0; i + 1 < sequence->count; i += 2)
        if (value_compare(type->key, &sequence->items[i], key) == 0)
            return sequence->items[i + 1];
    return VALUE_NULL;
}

static bool subscript_run(const struct node *node, struct node_run *run, const struct selection *selected,
                          struct vector *ret_vector) {
    const struct part_node *part = (const struct part_node *)node;
    const struct type *type = part->base->type;
    struct vector base, index, result;
    if (!node_run(part->base, run, selected, &base) || !node_run(part->index, run, selected, &index) ||
        !node_allocate(run, node->type, &result))
        return false;
    for (size_t i = 0; i < selected->count; i++) {
        struct value collection, at, found = VALUE_NULL;
        size_t row = selected->rows[i];
        vector_get(&base, row, &collection);
        vector_get(&index, row, &at);
        if (!collection.null && !at.null)
            found = type->kind == TYPE_ARRAY ? part_of_array(collection.sequence, at.integer)
                                             : part_of_map(type, collection.sequence, &at);
        vector_set(&result, row, &found);
    }
    *ret_vector = result;
    return true;
}

struct node *node_subscript(struct arena *arena, const struct node *base, const struct node *index) {
    struct part_node *made =
        node_new(arena, sizeof *made, base->type->element, subscript_run, base->varies || index->varies);
    if (!made)
        return NULL;
    made->base = base;
    made->index = index;
    return &made->node;
}

static bool field_run(const struct node *node, struct node_run *run, const struct selection *selected,
                      struct vector *ret_vector) {
    const struct part_node *part = (const struct part_node *)node;
    struct vector base, result;
    if (!node_run(part->base, run, selected, &base) || !node_allocate(run, node->type, &result))
        return false;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], from = row & base.mask;
        vector_set(&result, row, base.nulls[from] ? &VALUE_NULL : &base.sequences[from]->items[part->field]);
    }
    *ret_vector = result;
    return true;
}

struct node *node_field(struct arena *arena, const struct type *type, const struct node *base, size_t field) {
    struct part_node *made = node_new(arena, sizeof *made, type, field_run, base->varies);
    if (!made)
        return NULL;
    made->base = base;
    made->field = field;
    return &made->node;
}
