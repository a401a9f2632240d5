/* Regular expressions. The last pattern is kept compiled. A match that takes too many steps is an error, and so are
 * the matches of one call together: no pattern can hold up the process.
 *
 * PCRE2 ends a match at a limit of steps but does not tell how many it took. So a match is tried with a small limit
 * and then with larger ones, and the call is charged with the limit that was enough. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "sql/function/library/functions.h"

#include "core/memory.h"
#include "sql/function/library/text/java_pattern.h"
#include "sql/function/library/text/text_units.h"
#include <pcre2.h>

enum {
    MATCH_STEPS_MINIMUM = 32,
    MATCH_STEPS_FACTOR = 32,
    MATCH_STEPS_MAXIMUM = MATCH_STEPS_MINIMUM * MATCH_STEPS_FACTOR * MATCH_STEPS_FACTOR * MATCH_STEPS_FACTOR,
    CALL_STEPS_MAXIMUM = 64000000,
    MATCH_HEAP_KIB = 32 << 10
};

struct expression_state {
    struct bytes pattern; /* as it was given */
    pcre2_code *code;     /* NULL: it is wrong, and `problem` says why */
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct bytes problem;
    int64_t steps; /* that the present call has left */
};

static void expression_clear(struct expression_state *state) {
    pcre2_match_data_free(state->match);
    pcre2_code_free(state->code);
    state->match = NULL;
    state->code = NULL;
    bytes_release(&state->problem);
    bytes_release(&state->pattern);
}

static void expression_release(void *kept) {
    struct expression_state *state = kept;
    if (!state)
        return;
    expression_clear(state);
    pcre2_match_context_free(state->limits);
    free(state);
}

static struct expression_state *expression_new(void) {
    struct expression_state *state = memory_zero(1, sizeof *state);
    if (!state)
        return NULL;
    state->limits = pcre2_match_context_create(NULL);
    if (!state->limits) {
        free(state);
        return NULL;
    }
    pcre2_set_heap_limit(state->limits, MATCH_HEAP_KIB);
    return state;
}

/* Compiles; what is wrong is noted in `problem`. False: no memory. */
static bool expression_compile(struct expression_state *state, struct slice pattern) {
    struct bytes translated = {0};
    int code = 0;
    size_t offset = 0;
    expression_clear(state);
    bytes_append_slice(&state->pattern, pattern);
    const char *refused = java_pattern_translate(pattern, &translated);
    struct slice text = bytes_slice(&translated);
    bool failed = translated.failed || state->pattern.failed;
    if (!failed && !refused) {
        state->code =
            pcre2_compile((PCRE2_SPTR)text.data, text.length,
                          PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
        state->match = state->code ? pcre2_match_data_create_from_pattern(state->code, NULL) : NULL;
        failed = state->code ? !state->match : code == PCRE2_ERROR_NOMEMORY;
    }
    if (!failed && !state->code) {
        char message[200] = "";
        if (!refused)
            pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
        bytes_append_format(&state->problem, "'%.*s' is no regular expression: %s", function_shown(pattern),
                            pattern.data, refused ? refused : message);
        failed = state->problem.failed;
    }
    if (state->code)
        pcre2_jit_compile(state->code, PCRE2_JIT_COMPLETE); /* where there is none, matching interprets */
    bytes_release(&translated);
    if (failed)
        expression_clear(state);
    return !failed;
}

/* NULL: call->problem is set, or no memory. */
static struct expression_state *expression_of(struct function_call *call, struct slice pattern) {
    struct expression_state *state = *call->state;
    if (!state && !(state = *call->state = expression_new()))
        return NULL;
    bool known = state->pattern.data && slice_equal(bytes_slice(&state->pattern), pattern);
    if (!known && !expression_compile(state, pattern))
        return NULL;
    if (!state->code) {
        function_fail(call, "%.*s", (int)state->problem.length, state->problem.data);
        return NULL;
    }
    state->steps = CALL_STEPS_MAXIMUM;
    return state;
}

static int expression_match(struct expression_state *state, struct slice text, size_t from, uint32_t steps) {
    pcre2_set_match_limit(state->limits, steps);
    int result = pcre2_match(state->code, (PCRE2_SPTR)text.data, text.length, from, 0, state->match, state->limits);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
        result = pcre2_match(state->code, (PCRE2_SPTR)text.data, text.length, from, PCRE2_NO_JIT, state->match,
                             state->limits);
    return result;
}

/* The next match from byte `from` on: its number of groups with the whole, 0 when there is none, -1 when it failed
 * (call->problem). */
static int expression_find(struct function_call *call, struct expression_state *state, struct slice text, size_t from) {
    int result = PCRE2_ERROR_MATCHLIMIT;
    for (uint32_t steps = MATCH_STEPS_MINIMUM;
         result == PCRE2_ERROR_MATCHLIMIT && steps <= MATCH_STEPS_MAXIMUM && state->steps >= steps;
         steps *= MATCH_STEPS_FACTOR) {
        result = expression_match(state, text, from, steps);
        state->steps -= steps;
    }
    if (result == PCRE2_ERROR_NOMATCH)
        return 0;
    if (result >= 0)
        return result;
    char message[200];
    pcre2_get_error_message(result, (PCRE2_UCHAR *)message, sizeof message);
    function_fail(call, "matching '%.*s' failed: %s", (int)(state->pattern.length < 60 ? state->pattern.length : 60),
                  state->pattern.data, message);
    return -1;
}

/* A group of the match; data NULL: it took no part, or there is none of that number. */
static struct slice expression_group(const struct expression_state *state, struct slice text, int64_t group) {
    if (group < 0 || group >= (int64_t)pcre2_get_ovector_count(state->match))
        return (struct slice){NULL, 0};
    const size_t *offsets = pcre2_get_ovector_pointer(state->match) + 2 * group;
    if (offsets[0] == PCRE2_UNSET || offsets[1] < offsets[0])
        return (struct slice){NULL, 0};
    return (struct slice){text.data + offsets[0], offsets[1] - offsets[0]};
}

/* Where to look for the next match: after this one, a character further when it is empty. May lie after the end:
 * there is no other then. */
static size_t expression_next(struct slice text, struct slice match) {
    size_t at = (size_t)(match.data - text.data) + match.length;
    if (match.length)
        return at;
    return at < text.length ? at + text_character((struct slice){text.data + at, text.length - at}) : at + 1;
}

/* --- REGEXP_EXTRACT, REGEXP_EXTRACT_ALL
 * -------------------------------------------------------------------------------------------------- */

static bool extract(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct expression_state *state = expression_of(call, arguments[0].text);
    int found = state ? expression_find(call, state, arguments[1].text, 0) : -1;
    if (found < 0)
        return false;
    struct slice group = found ? expression_group(state, arguments[1].text, call->count > 2 ? arguments[2].integer : 0)
                               : (struct slice){NULL, 0};
    *ret_value = group.data ? value_of_text(group) : VALUE_NULL;
    return true;
}

/* Growing items of a result. */
struct items {
    struct value *values;
    size_t count, capacity;
};

static bool items_add(struct function_call *call, struct items *items, struct slice text) {
    if (items->count == FUNCTION_ITEMS_MAXIMUM)
        return function_fail(call, "the result has more than %d items", FUNCTION_ITEMS_MAXIMUM);
    if (!memory_reserve((void **)&items->values, &items->capacity, items->count + 1, sizeof *items->values))
        return false;
    items->values[items->count++] = text.data ? value_of_text(text) : VALUE_NULL;
    return true;
}

static bool items_give(struct function_call *call, struct items *items, struct value *ret_value) {
    struct value *copy = function_items(call, items->count);
    if (copy && items->count)
        memcpy(copy, items->values, items->count * sizeof *copy);
    return copy && function_give_sequence(call, copy, items->count, ret_value);
}

static bool extract_all(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct expression_state *state = expression_of(call, arguments[0].text);
    struct slice text = arguments[1].text;
    int64_t group = call->count > 2 ? arguments[2].integer : 0;
    if (!state)
        return false;
    if (group < 0 || group >= (int64_t)pcre2_get_ovector_count(state->match))
        return function_give_null(ret_value);
    struct items items = {0};
    int found = 0;
    bool added = true;
    for (size_t at = 0; added && at <= text.length && (found = expression_find(call, state, text, at)) > 0;) {
        added = items_add(call, &items, expression_group(state, text, group));
        at = expression_next(text, expression_group(state, text, 0));
    }
    bool given = added && found >= 0 && items_give(call, &items, ret_value);
    free(items.values);
    return given;
}

/* --- REGEXP_SPLIT_TO_ARRAY
 * --------------------------------------------------------------------------------------------------------------- */

/* Empty matches at both ends split nothing off. */
static bool split(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct expression_state *state = expression_of(call, arguments[1].text);
    struct slice text = arguments[0].text;
    struct items items = {0};
    size_t begin = 0;
    int found = 0;
    bool added = true;
    if (!state)
        return false;
    for (size_t at = 0; added && at <= text.length && (found = expression_find(call, state, text, at)) > 0;) {
        struct slice match = expression_group(state, text, 0);
        size_t position = (size_t)(match.data - text.data);
        at = expression_next(text, match);
        if (match.length == 0 && (position == 0 || position == text.length))
            continue;
        added = items_add(call, &items, (struct slice){text.data + begin, position - begin});
        begin = position + match.length;
    }
    added = added && found >= 0 && items_add(call, &items, (struct slice){text.data + begin, text.length - begin});
    bool given = added && items_give(call, &items, ret_value);
    free(items.values);
    return given;
}

/* --- REGEXP_REPLACE
 * ------------------------------------------------------------------------------------------------------------------ */

/* After $: the group that is meant, by its digits (as many as make a group that exists) or its ${name}. -1: none. */
static int64_t replacement_group(const struct expression_state *state, struct slice replacement, size_t *at) {
    int64_t groups = pcre2_get_ovector_count(state->match), group;
    if (*at < replacement.length && replacement.data[*at] == '{') {
        const char *close = memchr(replacement.data + *at, '}', replacement.length - *at);
        char name[64];
        size_t length = close ? (size_t)(close - replacement.data) - *at - 1 : 0;
        if (length == 0 || length >= sizeof name)
            return -1;
        memcpy(name, replacement.data + *at + 1, length);
        name[length] = '\0';
        *at += length + 2;
        return pcre2_substring_number_from_name(state->code, (PCRE2_SPTR)name);
    }
    if (*at == replacement.length || replacement.data[*at] < '0' || replacement.data[*at] > '9')
        return -1;
    for (group = replacement.data[(*at)++] - '0';
         *at < replacement.length && replacement.data[*at] >= '0' && replacement.data[*at] <= '9'; (*at)++) {
        int64_t longer = group * 10 + (replacement.data[*at] - '0');
        if (longer >= groups)
            break;
        group = longer;
    }
    return group < groups ? group : -1;
}

static bool append_replacement(struct function_call *call, const struct expression_state *state, struct slice text,
                               struct slice replacement, struct bytes *to) {
    for (size_t at = 0; at < replacement.length;) {
        char c = replacement.data[at++];
        if (c == '$') {
            int64_t group = replacement_group(state, replacement, &at);
            if (group < 0)
                return function_fail(call, "the replacement names a group that the pattern does not have");
            struct slice part = expression_group(state, text, group);
            if (part.data)
                bytes_append_slice(to, part);
            continue;
        }
        if (c == '\\' && at == replacement.length)
            return function_fail(call, "the replacement ends with a backslash");
        bytes_append_char(to, c == '\\' ? replacement.data[at++] : c);
    }
    return to->length <= FUNCTION_TEXT_MAXIMUM ||
           function_fail(call, "the result is longer than %d bytes", FUNCTION_TEXT_MAXIMUM);
}

static bool replace_matches(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct expression_state *state = expression_of(call, arguments[1].text);
    struct slice text = arguments[0].text;
    struct bytes result = {0};
    size_t copied = 0;
    int found = 0;
    bool good = true;
    if (!state)
        return false;
    for (size_t at = 0; good && at <= text.length && (found = expression_find(call, state, text, at)) > 0;) {
        struct slice match = expression_group(state, text, 0);
        size_t position = (size_t)(match.data - text.data);
        bytes_append(&result, text.data + copied, position - copied);
        good = append_replacement(call, state, text, arguments[2].text, &result);
        copied = position + match.length;
        at = expression_next(text, match);
    }
    if (!good || found < 0) {
        bytes_release(&result);
        return false;
    }
    bytes_append(&result, text.data + copied, text.length - copied);
    return function_give_bytes(call, &result, ret_value);
}

#define STRING   PARAMETER_STRING
#define COMPILED .category = "Regular expressions", .release_state = expression_release

FUNCTION_LIST(
    functions_regular_expressions,
    {.name = "REGEXP_EXTRACT",
     COMPILED,
     .signature = "REGEXP_EXTRACT(pattern, text[, group])",
     .description = "What the regular expression, or a group of it, first matches in the text; NULL when it does not.",
     VARIANTS({TAKES(STRING, STRING), .result = &type_string, .null_in_null_out = true, .call = extract},
              {TAKES(STRING, STRING, PARAMETER_INTEGER), .result = &type_string, .null_in_null_out = true,
               .call = extract})},
    {.name = "REGEXP_EXTRACT_ALL",
     COMPILED,
     .signature = "REGEXP_EXTRACT_ALL(pattern, text[, group])",
     .description = "All that the regular expression, or a group of it, matches in the text, as an array; NULL when "
                    "there is no such group.",
     VARIANTS({TAKES(STRING, STRING), .result_of = function_result_strings, .null_in_null_out = true,
               .call = extract_all},
              {TAKES(STRING, STRING, PARAMETER_INTEGER), .result_of = function_result_strings, .null_in_null_out = true,
               .call = extract_all})},
    {.name = "REGEXP_REPLACE",
     COMPILED,
     .signature = "REGEXP_REPLACE(text, pattern, replacement)",
     .description = "The text with everything that the regular expression matches replaced; $1 or ${name} in the "
                    "replacement is a group of the match.",
     VARIANTS({TAKES(STRING, STRING, STRING), .result = &type_string, .null_in_null_out = true,
               .call = replace_matches})},
    {.name = "REGEXP_SPLIT_TO_ARRAY",
     COMPILED,
     .signature = "REGEXP_SPLIT_TO_ARRAY(text, pattern)",
     .description = "What lies between the matches of the regular expression, as an array; each character when the "
                    "expression is empty.",
     VARIANTS({TAKES(STRING, STRING), .result_of = function_result_strings, .null_in_null_out = true, .call = split})});
