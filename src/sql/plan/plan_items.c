/* SELECT's list: * written out, names given to what has none, and which of the items are the key. */
#include <limits.h>
#include <stdio.h>

#include "core/memory.h"
#include "sql/expression/rewrite.h"
#include "sql/plan/plan_draft.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "sql/syntax/print.h"

struct plan_item_list {
    struct plan_item *items;
    size_t count, room;
};

static int plan_list_item(struct plan_draft *draft, struct plan_item_list *list, const struct plan_item *item,
                          struct error *error) {
    if (!item->name.data)
        return error_no_memory(error);
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct plan_item *items = arena_allocate(draft->arena, room * sizeof *items);
        if (!items)
            return error_no_memory(error);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *item;
    return 0;
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

static bool plan_is_listed(const struct plan_item_list *list, struct slice name) {
    for (size_t i = 0; i < list->count; i++)
        if (slice_equal(list->items[i].name, name))
            return true;
    return false;
}

/* Is there a column of this name in more than one source? */
static bool plan_is_ambiguous(const struct plan_draft *draft, struct slice name) {
    size_t found = 0;
    for (size_t i = 0; i < draft->side_count; i++)
        found += source_column(draft->sides[i].source, name) != NULL ||
                 (draft->side_count > 1 && source_is_system_column(name));
    return found > 1;
}

static struct slice plan_join_name(struct plan_draft *draft, struct slice qualifier, struct slice name) {
    size_t length = qualifier.length + 1 + name.length;
    char *text = arena_allocate(draft->arena, length + 1);
    if (text)
        snprintf(text, length + 1, "%.*s_%.*s", (int)qualifier.length, qualifier.data, (int)name.length, name.data);
    return (struct slice){text, length};
}

/* Does an item have this name of its own, by an alias or as a column that only one source has? */
static bool plan_is_claimed(const struct plan_draft *draft, struct slice name) {
    for (size_t i = 0; i < draft->query->item_count; i++) {
        const struct select_item *item = &draft->query->items[i];
        const struct expression *tree = item->expression;
        bool column = item->kind == SELECT_EXPRESSION && tree->kind == EXPRESSION_COLUMN;
        if (item->alias.name.data ? slice_equal(item->alias.name, name)
                                  : column && slice_equal(tree->name, name) && !plan_is_ambiguous(draft, name))
            return true;
    }
    return false;
}

static bool plan_is_taken(const struct plan_draft *draft, struct slice name) {
    for (size_t i = 0; i < draft->side_count; i++)
        if (source_column(draft->sides[i].source, name))
            return true;
    return false;
}

/* NAME, NAME_1, NAME_2, ..: the first that no column of the list has yet, nor what `other` knows (NULL: nothing). */
static struct slice plan_free_name(struct plan_draft *draft, struct slice name, const struct plan_item_list *list,
                                   bool (*other)(const struct plan_draft *draft, struct slice name)) {
    size_t length = name.length + 24;
    struct slice tried = name;
    for (size_t number = 1; plan_is_listed(list, tried) || (other && other(draft, tried)); number++) {
        char *text = arena_allocate(draft->arena, length);
        if (!text)
            return (struct slice){0};
        tried = (struct slice){text, (size_t)snprintf(text, length, "%.*s_%zu", (int)name.length, name.data, number)};
    }
    return tried;
}

/* SOURCE_NAME, with a number where that is another's. */
static struct slice plan_side_name(struct plan_draft *draft, const struct scope_column *column,
                                   const struct plan_item_list *list) {
    struct slice name = plan_join_name(draft, column->qualifier, column->name);
    return name.data ? plan_free_name(draft, name, list, plan_is_claimed) : name;
}

/* KSQL_COL_0, KSQL_COL_1, .. */
static struct slice plan_generated_name(struct plan_draft *draft, size_t *counter) {
    char text[32];
    struct slice name = {text, 0};
    do
        name.length = (size_t)snprintf(text, sizeof text, "KSQL_COL_%zu", (*counter)++);
    while (plan_is_taken(draft, name));
    return arena_copy(draft->arena, name);
}

static struct slice plan_item_name(struct plan_draft *draft, const struct select_item *item,
                                   const struct plan_item_list *list, size_t *counter) {
    const struct expression *tree = item->expression;
    const struct scope_column *column;
    if (item->alias.name.data)
        return item->alias.name;
    if (tree->kind == EXPRESSION_FIELD)
        return plan_free_name(draft, tree->name, list, NULL);
    if (tree->kind != EXPRESSION_COLUMN)
        return plan_generated_name(draft, counter);
    if (draft->side_count > 1 && plan_is_ambiguous(draft, tree->name) &&
        scope_find(&draft->sources, tree, &column, NULL) == 0 && column->qualifier.data)
        return plan_side_name(draft, column, list);
    return tree->name;
}

/* --- the list
 * ------------------------------------------------------------------------------------------------------------------ */

static int plan_add_column(struct plan_draft *draft, const struct scope_column *column, struct place place,
                           struct plan_item_list *list, struct error *error) {
    struct slice name =
        draft->side_count > 1 && column->qualifier.data ? plan_side_name(draft, column, list) : column->name;
    const struct evaluator *evaluator = compile_column(column->type, column->index, draft->arena);
    if (!evaluator)
        return error_no_memory(error);
    return plan_list_item(
        draft, list, &(struct plan_item){.evaluator = evaluator, .name = name, .place = place, .index = column->index},
        error);
}

static bool plan_is_written(const struct plan_draft *draft, const struct expression *tree) {
    for (size_t i = 0; i < draft->query->item_count; i++) {
        const struct expression *written = draft->query->items[i].expression;
        if (written && expression_equal(&draft->sources, written, tree))
            return true;
    }
    return false;
}

/* What PARTITION BY computes, or a pseudo column, is part of a *; a column of the sources is there anyway. */
static int plan_add_computed_keys(struct plan_draft *draft, struct place place, size_t *counter,
                                  struct plan_item_list *list, struct error *error) {
    for (size_t k = 0; k < draft->key_count; k++) {
        const struct plan_key *key = &draft->keys[k];
        struct plan_item item = {.tree = key->tree, .place = place, .index = INT_MIN};
        if (!key->tree || (key->index_count && key->indices[0] >= 0) || plan_is_written(draft, key->tree))
            continue;
        int status = plan_compile(draft, key->tree, &item.evaluator, error);
        if (status)
            return status;
        item.index = compile_is_column(item.evaluator);
        item.name = key->tree->kind == EXPRESSION_FIELD ? plan_free_name(draft, key->tree->name, list, plan_is_taken)
                                                        : plan_generated_name(draft, counter);
        status = plan_list_item(draft, list, &item, error);
        if (status)
            return status;
    }
    return 0;
}

/* Keys, perhaps the bounds of the window, then the others; after PARTITION BY the former keys are the last. */
static int plan_add_all(struct plan_draft *draft, const struct select_item *item, size_t *counter,
                        struct plan_item_list *list, struct error *error) {
    bool bounds = item->kind == SELECT_ALL && draft->use == PLAN_TRANSIENT && draft->node->schema.windowed,
         parted = draft->query->partition_by.count > 0, found = false;
    int status = parted ? plan_add_computed_keys(draft, item->place, counter, list, error) : 0;
    for (size_t pass = parted; pass < 3 + (size_t)parted && !status; pass++)
        for (size_t i = 0; i < draft->scope.column_count && !status; i++) {
            const struct scope_column *column = &draft->scope.columns[i];
            bool system = column->index < 0 || source_is_system_column(column->name) || column->name.data[0] == '\x01',
                 window = column->index == SCOPE_WINDOWSTART || column->index == SCOPE_WINDOWEND;
            bool key =
                column->index >= 0 && (size_t)column->index < draft->node->schema.key_count && draft->side_count == 1;
            bool wanted = pass % 3 == 0 ? key : pass == 1 ? bounds && window : !system && !key;
            if (item->kind == SELECT_ALL_OF && !slice_equal(column->qualifier, item->source.name))
                continue;
            found = true;
            if (wanted)
                status = plan_add_column(draft, column, item->place, list, error);
        }
    if (!status && !found)
        return place_error(error, item->source.place, "there is no source called %.*s in the query",
                           names_shown(item->source.name), item->source.name.data);
    return status;
}

static int plan_add_expression(struct plan_draft *draft, const struct select_item *item, const struct expression *tree,
                               size_t *counter, struct plan_item_list *list, struct error *error) {
    struct plan_item added = {
        .tree = item->expression, .place = item->alias.name.data ? item->alias.place : item->place, .index = INT_MIN};
    int status = plan_compile(draft, tree, &added.evaluator, error);
    if (status)
        return status;
    added.index = compile_is_column(added.evaluator);
    added.name = plan_item_name(draft, item, list, counter);
    return plan_list_item(draft, list, &added, error);
}

/* a->*: a column for each field. */
static int plan_add_fields(struct plan_draft *draft, const struct select_item *item, const struct expression *tree,
                           struct plan_item_list *list, struct error *error) {
    const struct expression *base = tree->children[0];
    const struct evaluator *evaluator;
    int status = plan_compile(draft, base, &evaluator, error);
    if (status)
        return status;
    if (evaluator->type->kind != TYPE_STRUCT)
        return place_error(error, item->place, "->* is for a STRUCT");
    for (size_t i = 0; i < evaluator->type->field_count; i++) {
        struct expression *field = arena_allocate(draft->arena, sizeof *field),
                          **children = arena_allocate(draft->arena, sizeof(struct expression *));
        if (!field || !children)
            return error_no_memory(error);
        children[0] = (struct expression *)base;
        *field = (struct expression){.kind = EXPRESSION_FIELD,
                                     .place = item->place,
                                     .height = base->height + 1,
                                     .name = evaluator->type->fields[i].name,
                                     .children = children,
                                     .child_count = 1};
        struct plan_item added = {
            .place = item->place, .index = INT_MIN, .name = plan_free_name(draft, field->name, list, NULL)};
        added.tree = base == item->expression->children[0] ? field : NULL;
        status = plan_compile(draft, field, &added.evaluator, error);
        if (!status)
            status = plan_list_item(draft, list, &added, error);
        if (status)
            return status;
    }
    return 0;
}

int plan_items(struct plan_draft *draft, const struct expression *const *rewritten, struct plan_item **ret_items,
               size_t *ret_count, struct error *error) {
    struct plan_item_list list = {0};
    size_t counter = 0;
    int status = 0;
    for (size_t i = 0; i < draft->query->item_count && !status; i++) {
        const struct select_item *item = &draft->query->items[i];
        const struct expression *tree = rewritten ? rewritten[i] : item->expression;
        if (item->kind != SELECT_EXPRESSION)
            status = plan_add_all(draft, item, &counter, &list, error);
        else if (item->expression->kind == EXPRESSION_ALL_FIELDS)
            status = plan_add_fields(draft, item, tree, &list, error);
        else
            status = plan_add_expression(draft, item, tree, &counter, &list, error);
    }
    if (!status) {
        *ret_items = list.items;
        *ret_count = list.count;
    }
    return status;
}

/* --- keys and values
 * --------------------------------------------------------------------------------------------------------------- */

static bool plan_is_key_item(const struct plan_draft *draft, const struct plan_item *item, const struct plan_key *key,
                             size_t choice) {
    if (choice < key->index_count)
        return item->index == key->indices[choice];
    return key->tree && item->tree && expression_equal(&draft->sources, item->tree, key->tree);
}

static int plan_key_twice(const struct plan_key *key, const struct plan_item *first, const struct plan_item *second,
                          struct error *error) {
    return place_error(error, second->place,
                       "the projection contains the key column %.*s more than once, as %.*s and %.*s; to copy it into "
                       "the value use AS_VALUE",
                       names_shown(key->name), key->name.data, names_shown(first->name), first->name.data,
                       names_shown(second->name), second->name.data);
}

/* The item that is the key's column; SIZE_MAX: there is none. */
static int plan_find_key_item(const struct plan_draft *draft, const struct plan_key *key, const struct plan_item *items,
                              size_t count, size_t *ret_item, struct error *error) {
    size_t choices = key->index_count + (key->tree != NULL);
    *ret_item = SIZE_MAX;
    for (size_t choice = 0; choice < choices && *ret_item == SIZE_MAX; choice++)
        for (size_t i = 0; i < count; i++) {
            if (!plan_is_key_item(draft, &items[i], key, choice))
                continue;
            if (*ret_item != SIZE_MAX)
                return plan_key_twice(key, &items[*ret_item], &items[i], error);
            *ret_item = i;
        }
    return 0;
}

static int plan_key_missing(const struct plan_draft *draft, const struct plan_key *key, struct error *error) {
    return place_error(error, draft->query->place,
                       "key missing from the projection: the query must include the key column %.*s (SELECT %.*s, ..)",
                       names_shown(key->name), key->name.data, names_shown(key->name), key->name.data);
}

/* Which item is which key column: ret_items[k]. */
static int plan_find_keys(const struct plan_draft *draft, const struct plan_item *items, size_t count,
                          size_t *ret_items, bool *ret_taken, struct error *error) {
    for (size_t k = 0; k < draft->key_count; k++) {
        int status = plan_find_key_item(draft, &draft->keys[k], items, count, &ret_items[k], error);
        if (status)
            return status;
        if (ret_items[k] == SIZE_MAX)
            return plan_key_missing(draft, &draft->keys[k], error);
        ret_taken[ret_items[k]] = true;
    }
    return 0;
}

static void plan_set_column(struct plan_draft *draft, const struct plan_item *item, bool key, struct source_column *to,
                            struct row_column *row, const struct evaluator **evaluator) {
    enum column_role role = !key ? COLUMN_VALUE : draft->table ? COLUMN_PRIMARY_KEY : COLUMN_KEY;
    *to = (struct source_column){.name = item->name, .type = item->evaluator->type, .role = role, .place = item->place};
    *row = (struct row_column){item->name, item->evaluator->type};
    *evaluator = item->evaluator;
}

/* "A, B + 1 AS C": the list as it is understood, for EXPLAIN. */
static const char *plan_item_texts(struct plan_draft *draft, const struct plan_item *items, size_t count) {
    cleanup(bytes_release) struct bytes text = {0};
    for (size_t i = 0; i < count; i++) {
        bytes_append_string(&text, i ? ", " : "");
        if (items[i].tree &&
            !(items[i].tree->kind == EXPRESSION_COLUMN && slice_equal(items[i].tree->name, items[i].name))) {
            print_expression(&text, items[i].tree);
            bytes_append_string(&text, " AS ");
        }
        print_name(&text, items[i].name);
    }
    struct slice copy = text.failed ? (struct slice){0} : arena_copy(draft->arena, bytes_slice(&text));
    return copy.data ? copy.data : "";
}

int plan_project(struct plan_draft *draft, const struct plan_item *items, size_t count, struct plan_result *ret_result,
                 struct error *error) {
    size_t keys = draft->use == PLAN_PERSISTENT ? draft->key_count : 0, at = 0;
    struct node_plan *node = plan_node(draft, NODE_PROJECT, draft->node, error);
    struct row_column *columns;
    size_t *key_items = arena_allocate(draft->arena, (keys + 1) * sizeof *key_items);
    bool *taken = arena_allocate(draft->arena, count + 1);
    const struct evaluator **evaluators = arena_allocate(draft->arena, (count + 1) * sizeof(struct evaluator *));
    struct source_column *result = arena_allocate(draft->arena, (count + 1) * sizeof *result);
    if (!node)
        return ERROR_NO_MEMORY;
    if (!key_items || !taken || !evaluators || !result ||
        !plan_schema(draft, count, keys, draft->node->schema.windowed, &node->schema, &columns))
        return error_no_memory(error);
    memset(taken, 0, count);
    int status = keys ? plan_find_keys(draft, items, count, key_items, taken, error) : 0;
    if (status)
        return status;
    if (draft->use == PLAN_PERSISTENT && count == keys)
        return place_error(error, draft->query->place, "the projection contains no value columns");
    for (size_t k = 0; k < keys; k++, at++) {
        plan_set_column(draft, &items[key_items[k]], true, &result[at], &columns[at], &evaluators[at]);
        evaluators[at] = draft->keys[k].evaluator ? draft->keys[k].evaluator : evaluators[at];
    }
    for (size_t i = 0; i < count; i++)
        if (!taken[i]) {
            plan_set_column(draft, &items[i], false, &result[at], &columns[at], &evaluators[at]);
            at++;
        }
    node->project = (struct project_plan){.columns = evaluators, .table = draft->table};
    node->text = plan_item_texts(draft, items, count);
    draft->node = node;
    ret_result->columns = result;
    ret_result->column_count = count;
    ret_result->key_count = keys;
    return 0;
}
