/* Calls: which variant of a function fits the arguments, and what they are brought to.
 *
 * Arguments but lambdas are compiled first and choose the variant; then lambdas, from the first to the last, with
 * the types of parameters that the function tells from what is known so far; last the type of the result. To the
 * function the type of a lambda is that of its body. */
#include "sql/expression/compiler.h"
#include "sql/syntax/names.h"
#include "stream/aggregate/aggregate_function.h"

/* A call that is being compiled. */
struct call {
    const struct expression *tree;
    const struct function *function;
    struct operand *operands;  /* node NULL: a lambda, not compiled yet */
    bool *units;               /* a bare word for a unit of time */
    const struct type **types; /* of the operands; NULL: a lambda */
    size_t count;
};

/* --- arguments
 * ------------------------------------------------------------------------------------------------------------------ */

static enum parameter_kind call_parameter(const struct function_variant *variant, size_t index) {
    return variant->parameters[index < variant->parameter_count ? index : variant->parameter_count - 1];
}

static bool call_takes_count(const struct function_variant *variant, size_t count) {
    return variant->variadic ? count + 1 >= variant->parameter_count : count == variant->parameter_count;
}

/* May argument `index` be a unit of time? */
static bool call_takes_unit(const struct function *function, size_t index) {
    for (size_t i = 0; i < function->variant_count; i++) {
        const struct function_variant *variant = &function->variants[i];
        if ((index < variant->parameter_count || (variant->variadic && variant->parameter_count)) &&
            call_parameter(variant, index) == PARAMETER_UNIT)
            return true;
    }
    return false;
}

/* DAY, DAYS, .. */
static bool call_is_unit(struct slice word) {
    static const char *const units[] = {"MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t length = strlen(units[i]);
        bool plural = word.length == length + 1 && word.data[length] == 'S';
        if ((word.length == length || plural) && memcmp(word.data, units[i], length) == 0)
            return true;
    }
    return false;
}

static bool call_finds_column(const struct compiler *compiler, const struct expression *tree) {
    const struct scope_column *column;
    return scope_find(compiler->scope, tree, &column, NULL) == 0;
}

static int call_argument_of(struct compiler *compiler, struct call *call, size_t index) {
    const struct expression *tree = call->tree->children[index];
    call->operands[index] = (struct operand){tree, NULL};
    call->units[index] = tree->kind == EXPRESSION_COLUMN && !tree->qualifier.data && call_is_unit(tree->name) &&
                         call_takes_unit(call->function, index);
    if (call->units[index]) {
        struct value word = value_of_text(tree->name);
        call->operands[index].node = node_constant(compiler->arena, &type_string, &word);
        if (!call->operands[index].node)
            return compiler_no_memory(compiler);
    } else if (tree->kind == EXPRESSION_COLUMN && !tree->qualifier.data && !call_finds_column(compiler, tree) &&
               call_takes_unit(call->function, index)) {
        return compiler_fail(compiler, tree->place,
                             "%.*s is no unit of time; use DAYS, HOURS, MINUTES, SECONDS or MILLISECONDS",
                             names_shown(tree->name), tree->name.data);
    } else if (tree->kind != EXPRESSION_LAMBDA) {
        int status = compiler_tree(compiler, tree, &call->operands[index].node);
        if (status < 0)
            return status;
    }
    call->types[index] = call->operands[index].node ? call->operands[index].node->type : NULL;
    return 0;
}

static int call_arguments_of(struct compiler *compiler, struct call *call) {
    size_t count = call->tree->child_count;
    call->count = count;
    call->operands = arena_allocate(compiler->arena, count * sizeof *call->operands);
    call->units = arena_allocate(compiler->arena, count * sizeof *call->units);
    call->types = arena_allocate(compiler->arena, count * sizeof *call->types);
    if (!call->operands || !call->units || !call->types)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < count; i++) {
        int status = call_argument_of(compiler, call, i);
        if (status < 0)
            return status;
    }
    return 0;
}

/* --- the variant
 * ------------------------------------------------------------------------------------------------------------------ */

/* The type that a parameter of a simple kind has; NULL: the kind is not simple. */
static const struct type *call_simple_type(enum parameter_kind kind) {
    static const struct type *const types[] = {
        [PARAMETER_BOOLEAN] = &type_boolean,     [PARAMETER_INTEGER] = &type_integer,
        [PARAMETER_BIGINT] = &type_bigint,       [PARAMETER_DOUBLE] = &type_double,
        [PARAMETER_STRING] = &type_string,       [PARAMETER_BYTES] = &type_bytes,
        [PARAMETER_DATE] = &type_date,           [PARAMETER_TIME] = &type_time,
        [PARAMETER_TIMESTAMP] = &type_timestamp,
    };
    return kind <= PARAMETER_TIMESTAMP ? types[kind] : NULL;
}

static bool call_fits_kind(const struct call *call, size_t index, enum parameter_kind kind, bool exact) {
    const struct type *type = call->types[index], *simple = call_simple_type(kind);
    if (kind == PARAMETER_LAMBDA || !type)
        return kind == PARAMETER_LAMBDA && !type;
    if (kind == PARAMETER_UNIT || call->units[index])
        return kind == PARAMETER_UNIT && call->units[index];
    if (simple)
        return type->kind == TYPE_NULL || (exact ? type->kind == simple->kind : type_coercible(type, simple));
    switch (kind) {
    case PARAMETER_DECIMAL:
        return type->kind == TYPE_DECIMAL || (!exact && (type->kind == TYPE_INTEGER || type->kind == TYPE_BIGINT));
    case PARAMETER_ARRAY:
        return type->kind == TYPE_ARRAY;
    case PARAMETER_MAP:
        return type->kind == TYPE_MAP;
    case PARAMETER_STRUCT:
        return type->kind == TYPE_STRUCT;
    default:
        return true;
    }
}

/* The common type of the arguments that must be the same. NULL: there are none, or (*ret_fit false) they do not go
 * together. */
static int call_same_type(struct compiler *compiler, const struct call *call, const struct function_variant *variant,
                          bool exact, const struct type **ret_type, bool *ret_fit) {
    struct operand *same = arena_allocate(compiler->arena, call->count * sizeof *same);
    size_t count = 0;
    *ret_type = NULL;
    if (!same)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < call->count; i++) {
        if (call_parameter(variant, i) != PARAMETER_SAME || !call->types[i])
            continue;
        same[count++] = call->operands[i];
        if (exact && !type_equal(same[0].node->type, call->types[i]))
            *ret_fit = false;
    }
    if (count == 0 || !*ret_fit)
        return 0;
    int status = compiler_common_type(compiler, same, count, ret_type);
    *ret_fit = status == 0 && *ret_type;
    return status;
}

static int call_fits(struct compiler *compiler, const struct call *call, const struct function_variant *variant,
                     bool exact, bool *ret_fit) {
    const struct type *same;
    *ret_fit = call_takes_count(variant, call->count);
    for (size_t i = 0; *ret_fit && i < call->count; i++)
        *ret_fit = call_fits_kind(call, i, call_parameter(variant, i), exact);
    return *ret_fit ? call_same_type(compiler, call, variant, exact, &same, ret_fit) : 0;
}

static int call_unfit(struct compiler *compiler, const struct call *call) {
    struct bytes text = {0};
    for (size_t i = 0; i < call->count; i++) {
        bytes_append_string(&text, i ? ", " : "");
        if (call->types[i])
            type_print(&text, call->types[i]);
        else
            bytes_append_string(&text, "LAMBDA");
    }
    struct slice types = bytes_slice(&text);
    int status = text.failed
                     ? compiler_no_memory(compiler)
                     : compiler_fail(compiler, call->tree->place, "%s does not take (%.*s); it is %s",
                                     call->function->name, (int)types.length, types.data, call->function->signature);
    bytes_release(&text);
    return status;
}

static int call_choose(struct compiler *compiler, const struct call *call,
                       const struct function_variant **ret_variant) {
    for (int exact = 1; exact >= 0; exact--) {
        for (size_t i = 0; i < call->function->variant_count; i++) {
            bool fit;
            int status = call_fits(compiler, call, &call->function->variants[i], exact, &fit);
            if (status < 0)
                return status;
            if (fit) {
                *ret_variant = &call->function->variants[i];
                return 0;
            }
        }
    }
    return call_unfit(compiler, call);
}

/* --- what the arguments are brought to
 * --------------------------------------------------------------------------------------------- */

static int call_convert_argument(struct compiler *compiler, struct call *call, size_t index, enum parameter_kind kind,
                                 const struct type *same) {
    struct operand *operand = &call->operands[index];
    const struct type *type = kind == PARAMETER_SAME ? same : call_simple_type(kind);
    unsigned precision, scale;
    if (kind == PARAMETER_DECIMAL && type_decimal_shape(operand->node->type, &precision, &scale)) {
        type = type_decimal(compiler->arena, precision, scale);
        if (!type)
            return compiler_no_memory(compiler);
    }
    if (!type)
        return 0;
    int status = compiler_convert(compiler, operand->node, type, &operand->node);
    if (status == 0)
        call->types[index] = operand->node->type;
    return status;
}

static int call_convert(struct compiler *compiler, struct call *call, const struct function_variant *variant) {
    const struct type *same;
    bool fit = true;
    int status = call_same_type(compiler, call, variant, false, &same, &fit);
    for (size_t i = 0; status == 0 && i < call->count; i++)
        if (call->types[i])
            status = call_convert_argument(compiler, call, i, call_parameter(variant, i), same);
    return status;
}

/* --- lambdas
 * ------------------------------------------------------------------------------------------------------------------ */

enum { CALL_PARAMETERS_MAXIMUM = 8 };

/* The body, with the parameters in view. */
static int call_lambda_body(struct compiler *compiler, const struct expression *tree, const struct type *const *types,
                            unsigned *slots, const struct node **ret_body) {
    struct compiler_parameter parameters[CALL_PARAMETERS_MAXIMUM];
    const struct compiler_parameter *outer = compiler->parameters;
    for (size_t i = 0; i < tree->name_count; i++) {
        slots[i] = compiler->slot_count++;
        parameters[i] = (struct compiler_parameter){compiler->parameters, tree->names[i].name, types[i], slots[i]};
        compiler->parameters = &parameters[i];
    }
    int status = compiler_tree(compiler, tree->children[0], ret_body);
    compiler->parameters = outer;
    return status;
}

static int call_lambda(struct compiler *compiler, struct call *call, size_t index, struct call_argument *ret_argument) {
    const struct expression *tree = call->operands[index].tree;
    const struct type *known[CALL_PARAMETERS_MAXIMUM] = {NULL};
    size_t count =
        call->function->lambda_types ? call->function->lambda_types(index, call->types, call->count, known) : 0;
    if (count == 0 || count > CALL_PARAMETERS_MAXIMUM)
        return call_unfit(compiler, call);
    if (count != tree->name_count)
        return compiler_fail(compiler, tree->place, "the lambda must have %zu parameter%s, and has %zu", count,
                             count == 1 ? "" : "s", tree->name_count);
    unsigned *slots = arena_allocate(compiler->arena, count * sizeof *slots);
    const struct type **types = arena_allocate(compiler->arena, count * sizeof *types);
    if (!slots || !types)
        return compiler_no_memory(compiler);
    memcpy(types, known, count * sizeof *types);
    int status = call_lambda_body(compiler, tree, types, slots, &call->operands[index].node);
    if (status < 0)
        return status;
    call->types[index] = call->operands[index].node->type;
    *ret_argument = (struct call_argument){call->operands[index].node, slots, types, count};
    return 0;
}

/* --- calls
 * ------------------------------------------------------------------------------------------------------------------ */

static int call_result(struct compiler *compiler, const struct call *call, const struct function_variant *variant,
                       const struct type **ret_type) {
    const char *problem = NULL;
    *ret_type =
        variant->result ? variant->result : variant->result_of(compiler->arena, call->types, call->count, &problem);
    if (*ret_type)
        return 0;
    return problem ? compiler_fail(compiler, call->tree->place, "%s: %s", call->function->name, problem)
                   : compiler_no_memory(compiler);
}

/* Places are counted over all expressions of a statement: RANDOM() AS A, RANDOM() AS B are two numbers. */
static uint32_t call_place(const struct compiler *compiler, const struct function *function) {
    struct compile_notes *notes = compiler->settings->notes;
    return function->changing && notes ? notes->places++ : 0;
}

static int call_finish(struct compiler *compiler, struct call *call, const struct function_variant *variant,
                       const struct node **ret_node) {
    struct call_argument *arguments = arena_allocate(compiler->arena, call->count * sizeof *arguments);
    const struct type *result;
    int status = arguments ? call_convert(compiler, call, variant) : compiler_no_memory(compiler);
    for (size_t i = 0; status == 0 && i < call->count; i++) {
        if (call->types[i])
            arguments[i] = (struct call_argument){.node = call->operands[i].node};
        else
            status = call_lambda(compiler, call, i, &arguments[i]);
    }
    if (status == 0)
        status = call_result(compiler, call, variant, &result);
    if (status < 0)
        return status;
    return compiler_made(compiler,
                         node_call(compiler->arena, call->function, variant, result, arguments, call->count,
                                   compiler_nested_null(compiler), call_place(compiler, call->function)),
                         ret_node);
}

static int call_unknown(struct compiler *compiler, const struct expression *tree) {
    char suggestion[NAMES_SUGGESTION_SIZE];
    size_t count;
    const struct function *const *all = functions_all(&count);
    const char **names = arena_allocate(compiler->arena, count * sizeof *names);
    if (!names)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < count; i++)
        names[i] = all[i]->name;
    if (aggregate_function_find(tree->name))
        return compiler_fail(compiler, tree->place,
                             "%.*s is an aggregate function: it can only stand in the SELECT list or HAVING of a query "
                             "with GROUP BY, and not inside another one",
                             names_shown(tree->name), tree->name.data);
    return compiler_fail(compiler, tree->place, "there is no function %.*s%s", names_shown(tree->name), tree->name.data,
                         names_suggest(suggestion, tree->name, names, count));
}

int compiler_call(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct call call = {.tree = tree, .function = function_find(tree->name)};
    const struct function_variant *variant;
    if (!call.function)
        return call_unknown(compiler, tree);
    if (call.function->gives_rows && tree != compiler->table_call)
        return compiler_fail(compiler, tree->place, "%s gives rows: it can only stand among the items of SELECT",
                             call.function->name);
    if (tree->star)
        return compiler_fail(compiler, tree->place, "%s(*): only COUNT takes a star", call.function->name);
    int status = call_arguments_of(compiler, &call);
    if (status == 0)
        status = call_choose(compiler, &call, &variant);
    return status < 0 ? status : call_finish(compiler, &call, variant, ret_node);
}
