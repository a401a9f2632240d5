/* Texts taken apart, and put together from codes and lists. */
#include "sql/function/library/functions.h"

#include "core/memory.h"
#include "core/text.h"
#include "sql/function/library/text/text_units.h"

/* --- CHR
 * ------------------------------------------------------------------------------------------------------------------ */

static bool give_character(struct function_call *call, int64_t code, struct value *ret_value) {
    char text[4];
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return function_give_null(ret_value);
    return function_give_text(call, (struct slice){text, (size_t)(utf8_write(text, (unsigned)code) - text)}, ret_value);
}

static bool character_of_code(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_character(call, arguments[0].integer, ret_value);
}

/* \u004b, or a pair: \ud83d\ude00. */
static bool character_of_escape(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct slice text = arguments[0].text;
    unsigned code;
    if (text.length < 6 || memcmp(text.data, "\\u", 2) != 0)
        return function_give_null(ret_value);
    size_t used = json_unicode(text.data + 2, text.data + text.length, &code);
    return used + 2 == text.length ? give_character(call, code, ret_value) : function_give_null(ret_value);
}

/* --- SPLIT
 * ------------------------------------------------------------------------------------------------------------------ */

/* The first part of what is left, which is moved on; data NULL: none is left. An empty delimiter splits every
 * character off (bytes: every byte). */
static struct slice next_part(struct slice *left, struct slice delimiter, bool bytes) {
    struct slice part = *left;
    size_t found, skip = delimiter.length;
    if (!left->data)
        return part;
    if (delimiter.length)
        found = text_find(*left, delimiter, 0);
    else
        found = left->length == 0 ? SIZE_MAX : bytes ? 1 : text_character(*left);
    if (found == SIZE_MAX || (skip == 0 && found == left->length)) {
        *left = (struct slice){NULL, 0};
        return part;
    }
    part.length = found;
    *left = (struct slice){left->data + found + skip, left->length - found - skip};
    return part;
}

static bool give_parts(struct function_call *call, struct slice text, struct slice delimiter, bool bytes,
                       struct value *ret_value) {
    size_t count = 0;
    for (struct slice left = text; next_part(&left, delimiter, bytes).data;)
        if (++count > FUNCTION_ITEMS_MAXIMUM)
            return function_fail(call, "the result has more than %d items", FUNCTION_ITEMS_MAXIMUM);
    struct value *items = function_items(call, count);
    if (!items)
        return false;
    struct slice left = text;
    for (size_t i = 0; i < count; i++)
        items[i] = value_of_text(next_part(&left, delimiter, bytes));
    return function_give_sequence(call, items, count, ret_value);
}

static bool split_text(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_parts(call, arguments[0].text, arguments[1].text, false, ret_value);
}

static bool split_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_parts(call, arguments[0].text, arguments[1].text, true, ret_value);
}

static const struct type *result_bytes_array(struct arena *arena, const struct type *const *types, size_t count,
                                             const char **ret_problem) {
    (void)types, (void)count, (void)ret_problem;
    return type_array(arena, &type_bytes);
}

static const struct type *result_text_map(struct arena *arena, const struct type *const *types, size_t count,
                                          const char **ret_problem) {
    (void)types, (void)count, (void)ret_problem;
    return type_map(arena, &type_string, &type_string);
}

/* An entry that is not exactly a key, a delimiter and a value is left out; of entries with the same key the last one
 * counts. */
static bool split_to_map(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct slice between = arguments[1].text, within = arguments[2].text;
    if (between.length == 0 || within.length == 0)
        return function_give_null(ret_value);
    struct function_map map = {.call = call, .type = call->result};
    bool added = true;
    for (struct slice left = arguments[0].text, entry; added && (entry = next_part(&left, between, false)).data;) {
        struct slice value = entry, key = next_part(&value, within, false);
        if (value.data && text_find(value, within, 0) == SIZE_MAX)
            added = function_map_put(&map, &(struct value){.text = key}, &(struct value){.text = value});
    }
    return function_map_give(&map, added, ret_value);
}

/* --- ELT, FIELD
 * ------------------------------------------------------------------------------------------------------------------ */

static bool element_at(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    bool inside = !arguments[0].null && arguments[0].integer > 0 && (uint64_t)arguments[0].integer < call->count;
    *ret_value = inside ? arguments[arguments[0].integer] : VALUE_NULL;
    return true;
}

static bool index_of(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    size_t found = 0;
    for (size_t i = 1; !arguments[0].null && found == 0 && i < call->count; i++)
        if (!arguments[i].null && slice_equal(arguments[0].text, arguments[i].text))
            found = i;
    *ret_value = value_of_integer((int64_t)found);
    return true;
}

#define STRING PARAMETER_STRING

FUNCTION_LIST(
    functions_text_parts,
    {.name = "CHR",
     .category = "String",
     .signature = "CHR(code)",
     .description = "The character of a code point, or of a text such as '\\u004b'; NULL when there is none.",
     VARIANTS({TAKES(PARAMETER_INTEGER), .result = &type_string, .null_in_null_out = true, .call = character_of_code},
              {TAKES(STRING), .result = &type_string, .null_in_null_out = true, .call = character_of_escape})},
    {.name = "ELT",
     .category = "Collections",
     .signature = "ELT(n, text, ..)",
     .description = "The n-th of the texts, from 1; NULL when there are not so many.",
     VARIANTS({TAKES(PARAMETER_INTEGER, STRING), .variadic = true, .result = &type_string, .call = element_at})},
    {.name = "FIELD",
     .category = "Collections",
     .signature = "FIELD(text, candidate, ..)",
     .description = "The place, from 1, of the first candidate that equals the text; 0 when none does, and for NULL.",
     VARIANTS({TAKES(STRING, STRING), .variadic = true, .result = &type_integer, .call = index_of})},
    {.name = "SPLIT",
     .category = "String",
     .signature = "SPLIT(text, delimiter)",
     .description = "The parts of a text, or of BYTES, between the delimiters, as an array; each character when the "
                    "delimiter is empty.",
     VARIANTS({TAKES(STRING, STRING), .result_of = function_result_strings, .null_in_null_out = true,
               .call = split_text},
              {TAKES(PARAMETER_BYTES, PARAMETER_BYTES), .result_of = result_bytes_array, .null_in_null_out = true,
               .call = split_bytes})},
    {.name = "SPLIT_TO_MAP",
     .category = "String",
     .signature = "SPLIT_TO_MAP(text, entry_delimiter, key_delimiter)",
     .description = "A MAP<STRING, STRING> of the entries of a text; of those with the same key the last one counts. "
                    "NULL when a delimiter is empty.",
     VARIANTS({TAKES(STRING, STRING, STRING), .result_of = result_text_map, .null_in_null_out = true,
               .call = split_to_map})});
