/* ARRAY[..], MAP(..), STRUCT(..), a[i] and a->f. */
#include "sql/expression/compiler.h"
#include "sql/syntax/names.h"

static int collection_nodes(struct compiler *compiler, const struct operand *operands, size_t count,
                            const struct type *type, const struct node **ret_node) {
    const struct node **nodes = arena_allocate(compiler->arena, count * sizeof *nodes);
    if (!nodes || !type)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < count; i++)
        nodes[i] = operands[i].node;
    return compiler_made(
        compiler, node_sequence(compiler->arena, type, nodes, count, compiler->settings->nested_errors_null), ret_node);
}

static int collection_array(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand *operands;
    const struct type *element;
    int status = compiler_children(compiler, tree, 0, &operands);
    if (status == 0)
        status = compiler_unify(compiler, tree->place, "ARRAY", operands, tree->child_count, &element);
    return status < 0 ? status
                      : collection_nodes(compiler, operands, tree->child_count, type_array(compiler->arena, element),
                                         ret_node);
}

/* Keys are unified apart from values: those at `first`, first + 2, .. */
static int collection_unify_half(struct compiler *compiler, const struct expression *tree, const char *what,
                                 struct operand *operands, size_t first, const struct type **ret_type) {
    size_t half = tree->child_count / 2;
    struct operand *picked = arena_allocate(compiler->arena, half * sizeof *picked);
    if (!picked)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < half; i++)
        picked[i] = operands[2 * i + first];
    int status = compiler_unify(compiler, tree->place, what, picked, half, ret_type);
    for (size_t i = 0; i < half; i++)
        operands[2 * i + first] = picked[i];
    return status;
}

static int collection_map(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand *operands;
    const struct type *key, *value;
    int status = compiler_children(compiler, tree, 0, &operands);
    if (status == 0)
        status = collection_unify_half(compiler, tree, "MAP", operands, 0, &key);
    if (status == 0)
        status = collection_unify_half(compiler, tree, "MAP", operands, 1, &value);
    return status < 0 ? status
                      : collection_nodes(compiler, operands, tree->child_count, type_map(compiler->arena, key, value),
                                         ret_node);
}

static int collection_struct(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand *operands;
    size_t count = tree->child_count, duplicate;
    struct type_field *fields = arena_allocate(compiler->arena, count * sizeof *fields);
    struct slice *names = arena_allocate(compiler->arena, count * sizeof *names);
    if (!fields || !names)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < count; i++)
        names[i] = tree->names[i].name;
    if (!names_find_duplicate(names, count, &duplicate))
        return compiler_no_memory(compiler);
    if (duplicate < count)
        return compiler_fail(compiler, tree->names[duplicate].place, "field %.*s is there twice",
                             names_shown(names[duplicate]), names[duplicate].data);
    int status = compiler_children(compiler, tree, 0, &operands);
    if (status < 0)
        return status;
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct type_field){names[i], operands[i].node->type};
    return collection_nodes(compiler, operands, count, type_struct(compiler->arena, fields, count), ret_node);
}

static int collection_subscript(struct compiler *compiler, const struct expression *tree,
                                const struct node **ret_node) {
    struct operand base, index;
    int status = compiler_operand(compiler, tree->children[0], &base);
    if (status == 0)
        status = compiler_operand(compiler, tree->children[1], &index);
    if (status < 0)
        return status;
    const struct type *type = base.node->type, *given = index.node->type;
    if (type->kind != TYPE_ARRAY && type->kind != TYPE_MAP)
        return compiler_fail(compiler, tree->place,
                             "only an ARRAY or a MAP has elements to be taken by [..], and this is %s",
                             compiler_type_text(compiler, type));
    const struct type *wanted = type->kind == TYPE_MAP ? type->key : &type_bigint;
    if (!type_coercible(given, wanted))
        return compiler_fail(compiler, index.tree->place, "%s is taken by %s, not by %s",
                             type->kind == TYPE_MAP ? "an element of this MAP" : "an element of an ARRAY",
                             compiler_type_text(compiler, type->kind == TYPE_MAP ? wanted : &type_integer),
                             compiler_type_text(compiler, given));
    status = compiler_convert(compiler, index.node, wanted, &index.node);
    return status < 0 ? status
                      : compiler_made(compiler, node_subscript(compiler->arena, base.node, index.node), ret_node);
}

static int collection_no_field(struct compiler *compiler, const struct expression *tree, const struct type *type) {
    char suggestion[NAMES_SUGGESTION_SIZE];
    const char **names = arena_allocate(compiler->arena, type->field_count * sizeof *names);
    if (!names)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < type->field_count; i++) {
        names[i] = arena_copy(compiler->arena, type->fields[i].name).data;
        if (!names[i])
            return compiler_no_memory(compiler);
    }
    return compiler_fail(compiler, tree->place, "there is no field %.*s in %s%s", names_shown(tree->name),
                         tree->name.data, compiler_type_text(compiler, type),
                         names_suggest(suggestion, tree->name, names, type->field_count));
}

static int collection_field(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    const struct node *base;
    int status = compiler_tree(compiler, tree->children[0], &base);
    if (status < 0)
        return status;
    if (base->type->kind != TYPE_STRUCT)
        return compiler_fail(compiler, tree->place, "only a STRUCT has fields to be taken by ->, and this is %s",
                             compiler_type_text(compiler, base->type));
    const struct type_field *field = type_find_field(base->type, tree->name);
    if (!field)
        return collection_no_field(compiler, tree, base->type);
    return compiler_made(compiler, node_field(compiler->arena, field->type, base, (size_t)(field - base->type->fields)),
                         ret_node);
}

int compiler_collection(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    switch (tree->kind) {
    case EXPRESSION_ARRAY:
        return collection_array(compiler, tree, ret_node);
    case EXPRESSION_MAP:
        return collection_map(compiler, tree, ret_node);
    case EXPRESSION_STRUCT:
        return collection_struct(compiler, tree, ret_node);
    case EXPRESSION_SUBSCRIPT:
        return collection_subscript(compiler, tree, ret_node);
    default:
        return collection_field(compiler, tree, ret_node);
    }
}
