/* Which types go together without a CAST (ksqlDB, "Type Coercion"): numbers widen, collections by their parts;
 * literals may be more:
 *
 *     any literal                       as STRING
 *     a STRING with a number            as a number
 *     a STRING with true, false, yes, no, or a beginning of one    as BOOLEAN
 *     a STRING with a date or time      as DATE, TIME, TIMESTAMP
 *
 * A literal is what is written as one: 1 + 1 is none. */
#include <strings.h>

#include "model/java_number.h"
#include "sql/expression/compiler.h"

bool compiler_is_literal(const struct expression *tree) {
    return tree->kind <= EXPRESSION_STRING;
}

bool compiler_is_null(const struct node *node) {
    return node->type->kind == TYPE_NULL;
}

bool compiler_type_is_open(const struct type *type) {
    if (type->kind == TYPE_NULL || (type->key && compiler_type_is_open(type->key)) ||
        (type->element && compiler_type_is_open(type->element)))
        return true;
    for (size_t i = 0; i < type->field_count; i++)
        if (compiler_type_is_open(type->fields[i].type))
            return true;
    return false;
}

int compiler_convert(struct compiler *compiler, const struct node *node, const struct type *type,
                     const struct node **ret_node) {
    *ret_node = node;
    if (type_equal(node->type, type))
        return 0;
    if (compiler_is_null(node)) {
        *ret_node = node_constant(compiler->arena, type, &VALUE_NULL);
        return *ret_node ? 0 : compiler_no_memory(compiler);
    }
    return compiler_made(compiler, node_cast(compiler->arena, type, node, false), ret_node);
}

/* --- literals
 * ------------------------------------------------------------------------------------------------------------------ */

static bool compiler_begins(struct slice text, const char *word) {
    return text.length > 0 && text.length <= strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

static bool compiler_text_is_boolean(struct slice text) {
    return compiler_begins(text, "true") || compiler_begins(text, "false") || compiler_begins(text, "yes") ||
           compiler_begins(text, "no");
}

/* A number in a text: the narrowest type that holds it. */
static const struct type *compiler_type_of_number(struct compiler *compiler, struct slice text) {
    int64_t integer;
    double number;
    decimal exact;
    text = java_trim(text);
    if (java_read_integer(text, INT32_MIN, INT32_MAX, &integer))
        return &type_integer;
    if (java_read_integer(text, INT64_MIN, INT64_MAX, &integer))
        return &type_bigint;
    const char *point = memchr(text.data, '.', text.length);
    size_t scale = point ? (size_t)(text.data + text.length - point) - 1 : 0,
           sign = text.length && (*text.data == '-' || *text.data == '+');
    size_t digits = text.length - sign - (point != NULL);
    if (!memchr(text.data, 'e', text.length) && !memchr(text.data, 'E', text.length) && digits >= 1 &&
        digits <= TYPE_PRECISION_MAXIMUM &&
        decimal_read(text, (struct decimal_shape){(unsigned)digits, (unsigned)scale}, &exact))
        return type_decimal(compiler->arena, (unsigned)digits, (unsigned)scale);
    return java_read_double(text, &number) ? &type_double : NULL;
}

/* Does the conversion keep every digit? */
static bool compiler_same_number(const struct operand *literal, const struct node *converted) {
    const struct type *from = literal->node->type, *to = converted->type;
    const struct value *before = &((const struct constant_node *)literal->node)->value,
                       *after = &((const struct constant_node *)converted)->value;
    if (to->kind != TYPE_DECIMAL)
        return false;
    return decimal_compare(from->kind == TYPE_DECIMAL ? before->decimal : before->integer,
                           from->kind == TYPE_DECIMAL ? from->scale : 0, after->decimal, to->scale) == 0;
}

static bool compiler_literal_may_be(struct compiler *compiler, const struct operand *literal, const struct type *type) {
    struct slice text = literal->tree->text;
    if (type->kind == TYPE_STRING)
        return literal->tree->kind != EXPRESSION_NULL;
    if (literal->tree->kind == EXPRESSION_INTEGER || literal->tree->kind == EXPRESSION_DECIMAL)
        return type->kind == TYPE_DECIMAL;
    if (literal->tree->kind != EXPRESSION_STRING)
        return false;
    if (type->kind == TYPE_BOOLEAN)
        return compiler_text_is_boolean(text);
    if (!type_is_numeric(type))
        return type_is_time(type);
    const struct type *number = compiler_type_of_number(compiler, text);
    return number && type_coercible(number, type);
}

int compiler_convert_literal(struct compiler *compiler, const struct operand *literal, const struct type *type,
                             const struct node **ret_node) {
    const struct node *converted;
    *ret_node = NULL;
    if (!compiler_literal_may_be(compiler, literal, type))
        return 0;
    int status = compiler_convert(compiler, literal->node, type, &converted);
    if (status < 0 || converted->kind != NODE_CONSTANT)
        return status;
    bool exact = literal->tree->kind == EXPRESSION_STRING || type->kind == TYPE_STRING ||
                 compiler_same_number(literal, converted);
    *ret_node = exact ? converted : NULL;
    return 0;
}

/* --- lists
 * ------------------------------------------------------------------------------------------------------------------ */

/* What the first that is not NULL asks of the others: a type that `operand` has or may be taken for, widened to hold
 * both. NULL: none. */
static int compiler_widen(struct compiler *compiler, const struct type *common, const struct operand *operand,
                          const struct type **ret_type) {
    bool failed = false;
    const struct type *type = operand->node->type;
    bool text = operand->tree->kind == EXPRESSION_STRING && type->kind == TYPE_STRING;
    if (text && type_is_numeric(common))
        type = compiler_type_of_number(compiler, operand->tree->text);
    else if (text && common->kind == TYPE_BOOLEAN)
        type = compiler_text_is_boolean(operand->tree->text) ? &type_boolean : NULL;
    else if ((text && type_is_time(common)) || (common->kind == TYPE_STRING && compiler_is_literal(operand->tree)))
        type = common;
    *ret_type = type ? type_common(compiler->arena, common, type, &failed) : NULL;
    return failed ? compiler_no_memory(compiler) : 0;
}

/* *ret_count: how many operands go together; *ret_type is of those. */
static int compiler_common(struct compiler *compiler, const struct operand *operands, size_t count,
                           const struct type **ret_type, size_t *ret_count) {
    const struct type *common = &type_null;
    size_t i = 0;
    for (; i < count; i++) {
        const struct type *wider = operands[i].node->type;
        int status = common->kind == TYPE_NULL ? 0 : compiler_widen(compiler, common, &operands[i], &wider);
        if (status < 0)
            return status;
        if (!wider)
            break;
        common = wider;
    }
    *ret_type = common;
    *ret_count = i;
    return 0;
}

int compiler_common_type(struct compiler *compiler, const struct operand *operands, size_t count,
                         const struct type **ret_type) {
    const struct type *common;
    size_t fitting;
    int status = compiler_common(compiler, operands, count, &common, &fitting);
    if (status == 0)
        *ret_type = fitting == count ? common : NULL;
    return status;
}

int compiler_unify(struct compiler *compiler, struct place place, const char *what, struct operand *operands,
                   size_t count, const struct type **ret_type) {
    const struct type *common;
    size_t fitting;
    int status = compiler_common(compiler, operands, count, &common, &fitting);
    if (status == 0 && fitting < count)
        return compiler_fail(compiler, place, "%s needs values of one type: %s and %s have none in common", what,
                             compiler_type_text(compiler, common),
                             compiler_type_text(compiler, operands[fitting].node->type));
    for (size_t i = 0; status == 0 && i < count; i++) {
        const struct operand before = operands[i];
        status = compiler_convert(compiler, before.node, common, &operands[i].node);
        if (status == 0 && compiler_is_literal(before.tree) && operands[i].node->kind != NODE_CONSTANT)
            return compiler_fail(compiler, before.tree->place, "'%.*s' is no %s", (int)before.tree->text.length,
                                 before.tree->text.data, compiler_type_text(compiler, common));
    }
    if (status == 0)
        *ret_type = common;
    return status;
}
