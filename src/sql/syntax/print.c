/* Names, types and expressions. An operand that binds more loosely than its place allows is put in parentheses. */
#include "sql/syntax/print.h"
#include "sql/syntax/token.h"

#include <inttypes.h>

/* --- names and strings
 * ------------------------------------------------------------------------------------------------------------- */

/* In quotes, the quote doubled; "${" with another dollar, so that it stays what it is where variables are filled in. */
static void print_quoted(struct bytes *to, struct slice text, char quote) {
    bytes_append_char(to, quote);
    for (size_t i = 0; i < text.length; i++) {
        bool doubled = text.data[i] == quote || (text.data[i] == '$' && i + 1 < text.length && text.data[i + 1] == '{');
        bytes_append_char(to, text.data[i]);
        if (doubled)
            bytes_append_char(to, text.data[i]);
    }
    bytes_append_char(to, quote);
}

void print_string(struct bytes *to, struct slice text) {
    print_quoted(to, text, '\'');
}

/* Words that are no names where a name may stand: ARRAY[..], MAP(..), STRUCT(..), TERMINATE ALL, DESCRIBE FUNCTION
 * x. */
static bool print_ambiguous(enum keyword keyword) {
    switch (keyword) {
    case KEYWORD_ALL:
    case KEYWORD_ARRAY:
    case KEYWORD_CONNECTOR:
    case KEYWORD_EXTENDED:
    case KEYWORD_FUNCTION:
    case KEYWORD_MAP:
    case KEYWORD_STREAMS:
    case KEYWORD_STRUCT:
    case KEYWORD_TABLES:
        return true;
    default:
        return keyword_reserved(keyword);
    }
}

static bool print_bare(struct slice name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (!((c >= 'A' && c <= 'Z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return name.length > 0 && !print_ambiguous(keyword_find(name));
}

void print_name(struct bytes *to, struct slice name) {
    if (print_bare(name))
        bytes_append_slice(to, name);
    else
        print_quoted(to, name, '`');
}

/* --- types
 * ------------------------------------------------------------------------------------------------------------------ */

void print_type_name(struct bytes *to, const struct type_name *type) {
    static const char *const heads[] = {
        [TYPE_NAME_ARRAY] = "ARRAY<", [TYPE_NAME_MAP] = "MAP<", [TYPE_NAME_STRUCT] = "STRUCT<"};
    if (type->kind == TYPE_NAME_PLAIN) {
        if (type->quoted)
            print_quoted(to, type->name, '`');
        else
            print_name(to, type->name);
        for (unsigned i = 0; i < type->parameter_count; i++)
            bytes_append_format(to, "%s%" PRId32, i == 0 ? "(" : ", ", type->parameters[i]);
        bytes_append_string(to, type->parameter_count ? ")" : "");
        return;
    }
    bytes_append_string(to, heads[type->kind]);
    for (size_t i = 0; i < type->part_count; i++) {
        bytes_append_string(to, i == 0 ? "" : ", ");
        if (type->kind == TYPE_NAME_STRUCT) {
            print_name(to, type->names[i].name);
            bytes_append_char(to, ' ');
        }
        print_type_name(to, type->parts[i]);
    }
    bytes_append_char(to, '>');
}

/* --- expressions
 * ------------------------------------------------------------------------------------------------------------------ */

/* How tightly a node holds together, as in parser_expression.c. */
enum binding {
    BINDING_OR,
    BINDING_AND,
    BINDING_NOT,
    BINDING_PREDICATE,
    BINDING_CONCAT,
    BINDING_ADD,
    BINDING_MULTIPLY,
    BINDING_SIGN,
    BINDING_WHOLE
};

struct operator_row {
    const char *text;
    enum binding binding;
};

static const struct operator_row print_operators[] = {
    [OPERATOR_NEGATE] = {"-", BINDING_SIGN},
    [OPERATOR_PLUS] = {"+", BINDING_SIGN},
    [OPERATOR_NOT] = {"NOT ", BINDING_NOT},
    [OPERATOR_ADD] = {" + ", BINDING_ADD},
    [OPERATOR_SUBTRACT] = {" - ", BINDING_ADD},
    [OPERATOR_MULTIPLY] = {" * ", BINDING_MULTIPLY},
    [OPERATOR_DIVIDE] = {" / ", BINDING_MULTIPLY},
    [OPERATOR_MODULO] = {" % ", BINDING_MULTIPLY},
    [OPERATOR_CONCAT] = {" || ", BINDING_CONCAT},
    [OPERATOR_EQUAL] = {" = ", BINDING_PREDICATE},
    [OPERATOR_NOT_EQUAL] = {" <> ", BINDING_PREDICATE},
    [OPERATOR_LESS] = {" < ", BINDING_PREDICATE},
    [OPERATOR_LESS_EQUAL] = {" <= ", BINDING_PREDICATE},
    [OPERATOR_GREATER] = {" > ", BINDING_PREDICATE},
    [OPERATOR_GREATER_EQUAL] = {" >= ", BINDING_PREDICATE},
    [OPERATOR_IS_DISTINCT] = {" IS DISTINCT FROM ", BINDING_PREDICATE},
    [OPERATOR_IS_NOT_DISTINCT] = {" IS NOT DISTINCT FROM ", BINDING_PREDICATE},
    [OPERATOR_AND] = {" AND ", BINDING_AND},
    [OPERATOR_OR] = {" OR ", BINDING_OR},
};

static bool print_number(const struct expression *node) {
    return node->kind == EXPRESSION_INTEGER || node->kind == EXPRESSION_DECIMAL || node->kind == EXPRESSION_DOUBLE;
}

static bool print_negative(const struct expression *node) {
    return print_number(node) && node->text.data[0] == '-';
}

static enum binding print_binding(const struct expression *node) {
    switch (node->kind) {
    case EXPRESSION_UNARY:
    case EXPRESSION_BINARY:
    case EXPRESSION_LOGICAL:
        return print_operators[node->op].binding;
    case EXPRESSION_BETWEEN:
    case EXPRESSION_IN:
    case EXPRESSION_LIKE:
    case EXPRESSION_IS_NULL:
        return BINDING_PREDICATE;
    default:
        return print_negative(node) ? BINDING_SIGN : BINDING_WHOLE;
    }
}

static void print_operand(struct bytes *to, const struct expression *node, enum binding loosest) {
    bool parentheses = print_binding(node) < loosest;
    bytes_append_string(to, parentheses ? "(" : "");
    print_expression(to, node);
    bytes_append_string(to, parentheses ? ")" : "");
}

static void print_list(struct bytes *to, struct expression *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bytes_append_string(to, i == 0 ? "" : ", ");
        print_expression(to, items[i]);
    }
}

/* A minus would become part of a bare number after it, and two of them a comment. */
static void print_unary(struct bytes *to, const struct expression *node) {
    const struct expression *operand = node->children[0], *first = operand;
    bool minus = node->op == OPERATOR_NEGATE;
    while (first->kind == EXPRESSION_SUBSCRIPT || first->kind == EXPRESSION_FIELD)
        first = first->children[0];
    bool number = minus && print_number(first) && !print_negative(first);
    bool twice =
        minus && ((operand->kind == EXPRESSION_UNARY && operand->op == OPERATOR_NEGATE) || print_negative(operand));
    bytes_append_string(to, print_operators[node->op].text);
    bytes_append_string(to, twice ? " " : "");
    print_operand(to, operand, number ? BINDING_WHOLE + 1 : print_operators[node->op].binding);
}

static void print_binary(struct bytes *to, const struct expression *node) {
    enum binding binding = print_operators[node->op].binding;
    print_operand(to, node->children[0], binding == BINDING_PREDICATE ? BINDING_CONCAT : binding);
    bytes_append_string(to, print_operators[node->op].text);
    print_operand(to, node->children[1], binding + 1);
}

static void print_logical(struct bytes *to, const struct expression *node) {
    for (size_t i = 0; i < node->child_count; i++) {
        bytes_append_string(to, i == 0 ? "" : print_operators[node->op].text);
        print_operand(to, node->children[i], print_operators[node->op].binding + 1);
    }
}

static void print_predicate(struct bytes *to, const struct expression *node) {
    const char *not = node->negated ? " NOT" : "";
    print_operand(to, node->children[0], BINDING_CONCAT);
    if (node->kind == EXPRESSION_IS_NULL) {
        bytes_append_format(to, " IS%s NULL", not );
    } else if (node->kind == EXPRESSION_BETWEEN) {
        bytes_append_format(to, "%s BETWEEN ", not );
        print_operand(to, node->children[1], BINDING_CONCAT);
        bytes_append_string(to, " AND ");
        print_operand(to, node->children[2], BINDING_CONCAT);
    } else if (node->kind == EXPRESSION_IN) {
        bytes_append_format(to, "%s IN (", not );
        print_list(to, node->children + 1, node->child_count - 1);
        bytes_append_char(to, ')');
    } else {
        bytes_append_format(to, "%s LIKE ", not );
        print_operand(to, node->children[1], BINDING_CONCAT);
        bytes_append_string(to, node->text.data ? " ESCAPE " : "");
        if (node->text.data)
            print_string(to, node->text);
    }
}

static void print_case(struct bytes *to, const struct expression *node) {
    size_t i = 0;
    bytes_append_string(to, "CASE");
    if (node->has_operand) {
        bytes_append_char(to, ' ');
        print_expression(to, node->children[i++]);
    }
    for (; i + 1 < node->child_count; i += 2) {
        bytes_append_string(to, " WHEN ");
        print_expression(to, node->children[i]);
        bytes_append_string(to, " THEN ");
        print_expression(to, node->children[i + 1]);
    }
    if (node->has_else) {
        bytes_append_string(to, " ELSE ");
        print_expression(to, node->children[i]);
    }
    bytes_append_string(to, " END");
}

static void print_call(struct bytes *to, const struct expression *node) {
    print_name(to, node->name);
    bytes_append_string(to, node->star ? "(*" : "(");
    print_list(to, node->children, node->child_count);
    bytes_append_char(to, ')');
}

static void print_map(struct bytes *to, const struct expression *node) {
    bytes_append_string(to, "MAP(");
    for (size_t i = 0; i < node->child_count; i++) {
        bytes_append_string(to, i == 0 ? "" : i % 2 ? " := " : ", ");
        print_expression(to, node->children[i]);
    }
    bytes_append_char(to, ')');
}

static void print_struct(struct bytes *to, const struct expression *node) {
    bytes_append_string(to, "STRUCT(");
    for (size_t i = 0; i < node->child_count; i++) {
        bytes_append_string(to, i == 0 ? "" : ", ");
        print_name(to, node->names[i].name);
        bytes_append_string(to, " := ");
        print_expression(to, node->children[i]);
    }
    bytes_append_char(to, ')');
}

static void print_lambda(struct bytes *to, const struct expression *node) {
    bytes_append_string(to, node->name_count == 1 ? "" : "(");
    for (size_t i = 0; i < node->name_count; i++) {
        bytes_append_string(to, i == 0 ? "" : ", ");
        print_name(to, node->names[i].name);
    }
    bytes_append_string(to, node->name_count == 1 ? " => " : ") => ");
    print_expression(to, node->children[0]);
}

static void print_follow(struct bytes *to, const struct expression *node) {
    print_operand(to, node->children[0], BINDING_WHOLE);
    if (node->kind == EXPRESSION_SUBSCRIPT) {
        bytes_append_char(to, '[');
        print_expression(to, node->children[1]);
        bytes_append_char(to, ']');
        return;
    }
    bytes_append_string(to, node->kind == EXPRESSION_FIELD ? "->" : "->*");
    if (node->kind == EXPRESSION_FIELD)
        print_name(to, node->name);
}

static void print_leaf(struct bytes *to, const struct expression *node) {
    switch (node->kind) {
    case EXPRESSION_NULL:
        bytes_append_string(to, "NULL");
        break;
    case EXPRESSION_BOOLEAN:
        bytes_append_string(to, node->boolean ? "TRUE" : "FALSE");
        break;
    case EXPRESSION_STRING:
        print_string(to, node->text);
        break;
    case EXPRESSION_COLUMN:
        if (node->qualifier.data) {
            print_name(to, node->qualifier);
            bytes_append_char(to, '.');
        }
        print_name(to, node->name);
        break;
    default:
        bytes_append_slice(to, node->text);
        break;
    }
}

void print_expression(struct bytes *to, const struct expression *node) {
    switch (node->kind) {
    case EXPRESSION_UNARY:
        print_unary(to, node);
        break;
    case EXPRESSION_BINARY:
        print_binary(to, node);
        break;
    case EXPRESSION_LOGICAL:
        print_logical(to, node);
        break;
    case EXPRESSION_BETWEEN:
    case EXPRESSION_IN:
    case EXPRESSION_LIKE:
    case EXPRESSION_IS_NULL:
        print_predicate(to, node);
        break;
    case EXPRESSION_CASE:
        print_case(to, node);
        break;
    case EXPRESSION_CAST:
        bytes_append_string(to, "CAST(");
        print_expression(to, node->children[0]);
        bytes_append_string(to, " AS ");
        print_type_name(to, node->type);
        bytes_append_char(to, ')');
        break;
    case EXPRESSION_CALL:
        print_call(to, node);
        break;
    case EXPRESSION_ARRAY:
        bytes_append_string(to, "ARRAY[");
        print_list(to, node->children, node->child_count);
        bytes_append_char(to, ']');
        break;
    case EXPRESSION_MAP:
        print_map(to, node);
        break;
    case EXPRESSION_STRUCT:
        print_struct(to, node);
        break;
    case EXPRESSION_SUBSCRIPT:
    case EXPRESSION_FIELD:
    case EXPRESSION_ALL_FIELDS:
        print_follow(to, node);
        break;
    case EXPRESSION_LAMBDA:
        print_lambda(to, node);
        break;
    default:
        print_leaf(to, node);
        break;
    }
}
