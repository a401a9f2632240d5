/* Trees of jansson are written without blanks, numbers as Java writes them; paths ($.a[0]) are walked step by step. */
#include "sql/function/library/json_text.h"

#include "codec/json/json.h"
#include "model/java_number.h"
#include "model/time/time_text.h"
#include "sql/function/library/text/byte_text.h"
#include <math.h>

static struct slice json_slice(const json_t *text) {
    return (struct slice){json_string_value(text), json_string_length(text)};
}

static void write_double(struct bytes *to, double number) {
    char text[JAVA_DOUBLE_SIZE];
    const char *quote = isfinite(number) ? "" : "\"";
    bytes_append_string(to, quote);
    bytes_append(to, text, java_write_double(text, number));
    bytes_append_string(to, quote);
}

/* --- trees
 * ------------------------------------------------------------------------------------------------------------------ */

static void write_object(struct bytes *to, const json_t *object) {
    const char *between = "{";
    for (void *at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at)) {
        bytes_append_string(to, between);
        json_write_string(to, slice_of(json_object_iter_key(at)));
        bytes_append_char(to, ':');
        json_text_tree(to, json_object_iter_value(at));
        between = ",";
    }
    bytes_append_string(to, *between == '{' ? "{}" : "}");
}

static void write_array(struct bytes *to, const json_t *array) {
    bytes_append_char(to, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            bytes_append_char(to, ',');
        json_text_tree(to, json_array_get(array, i));
    }
    bytes_append_char(to, ']');
}

void json_text_tree(struct bytes *to, const json_t *tree) {
    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        write_object(to, tree);
        break;
    case JSON_ARRAY:
        write_array(to, tree);
        break;
    case JSON_STRING:
        json_write_string(to, json_slice(tree));
        break;
    case JSON_INTEGER:
        bytes_append_format(to, "%lld", (long long)json_integer_value(tree));
        break;
    case JSON_REAL:
        write_double(to, json_real_value(tree));
        break;
    default:
        bytes_append_string(to, json_is_null(tree) ? "null" : json_is_true(tree) ? "true" : "false");
    }
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static void write_entry(struct bytes *to, size_t i, struct slice name, const struct type *type,
                        const struct value *value) {
    if (i)
        bytes_append_char(to, ',');
    json_write_string(to, name);
    bytes_append_char(to, ':');
    json_text_value(to, type, value);
}

static void write_map(struct bytes *to, const struct type *type, const struct sequence *map) {
    bytes_append_char(to, '{');
    for (size_t i = 0; i < map->count; i += 2) {
        struct bytes key = {0};
        if (map->items[i].null)
            bytes_append_string(&key, "null");
        else
            value_print(&key, type->key, &map->items[i]);
        to->failed |= key.failed;
        write_entry(to, i, bytes_slice(&key), type->element, &map->items[i + 1]);
        bytes_release(&key);
    }
    bytes_append_char(to, '}');
}

static void write_sequence(struct bytes *to, const struct type *type, const struct sequence *sequence) {
    if (type->kind == TYPE_MAP) {
        write_map(to, type, sequence);
        return;
    }
    bool array = type->kind == TYPE_ARRAY;
    bytes_append_char(to, array ? '[' : '{');
    for (size_t i = 0; i < sequence->count; i++) {
        if (!array) {
            write_entry(to, i, type->fields[i].name, type->fields[i].type, &sequence->items[i]);
            continue;
        }
        if (i)
            bytes_append_char(to, ',');
        json_text_value(to, type->element, &sequence->items[i]);
    }
    bytes_append_char(to, array ? ']' : '}');
}

void json_text_value(struct bytes *to, const struct type *type, const struct value *value) {
    if (value->null) {
        bytes_append_string(to, "null");
        return;
    }
    switch (type->kind) {
    case TYPE_STRING:
        json_write_string(to, value->text);
        break;
    case TYPE_DOUBLE:
        write_double(to, value->number);
        break;
    case TYPE_BYTES:
        bytes_append_char(to, '"');
        byte_text_write(BYTE_TEXT_BASE64, value->text, to);
        bytes_append_char(to, '"');
        break;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        bytes_append_char(to, '"');
        value_print(to, type, value);
        bytes_append_char(to, '"');
        break;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        write_sequence(to, type, value->sequence);
        break;
    default:
        value_print(to, type, value);
    }
}

/* --- paths
 * ------------------------------------------------------------------------------------------------------------------ */

static const json_t *member_of(const json_t *tree, struct slice name) {
    return json_is_object(tree) ? json_object_getn(tree, name.data, name.length) : NULL;
}

/* After a point: a name up to the next step. */
static const json_t *step_name(const json_t *tree, const char **at, const char *end, const char **ret_problem) {
    const char *begin = *at;
    while (*at < end && **at != '.' && **at != '[')
        (*at)++;
    if (*at == begin)
        *ret_problem = "a name is missing in the path";
    return member_of(tree, (struct slice){begin, (size_t)(*at - begin)});
}

/* After a bracket: an index from 0, or a name in quotes. */
static const json_t *step_bracket(const json_t *tree, const char **at, const char *end, const char **ret_problem) {
    char quote = *at < end && (**at == '"' || **at == '\'') ? **at : '\0';
    const char *begin = *at + (quote != '\0'), *close = begin;
    size_t index = 0;
    while (close < end && (quote ? *close != quote : *close >= '0' && *close <= '9'))
        index = index * 10 + (size_t)(*close++ - '0');
    ptrdiff_t closing = quote ? 2 : 1;
    if (end - close < closing || close[closing - 1] != ']' || (!quote && (close == begin || close - begin > 9))) {
        *ret_problem = "a bracket of the path holds neither an index nor a name in quotes, or is not closed";
        return NULL;
    }
    *at = close + closing;
    return quote ? member_of(tree, (struct slice){begin, (size_t)(close - begin)}) : json_array_get(tree, index);
}

const json_t *json_text_find(const json_t *tree, struct slice path, const char **ret_problem) {
    const char *at = path.data, *end = at + path.length;
    *ret_problem = NULL;
    if (at == end || *at++ != '$') {
        *ret_problem = "the path does not begin with $";
        return NULL;
    }
    while (at < end && !*ret_problem) {
        char c = *at++;
        if (c == '.')
            tree = step_name(tree, &at, end, ret_problem);
        else if (c == '[')
            tree = step_bracket(tree, &at, end, ret_problem);
        else
            *ret_problem = "a step of the path begins with neither a point nor a bracket";
    }
    return *ret_problem ? NULL : tree;
}
