/* UCASE, LCASE, INITCAP, and MASK, which puts a sign for each kind of letter in its place. */
#include "sql/function/library/functions.h"

#include "sql/function/library/text/letter_case.h"
#include "sql/function/library/text/text_units.h"

static bool upper(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct bytes result = {0};
    letter_case_upper(&result, arguments[0].text);
    return function_give_bytes(call, &result, ret_value);
}

static bool lower(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct bytes result = {0};
    letter_case_lower(&result, arguments[0].text);
    return function_give_bytes(call, &result, ret_value);
}

static bool initials(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct bytes result = {0};
    letter_case_initials(&result, arguments[0].text);
    return function_give_bytes(call, &result, ret_value);
}

/* --- MASK
 * ------------------------------------------------------------------------------------------------------------------ */

/* What stands for a letter of each kind (enum letter_kind); data NULL: the letter stays. */
struct mask {
    struct slice signs[4];
};

/* Of the four arguments from `first` on, of which each gives its first character; without them Xxn-. */
static bool mask_read(struct function_call *call, const struct value *arguments, size_t first, struct mask *ret_mask) {
    *ret_mask = (struct mask){{SLICE("X"), SLICE("x"), SLICE("n"), SLICE("-")}};
    for (size_t i = 0; first + i < call->count && i < 4; i++) {
        const struct value *sign = &arguments[first + i];
        if (!sign->null && sign->text.length == 0)
            return function_fail(call, "a mask must be a character or NULL");
        ret_mask->signs[i] =
            sign->null ? (struct slice){NULL, 0} : (struct slice){sign->text.data, text_character(sign->text)};
    }
    return true;
}

/* Masks the letters from unit `from` up to unit `to`. */
static bool give_masked(struct function_call *call, struct slice text, const struct mask *mask, size_t from, size_t to,
                        struct value *ret_value) {
    struct bytes result = {0};
    size_t unit = 0;
    for (size_t at = 0, length; at < text.length; at += length) {
        length = text_character((struct slice){text.data + at, text.length - at});
        struct slice sign = mask->signs[letter_kind_of(text_code_point(text.data + at, length))];
        bool masked = unit >= from && unit < to && sign.data;
        bytes_append_slice(&result, masked ? sign : (struct slice){text.data + at, length});
        unit += length == 4 ? 2 : 1;
    }
    return function_give_bytes(call, &result, ret_value);
}

static bool mask_all(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct mask mask;
    if (arguments[0].null)
        return function_give_null(ret_value);
    return mask_read(call, arguments, 1, &mask) && give_masked(call, arguments[0].text, &mask, 0, SIZE_MAX, ret_value);
}

/* `left`: so many letters on the left, or on the right, are the ones that are `masked`, or kept. */
static bool mask_side(struct function_call *call, const struct value *arguments, bool left, bool masked,
                      struct value *ret_value) {
    struct mask mask;
    if (arguments[0].null)
        return function_give_null(ret_value);
    if (arguments[1].null || arguments[1].integer < 0)
        return function_fail(call, "the number of characters must not be negative or NULL");
    if (!mask_read(call, arguments, 2, &mask))
        return false;
    size_t units = text_units(arguments[0].text),
           count = (size_t)arguments[1].integer < units ? (size_t)arguments[1].integer : units;
    size_t border = left ? count : units - count;
    bool before = left == masked;
    return give_masked(call, arguments[0].text, &mask, before ? 0 : border, before ? border : units, ret_value);
}

static bool mask_left(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return mask_side(call, arguments, true, true, ret_value);
}

static bool mask_right(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return mask_side(call, arguments, false, true, ret_value);
}

static bool mask_keep_left(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return mask_side(call, arguments, true, false, ret_value);
}

static bool mask_keep_right(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return mask_side(call, arguments, false, false, ret_value);
}

#define STRING PARAMETER_STRING
#define OF_TEXT(function)                                                                                              \
    { TAKES(STRING), .result = &type_string, .null_in_null_out = true, .call = function }
#define SIDE(function)                                                                                                 \
    {TAKES(STRING, PARAMETER_INTEGER), .result = &type_string, .call = function}, {                                    \
        TAKES(STRING, PARAMETER_INTEGER, STRING, STRING, STRING, STRING), .result = &type_string, .call = function     \
    }

FUNCTION_LIST(functions_text_case,
              {.name = "INITCAP",
               .category = "String",
               .signature = "INITCAP(text)",
               .description = "The first letter of each word in upper case, all others in lower case.",
               VARIANTS(OF_TEXT(initials))},
              {.name = "LCASE",
               .category = "String",
               .signature = "LCASE(text)",
               .description = "The text in lower case.",
               VARIANTS(OF_TEXT(lower))},
              {.name = "MASK",
               .category = "String",
               .signature = "MASK(text[, upper, lower, digit, other])",
               .description = "The text with its letters replaced: X for upper case, x for lower case, n for digits, - "
                              "for the rest, or what is given; "
                              "NULL leaves a kind as it is.",

               VARIANTS({TAKES(STRING), .result = &type_string, .call = mask_all},
                        {TAKES(STRING, STRING, STRING, STRING, STRING), .result = &type_string, .call = mask_all})},
              {.name = "MASK_KEEP_LEFT",
               .category = "String",
               .signature = "MASK_KEEP_LEFT(text, count[, upper, lower, digit, other])",
               .description = "As MASK, but for the first characters.",
               VARIANTS(SIDE(mask_keep_left))},
              {.name = "MASK_KEEP_RIGHT",
               .category = "String",
               .signature = "MASK_KEEP_RIGHT(text, count[, upper, lower, digit, other])",
               .description = "As MASK, but for the last characters.",
               VARIANTS(SIDE(mask_keep_right))},
              {.name = "MASK_LEFT",
               .category = "String",
               .signature = "MASK_LEFT(text, count[, upper, lower, digit, other])",
               .description = "As MASK, the first characters only.",
               VARIANTS(SIDE(mask_left))},
              {.name = "MASK_RIGHT",
               .category = "String",
               .signature = "MASK_RIGHT(text, count[, upper, lower, digit, other])",
               .description = "As MASK, the last characters only.",
               VARIANTS(SIDE(mask_right))},
              {.name = "UCASE",
               .category = "String",
               .signature = "UCASE(text)",
               .description = "The text in upper case.",
               VARIANTS(OF_TEXT(upper))});
