/* The door of the compiler, and its leaves: literals, columns, CAST. */
#include "sql/expression/compiler.h"

#include "sql/catalog/type_resolve.h"
#include "sql/syntax/lexer.h"
#include <stdarg.h>
#include <stdio.h>

/* --- errors
 * ------------------------------------------------------------------------------------------------------------------ */

int compiler_fail(struct compiler *compiler, struct place place, const char *format, ...) {
    char message[sizeof compiler->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return place_error(compiler->error, place, "%s", message);
}

bool compiler_nested_null(struct compiler *compiler) {
    if (compiler->settings->notes)
        compiler->settings->notes->nested_errors = true;
    return compiler->settings->nested_errors_null;
}

int compiler_no_memory(struct compiler *compiler) {
    return error_no_memory(compiler->error);
}

const char *compiler_type_text(struct compiler *compiler, const struct type *type) {
    struct slice text = type_text(compiler->arena, type);
    return text.data ? text.data : "?";
}

/* --- nodes
 * ------------------------------------------------------------------------------------------------------------------ */

int compiler_made(struct compiler *compiler, struct node *made, const struct node **ret_node) {
    struct value value;
    bool failed;
    if (!made)
        return compiler_no_memory(compiler);
    *ret_node = made;
    if (made->varies)
        return 0;
    if (!node_evaluate(compiler->arena, made, compiler->slot_count, &value, &failed))
        return compiler_no_memory(compiler);
    if (failed) {
        made->varies = true;
        return 0;
    }
    const struct node *constant = node_constant(compiler->arena, made->type, &value);
    *ret_node = constant ? constant : made;
    return constant ? 0 : compiler_no_memory(compiler);
}

static int compiler_constant(struct compiler *compiler, const struct type *type, struct value value,
                             const struct node **ret_node) {
    *ret_node = type ? node_constant(compiler->arena, type, &value) : NULL;
    return *ret_node ? 0 : compiler_no_memory(compiler);
}

/* --- literals
 * ------------------------------------------------------------------------------------------------------------------ */

/* Digits from the first that is not 0, but at least those after the point. */
static int compiler_decimal(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    unsigned whole = 0, scale = 0;
    bool behind = false;
    decimal value;
    for (size_t i = 0; i < tree->text.length; i++) {
        char c = tree->text.data[i];
        behind |= c == '.';
        if (c < '0' || c > '9')
            continue;
        scale += behind;
        whole += !behind && (whole || c != '0');
    }
    unsigned precision = whole + scale ? whole + scale : 1;
    if (precision > TYPE_PRECISION_MAXIMUM ||
        !decimal_read(tree->text, (struct decimal_shape){precision, scale}, &value))
        return compiler_fail(compiler, tree->place,
                             "a DECIMAL has at most %d digits; write the number with an exponent to make it a DOUBLE",
                             TYPE_PRECISION_MAXIMUM);
    return compiler_constant(compiler, type_decimal(compiler->arena, precision, scale), value_of_decimal(value),
                             ret_node);
}

static int compiler_literal(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    switch (tree->kind) {
    case EXPRESSION_NULL:
        return compiler_constant(compiler, &type_null, VALUE_NULL, ret_node);
    case EXPRESSION_BOOLEAN:
        return compiler_constant(compiler, &type_boolean, value_of_boolean(tree->boolean), ret_node);
    case EXPRESSION_INTEGER: {
        bool small = tree->integer >= INT32_MIN && tree->integer <= INT32_MAX;
        return compiler_constant(compiler, small ? &type_integer : &type_bigint, value_of_integer(tree->integer),
                                 ret_node);
    }
    case EXPRESSION_DOUBLE:
        return compiler_constant(compiler, &type_double, value_of_number(tree->number), ret_node);
    case EXPRESSION_STRING:
        return compiler_constant(compiler, &type_string, value_of_text(tree->text), ret_node);
    default:
        return compiler_decimal(compiler, tree, ret_node);
    }
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct compiler_parameter *compiler_parameter_of(const struct compiler *compiler,
                                                              const struct expression *tree) {
    const struct compiler_parameter *parameter = tree->qualifier.data ? NULL : compiler->parameters;
    while (parameter && !slice_equal(parameter->name, tree->name))
        parameter = parameter->outer;
    return parameter;
}

static int compiler_column(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    const struct scope_column *column;
    int status = scope_find(compiler->scope, tree, &column, compiler->error);
    if (status < 0)
        return status;
    *ret_node = node_column(compiler->arena, column->type, column->index);
    return *ret_node ? 0 : compiler_no_memory(compiler);
}

/* --- CAST
 * ------------------------------------------------------------------------------------------------------------------ */

static int compiler_cast(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    const struct type *type;
    struct operand operand;
    int status = compiler_operand(compiler, tree->children[0], &operand);
    if (status == 0)
        status = type_resolve(tree->type, compiler->catalog, compiler->arena, &type, compiler->error);
    if (status < 0)
        return status;
    if (compiler_is_null(operand.node))
        return compiler_constant(compiler, type, VALUE_NULL, ret_node);
    if (!type_castable(operand.node->type, type))
        return compiler_fail(compiler, tree->place, "Cast of %s to %s is not supported",
                             compiler_type_text(compiler, operand.node->type), compiler_type_text(compiler, type));
    return compiler_made(compiler, node_cast(compiler->arena, type, operand.node, compiler_nested_null(compiler)),
                         ret_node);
}

/* --- trees
 * ------------------------------------------------------------------------------------------------------------------ */

static int compiler_binary(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    return tree->op >= OPERATOR_EQUAL ? compiler_comparison(compiler, tree, ret_node)
                                      : compiler_arithmetic(compiler, tree, ret_node);
}

static int compiler_kind(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    switch (tree->kind) {
    case EXPRESSION_COLUMN:
        return compiler_column(compiler, tree, ret_node);
    case EXPRESSION_UNARY:
        return compiler_unary(compiler, tree, ret_node);
    case EXPRESSION_BINARY:
        return compiler_binary(compiler, tree, ret_node);
    case EXPRESSION_LOGICAL:
        return compiler_logical(compiler, tree, ret_node);
    case EXPRESSION_BETWEEN:
        return compiler_between(compiler, tree, ret_node);
    case EXPRESSION_IN:
        return compiler_in(compiler, tree, ret_node);
    case EXPRESSION_LIKE:
        return compiler_like(compiler, tree, ret_node);
    case EXPRESSION_IS_NULL:
        return compiler_is_null_test(compiler, tree, ret_node);
    case EXPRESSION_CASE:
        return compiler_case(compiler, tree, ret_node);
    case EXPRESSION_CAST:
        return compiler_cast(compiler, tree, ret_node);
    case EXPRESSION_CALL:
        return compiler_call(compiler, tree, ret_node);
    case EXPRESSION_ARRAY:
    case EXPRESSION_MAP:
    case EXPRESSION_STRUCT:
    case EXPRESSION_SUBSCRIPT:
    case EXPRESSION_FIELD:
        return compiler_collection(compiler, tree, ret_node);
    case EXPRESSION_ALL_FIELDS:
        return compiler_fail(compiler, tree->place, "->* stands for several columns: it can only be an item of SELECT");
    case EXPRESSION_LAMBDA:
        return compiler_fail(compiler, tree->place, "a lambda can only be an argument of a function that takes one");
    default:
        return compiler_literal(compiler, tree, ret_node);
    }
}

int compiler_tree(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    const struct compiler_parameter *parameter =
        tree->kind == EXPRESSION_COLUMN ? compiler_parameter_of(compiler, tree) : NULL;
    if (parameter) {
        *ret_node = node_slot(compiler->arena, parameter->type, parameter->slot);
        return *ret_node ? 0 : compiler_no_memory(compiler);
    }
    return compiler_kind(compiler, tree, ret_node);
}

int compiler_operand(struct compiler *compiler, const struct expression *tree, struct operand *ret_operand) {
    ret_operand->tree = tree;
    return compiler_tree(compiler, tree, &ret_operand->node);
}

int compiler_children(struct compiler *compiler, const struct expression *tree, size_t first,
                      struct operand **ret_operands) {
    struct operand *operands = arena_allocate(compiler->arena, (tree->child_count - first) * sizeof *operands);
    if (!operands)
        return compiler_no_memory(compiler);
    for (size_t i = first; i < tree->child_count; i++) {
        int status = compiler_operand(compiler, tree->children[i], &operands[i - first]);
        if (status < 0)
            return status;
    }
    *ret_operands = operands;
    return 0;
}

/* --- the door
 * ------------------------------------------------------------------------------------------------------------------ */

static struct compiler compiler_new(const struct scope *scope, const struct catalog *catalog,
                                    const struct compile_settings *settings, struct arena *arena, struct error *error) {
    return (struct compiler){.scope = scope, .catalog = catalog, .settings = settings, .arena = arena, .error = error};
}

static int compiler_finish(struct compiler *compiler, const struct node *root, const struct evaluator **ret_evaluator) {
    const struct evaluator *evaluator = node_evaluator(compiler->arena, root, compiler->slot_count);
    if (!evaluator)
        return compiler_no_memory(compiler);
    *ret_evaluator = evaluator;
    return 0;
}

static int compiler_root(struct compiler *compiler, const struct expression *tree,
                         const struct evaluator **ret_evaluator) {
    const struct node *root;
    int status = compiler_tree(compiler, tree, &root);
    if (status < 0)
        return status;
    if (compiler_type_is_open(root->type))
        return compiler_fail(compiler, tree->place, "the type of NULL is not known here: write CAST(NULL AS type)");
    return compiler_finish(compiler, root, ret_evaluator);
}

int compile_expression(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                       const struct compile_settings *settings, struct arena *arena,
                       const struct evaluator **ret_evaluator, struct error *error) {
    struct compiler compiler = compiler_new(scope, catalog, settings, arena, error);
    return compiler_root(&compiler, tree, ret_evaluator);
}

int compile_table_call(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                       const struct compile_settings *settings, struct arena *arena,
                       const struct evaluator **ret_evaluator, struct error *error) {
    struct compiler compiler = compiler_new(scope, catalog, settings, arena, error);
    compiler.table_call = tree;
    return compiler_root(&compiler, tree, ret_evaluator);
}

int compile_condition(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                      const struct compile_settings *settings, struct arena *arena,
                      const struct evaluator **ret_evaluator, struct error *error) {
    struct compiler compiler = compiler_new(scope, catalog, settings, arena, error);
    struct operand root;
    int status = compiler_operand(&compiler, tree, &root);
    if (status == 0)
        status = compiler_check_boolean(&compiler, &root, "a condition");
    return status < 0 ? status : compiler_finish(&compiler, root.node, ret_evaluator);
}

int compile_assignment(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                       const struct compile_settings *settings, const struct type *type, struct arena *arena,
                       const struct evaluator **ret_evaluator, struct error *error) {
    struct compiler compiler = compiler_new(scope, catalog, settings, arena, error);
    struct operand root;
    const struct node *assigned = NULL;
    int status = compiler_operand(&compiler, tree, &root);
    if (status < 0)
        return status;
    if (type_coercible(root.node->type, type))
        status = compiler_convert(&compiler, root.node, type, &assigned);
    else if (compiler_is_literal(tree))
        status = compiler_convert_literal(&compiler, &root, type, &assigned);
    if (status < 0)
        return status;
    if (!assigned)
        return compiler_fail(&compiler, tree->place, "%s cannot be assigned to %s",
                             compiler_type_text(&compiler, root.node->type), compiler_type_text(&compiler, type));
    return compiler_finish(&compiler, assigned, ret_evaluator);
}
