#include "sql/expression/scope.h"

#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

static bool scope_fits(const struct scope_column *column, const struct expression *reference) {
    return slice_equal(column->name, reference->name) &&
           (!reference->qualifier.data ||
            (column->qualifier.data && slice_equal(column->qualifier, reference->qualifier)));
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
        return place_error(error, reference->place, "there is no source %.*s here%s", names_shown(qualifier),
                           qualifier.data, names_nearest(suggestion, qualifier, names, count));
    }
    for (size_t i = 0; i < scope->column_count && count < NAMES_NEAREST_MAXIMUM; i++)
        if (!qualifier.data ||
            (scope->columns[i].qualifier.data && slice_equal(scope->columns[i].qualifier, qualifier)))
            names[count++] = scope->columns[i].name;
    return place_error(error, reference->place, "there is no column %.*s%s", names_shown(name), name.data,
                       names_nearest(suggestion, name, names, count));
}

int scope_find(const struct scope *scope, const struct expression *reference, const struct scope_column **ret_column,
               struct error *error) {
    const struct scope_column *found = NULL;
    if (scope->forbidden)
        return place_error(error, reference->place, "column %.*s cannot be used %s", names_shown(reference->name),
                           reference->name.data, scope->forbidden);
    for (size_t i = 0; i < scope->column_count; i++) {
        const struct scope_column *column = &scope->columns[i];
        if (!scope_fits(column, reference))
            continue;
        if (found && column->index != found->index)
            return place_error(error, reference->place, "column %.*s is ambiguous: write %.*s.%.*s or %.*s.%.*s",
                               names_shown(reference->name), reference->name.data, names_shown(found->qualifier),
                               found->qualifier.data, names_shown(found->name), found->name.data,
                               names_shown(column->qualifier), column->qualifier.data, names_shown(column->name),
                               column->name.data);
        found = found ? found : column;
    }
    if (!found)
        return scope_unknown(scope, reference, error);
    *ret_column = found;
    return 0;
}
