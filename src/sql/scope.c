#include "sql/scope.h"

#include "sql/lexer.h"
#include "sql/names.h"

static bool scope_fits(const struct scope_column *column, const struct expression *reference) {
    return slice_equal(column->name, reference->name) && (!reference->qualifier.data || (column->qualifier.data && slice_equal(column->qualifier, reference->qualifier)));
}

static bool scope_has_source(const struct scope *scope, struct slice qualifier) {
    for (size_t i = 0; i < scope->column_count; i++)
        if (scope->columns[i].qualifier.data && slice_equal(scope->columns[i].qualifier, qualifier))
            return true;
    return false;
}

static int scope_unknown(const struct scope *scope, const struct expression *reference, struct error *error) {
    struct slice qualifier = reference->qualifier, name = reference->name, names[NAMES_NEAREST_MAXIMUM];
    char suggestion[NAMES_SUGGESTION_SIZE];
    size_t count = 0;
    if (qualifier.data && !scope_has_source(scope, qualifier)) {
        for (size_t i = 0; i < scope->column_count && count < NAMES_NEAREST_MAXIMUM; i++)
            if (scope->columns[i].qualifier.data)
                names[count++] = scope->columns[i].qualifier;
        return place_error(error, reference->place, "there is no source %.*s here%s", names_shown(qualifier), qualifier.data, names_nearest(suggestion, qualifier, names, count));
    }
    for (size_t i = 0; i < scope->column_count && count < NAMES_NEAREST_MAXIMUM; i++)
        if (!qualifier.data || (scope->columns[i].qualifier.data && slice_equal(scope->columns[i].qualifier, qualifier)))
            names[count++] = scope->columns[i].name;
    return place_error(error, reference->place, "there is no column %.*s%s", names_shown(name), name.data, names_nearest(suggestion, name, names, count));
}

int scope_find(const struct scope *scope, const struct expression *reference, const struct scope_column **ret_column, struct error *error) {
    const struct scope_column *found = NULL;
    if (scope->forbidden)
        return place_error(error, reference->place, "column %.*s cannot be used %s", names_shown(reference->name), reference->name.data, scope->forbidden);
    for (size_t i = 0; i < scope->column_count; i++) {
        const struct scope_column *column = &scope->columns[i];
        if (!scope_fits(column, reference))
            continue;
        if (found && column->index != found->index)
            return place_error(error, reference->place, "column %.*s is ambiguous: write %.*s.%.*s or %.*s.%.*s", names_shown(reference->name), reference->name.data,
                               names_shown(found->qualifier), found->qualifier.data, names_shown(found->name), found->name.data, names_shown(column->qualifier),
                               column->qualifier.data, names_shown(column->name), column->name.data);
        found = found ? found : column;
    }
    if (!found)
        return scope_unknown(scope, reference, error);
    *ret_column = found;
    return 0;
}

/* --- trees that stand for columns -------------------------------------------------------------------------------------------------- */

/* Both found: by what they mean. Else by their names, where a qualifier that is missing may be any. */
static bool scope_same_column(const struct scope *scope, const struct expression *a, const struct expression *b) {
    const struct scope_column *left, *right;
    if (scope_find(scope, a, &left, NULL) == 0 && scope_find(scope, b, &right, NULL) == 0)
        return left->index == right->index;
    return slice_equal(a->name, b->name) && (!a->qualifier.data || !b->qualifier.data || slice_equal(a->qualifier, b->qualifier));
}

static bool scope_same_type_name(const struct type_name *a, const struct type_name *b) {
    if (!a || !b)
        return a == b;
    bool same = a->kind == b->kind && slice_equal(a->name, b->name) && a->quoted == b->quoted && a->part_count == b->part_count && a->parameter_count == b->parameter_count;
    for (unsigned i = 0; same && i < a->parameter_count; i++)
        same = a->parameters[i] == b->parameters[i];
    for (size_t i = 0; same && i < a->part_count; i++)
        same = scope_same_type_name(a->parts[i], b->parts[i]) && (a->kind != TYPE_NAME_STRUCT || slice_equal(a->names[i].name, b->names[i].name));
    return same;
}

/* Of one node, without what is below it. A name means something but in a column. */
static bool scope_same_node(const struct expression *a, const struct expression *b) {
    bool same = a->operator == b->operator && a->child_count == b->child_count && a->negated == b->negated && a->star == b->star && a->has_operand == b->has_operand &&
                a->has_else == b->has_else && a->boolean == b->boolean && slice_equal(a->name, b->name) && slice_equal(a->text, b->text) &&
                a->name_count == b->name_count && scope_same_type_name(a->type, b->type);
    for (size_t i = 0; same && i < a->name_count; i++)
        same = slice_equal(a->names[i].name, b->names[i].name);
    return same;
}

bool scope_same_tree(const struct scope *scope, const struct expression *a, const struct expression *b) {
    if (a == b)
        return true;
    if (a->kind != b->kind)
        return false;
    if (a->kind == EXPRESSION_COLUMN)
        return scope_same_column(scope, a, b);
    if (!scope_same_node(a, b))
        return false;
    for (size_t i = 0; i < a->child_count; i++)
        if (!scope_same_tree(scope, a->children[i], b->children[i]))
            return false;
    return true;
}
