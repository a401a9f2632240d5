#include "codec/json/json_tree.h"

#include <string.h>

#include "codec/json/json.h"

/* What jansson refuses although it is JSON; any other refusal of valid JSON is for want of memory, which jansson
 * does not always say. */
static bool json_tree_refused(enum json_error_code code) {
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_stack_overflow;
}

int json_tree_read(struct slice text, json_t **ret_tree, struct error *error) {
    json_error_t problem;
    json_t *tree = json_loadb(text.data, text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
    if (!tree && json_object_valid(text) && !json_tree_refused(json_error_code(&problem)))
        return error_no_memory(error);
    if (!tree)
        return error_set(error, ERROR_INVALID, "%s", problem.text);
    *ret_tree = tree;
    return 0;
}

const char *json_tree_word(const json_t *tree) {
    const char *word = json_string_value(tree);
    return word && strlen(word) == json_string_length(tree) ? word : NULL;
}
