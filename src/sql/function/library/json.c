/* JSON in texts. What is not JSON gives NULL. */
#include "sql/function/library/functions.h"

#include "sql/function/library/json_text.h"

/* *ret_tree NULL: the text is no JSON. False: no memory. */
static bool read_tree(struct slice text, json_t **ret_tree) {
    struct error error = {0};
    json_t *tree = NULL;
    if (json_tree_read(text, &tree, &error) < 0 && error.code == ERROR_NO_MEMORY)
        return false;
    *ret_tree = tree;
    return true;
}

static bool give_json(struct function_call *call, const json_t *tree, struct value *ret_value) {
    struct bytes text = {0};
    json_text_tree(&text, tree);
    return function_give_bytes(call, &text, ret_value);
}

/* --- EXTRACTJSONFIELD
 * ------------------------------------------------------------------------------------------------------------------ */

static bool extract_field(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    json_t *tree;
    const char *problem;
    if (!read_tree(arguments[0].text, &tree))
        return false;
    if (!tree)
        return function_give_null(ret_value);
    const json_t *found = json_text_find(tree, arguments[1].text, &problem);
    bool good;
    if (problem)
        good = function_fail(call, "'%.*s': %s", function_shown(arguments[1].text), arguments[1].text.data, problem);
    else if (!found || json_is_null(found))
        good = function_give_null(ret_value);
    else if (json_is_string(found))
        good = function_give_text(call, (struct slice){json_string_value(found), json_string_length(found)}, ret_value);
    else
        good = give_json(call, found, ret_value);
    json_decref(tree);
    return good;
}

/* --- what a text holds
 * ------------------------------------------------------------------------------------------------------------------ */

static bool is_json(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    json_t *tree = NULL;
    (void)call;
    if (!arguments[0].null && !read_tree(arguments[0].text, &tree))
        return false;
    *ret_value = value_of_boolean(tree != NULL);
    json_decref(tree);
    return true;
}

static bool array_length(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    json_t *tree;
    (void)call;
    if (!read_tree(arguments[0].text, &tree))
        return false;
    *ret_value = json_is_array(tree) ? value_of_integer((int64_t)json_array_size(tree)) : VALUE_NULL;
    json_decref(tree);
    return true;
}

static const struct type *result_contains(struct arena *arena, const struct type *const *types, size_t count,
                                          const char **ret_problem) {
    (void)arena, (void)count;
    enum type_kind kind = types[1]->kind;
    if (kind == TYPE_NULL || kind == TYPE_BOOLEAN || kind == TYPE_STRING || type_is_numeric(types[1]))
        return &type_boolean;
    *ret_problem = "a BOOLEAN, a number or a STRING is expected";
    return NULL;
}

static bool equals_json(const struct type *type, const struct value *value, const json_t *item) {
    if (value->null)
        return json_is_null(item);
    if (type->kind == TYPE_STRING)
        return json_is_string(item) &&
               slice_equal(value->text, (struct slice){json_string_value(item), json_string_length(item)});
    if (type->kind == TYPE_BOOLEAN)
        return json_is_boolean(item) && json_is_true(item) == value->boolean;
    struct value number =
        json_is_integer(item) ? value_of_integer(json_integer_value(item)) : value_of_number(json_number_value(item));
    return json_is_number(item) &&
           function_equal(type, value, json_is_integer(item) ? &type_bigint : &type_double, &number);
}

static bool array_contains(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    json_t *tree = NULL;
    bool found = false;
    if (!arguments[0].null && !read_tree(arguments[0].text, &tree))
        return false;
    for (size_t i = 0; !found && i < json_array_size(tree); i++)
        found = equals_json(call->types[1], &arguments[1], json_array_get(tree, i));
    *ret_value = value_of_boolean(found);
    json_decref(tree);
    return true;
}

/* --- taken apart
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct type *result_records(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem) {
    (void)types, (void)count, (void)ret_problem;
    return type_map(arena, &type_string, &type_string);
}

/* The names of an object's members and, `pairs`, their values in turn; or (an array) its items. */
static bool give_members(struct function_call *call, const json_t *tree, bool pairs, struct value *ret_value) {
    bool array = json_is_array(tree);
    size_t count = array ? json_array_size(tree) : json_object_size(tree) * (1 + pairs), i = 0;
    struct value *items = function_items(call, count);
    if (!items)
        return false;
    for (; array && i < count; i++)
        if (!give_json(call, json_array_get(tree, i), &items[i]))
            return false;
    for (void *at = array ? NULL : json_object_iter((json_t *)tree); at;
         at = json_object_iter_next((json_t *)tree, at)) {
        if (!function_give_text(call, slice_of(json_object_iter_key(at)), &items[i++]))
            return false;
        if (pairs && !give_json(call, json_object_iter_value(at), &items[i++]))
            return false;
    }
    return function_give_sequence(call, items, count, ret_value);
}

static bool take_apart(struct function_call *call, const struct value *arguments, json_type wanted, bool pairs,
                       struct value *ret_value) {
    json_t *tree;
    if (!read_tree(arguments[0].text, &tree))
        return false;
    bool good = tree && json_typeof(tree) == wanted ? give_members(call, tree, pairs, ret_value)
                                                    : function_give_null(ret_value);
    json_decref(tree);
    return good;
}

static bool keys(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return take_apart(call, arguments, JSON_OBJECT, false, ret_value);
}

static bool records(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return take_apart(call, arguments, JSON_OBJECT, true, ret_value);
}

static bool items(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return take_apart(call, arguments, JSON_ARRAY, false, ret_value);
}

/* --- JSON_CONCAT
 * ------------------------------------------------------------------------------------------------------------------ */

/* Objects are joined to one; otherwise arrays, each value that is none counting as an array of itself. */
static bool join_trees(json_t *to, json_t *tree) {
    if (json_is_object(to))
        return json_object_update(to, tree) == 0;
    return (json_is_array(tree) ? json_array_extend(to, tree) : json_array_append(to, tree)) == 0;
}

static bool join_texts(struct function_call *call, json_t *const *trees, struct value *ret_value) {
    bool objects = true, good;
    for (size_t i = 0; i < call->count; i++)
        objects = objects && json_is_object(trees[i]);
    json_t *joined = objects ? json_object() : json_array();
    good = joined != NULL;
    for (size_t i = 0; good && i < call->count; i++)
        good = join_trees(joined, trees[i]);
    good = good && give_json(call, joined, ret_value);
    json_decref(joined);
    return good;
}

static bool concat(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    json_t **trees = arena_allocate(call->arena, call->count * sizeof *trees);
    size_t count = 0;
    bool good = trees != NULL, all = true;
    while (good && all && count < call->count) {
        good = read_tree(arguments[count].text, &trees[count]);
        all = good && trees[count];
        count += all;
    }
    if (good)
        good = all ? join_texts(call, trees, ret_value) : function_give_null(ret_value);
    while (count)
        json_decref(trees[--count]);
    return good;
}

/* --- TO_JSON_STRING
 * ------------------------------------------------------------------------------------------------------------------ */

static bool to_json(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct bytes text = {0};
    json_text_value(&text, call->types[0], &arguments[0]);
    return function_give_bytes(call, &text, ret_value);
}

#define STRING PARAMETER_STRING

FUNCTION_LIST(
    functions_json,
    {.name = "EXTRACTJSONFIELD",
     .category = "JSON",
     .signature = "EXTRACTJSONFIELD(json, path)",
     .description = "What a path such as '$.log.instances[0]' leads to, as a text; NULL when it leads nowhere.",
     VARIANTS({TAKES(STRING, STRING), .result = &type_string, .null_in_null_out = true, .call = extract_field})},
    {.name = "IS_JSON_STRING",
     .category = "JSON",
     .signature = "IS_JSON_STRING(text)",
     .description = "Whether the text is JSON; FALSE for NULL.",
     VARIANTS({TAKES(STRING), .result = &type_boolean, .call = is_json})},
    {.name = "JSON_ARRAY_CONTAINS",
     .category = "JSON",
     .signature = "JSON_ARRAY_CONTAINS(json, value)",
     .description = "Whether an array in JSON holds the value; FALSE for what is no array.",
     VARIANTS({TAKES(STRING, PARAMETER_ANY), .result_of = result_contains, .call = array_contains})},
    {.name = "JSON_ARRAY_LENGTH",
     .category = "JSON",
     .signature = "JSON_ARRAY_LENGTH(json)",
     .description = "The number of elements of an array in JSON; NULL for what is none.",
     VARIANTS({TAKES(STRING), .result = &type_integer, .null_in_null_out = true, .call = array_length})},
    {.name = "JSON_CONCAT",
     .category = "JSON",
     .signature = "JSON_CONCAT(json, ..)",
     .description = "Objects as one, of a name in several the last; otherwise arrays as one, a value that is none "
                    "counting as an array of itself. "
                    "NULL when a text is not JSON.",
     VARIANTS({TAKES(STRING, STRING), .variadic = true, .result = &type_string, .null_in_null_out = true,
               .call = concat})},
    {.name = "JSON_ITEMS",
     .category = "JSON",
     .signature = "JSON_ITEMS(json)",
     .description = "The elements of an array in JSON, as JSON; NULL for what is none.",
     VARIANTS({TAKES(STRING), .result_of = function_result_strings, .null_in_null_out = true, .call = items})},
    {.name = "JSON_KEYS",
     .category = "JSON",
     .signature = "JSON_KEYS(json)",
     .description = "The names of an object's members; NULL for what is none.",
     VARIANTS({TAKES(STRING), .result_of = function_result_strings, .null_in_null_out = true, .call = keys})},
    {.name = "JSON_RECORDS",
     .category = "JSON",
     .signature = "JSON_RECORDS(json)",
     .description = "An object's members as a MAP, their values as JSON; NULL for what is none.",
     VARIANTS({TAKES(STRING), .result_of = result_records, .null_in_null_out = true, .call = records})},
    {.name = "TO_JSON_STRING",
     .category = "JSON",
     .signature = "TO_JSON_STRING(value)",
     .description = "Any value as JSON: times as ISO-8601 texts, BYTES in Base64, NULL as null.",
     VARIANTS({TAKES(PARAMETER_ANY), .result = &type_string, .call = to_json})});
