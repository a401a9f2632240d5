/* Numbers: java.lang.Math on INTEGER, BIGINT and DOUBLE, which wrap and know NaN; DECIMAL keeps its precision and
 * scale, and what does not fit is an error. */
#include "sql/function/library/functions.h"

#include "core/memory.h"
#include "core/number.h"
#include "model/java_number.h"
#include "model/time/time_text.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>

static bool give_decimal(struct function_call *call, decimal number, struct value *ret_value) {
    if (number >= decimal_power(call->result->precision) || number <= -decimal_power(call->result->precision))
        return function_fail(call, "the result does not fit DECIMAL(%u, %u)", call->result->precision,
                             call->result->scale);
    *ret_value = value_of_decimal(number);
    return true;
}

/* --- ABS, SIGN
 * ------------------------------------------------------------------------------------------------------------------ */

static bool abs_integer(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    int64_t number = arguments[0].integer;
    *ret_value = value_of_integer(number < 0 && number != INT32_MIN ? -number : number);
    return true;
}

static bool abs_bigint(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    int64_t number = arguments[0].integer;
    *ret_value = value_of_integer(number < 0 && number != INT64_MIN ? -number : number);
    return true;
}

static bool abs_decimal(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_decimal(arguments[0].decimal < 0 ? -arguments[0].decimal : arguments[0].decimal);
    return true;
}

static bool abs_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(fabs(arguments[0].number));
    return true;
}

static bool sign_bigint(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_integer((arguments[0].integer > 0) - (arguments[0].integer < 0));
    return true;
}

static bool sign_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_integer((arguments[0].number > 0) - (arguments[0].number < 0));
    return true;
}

static bool sign_decimal(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_integer((arguments[0].decimal > 0) - (arguments[0].decimal < 0));
    return true;
}

/* --- CEIL, FLOOR, ROUND, TRUNC
 * -------------------------------------------------------------------------------------------------------- */

static bool same_value(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = arguments[0];
    return true;
}

static bool ceil_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(ceil(arguments[0].number));
    return true;
}

static bool floor_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(floor(arguments[0].number));
    return true;
}

enum rounding {
    ROUNDING_DOWN,
    ROUNDING_UP,
    ROUNDING_TRUNCATE,
    ROUNDING_NEAREST
}; /* the last: at a tie towards positive infinity */

static decimal decimal_floor(decimal number, decimal unit) {
    return number / unit - (number % unit < 0);
}

/* To `digits` after the point, which may be negative; the scale stays. */
static decimal decimal_round(decimal number, unsigned scale, int64_t digits, enum rounding rounding) {
    if (digits >= (int64_t)scale)
        return number;
    if ((int64_t)scale - digits > DECIMAL_DIGITS)
        return 0;
    decimal unit = decimal_power((unsigned)((int64_t)scale - digits)), units;
    switch (rounding) {
    case ROUNDING_DOWN:
        units = decimal_floor(number, unit);
        break;
    case ROUNDING_UP:
        units = -decimal_floor(-number, unit);
        break;
    case ROUNDING_TRUNCATE:
        units = number / unit;
        break;
    default: {
        decimal rest = number % unit;
        units = number / unit + (rest >= unit - rest) - (rest < -(unit / 2));
    }
    }
    return units * unit;
}

static bool ceil_decimal(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_decimal(call, decimal_round(arguments[0].decimal, call->result->scale, 0, ROUNDING_UP), ret_value);
}

static bool floor_decimal(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_decimal(call, decimal_round(arguments[0].decimal, call->result->scale, 0, ROUNDING_DOWN), ret_value);
}

/* The argument rounded; the result may have fewer digits after the point than it. */
static bool give_rounded(struct function_call *call, const struct value *arguments, enum rounding rounding,
                         struct value *ret_value) {
    unsigned scale = call->types[0]->scale;
    int64_t digits = call->count > 1 ? arguments[1].integer : 0;
    decimal rounded = decimal_round(arguments[0].decimal, scale, digits, rounding);
    return give_decimal(call, rounded / decimal_power(scale - call->result->scale), ret_value);
}

static bool round_decimal(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_rounded(call, arguments, ROUNDING_NEAREST, ret_value);
}

static bool trunc_decimal(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_rounded(call, arguments, ROUNDING_TRUNCATE, ret_value);
}

/* Of a DECIMAL without digits: whole numbers, with room for what is rounded up. */
static const struct type *result_whole(struct arena *arena, const struct type *const *types, size_t count,
                                       const char **ret_problem) {
    (void)count, (void)ret_problem;
    unsigned digits = types[0]->precision - types[0]->scale + 1;
    return types[0]->scale == 0 ? types[0] : type_decimal(arena, digits, 0);
}

/* Math.round. */
static bool round_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    double whole = floor(arguments[0].number);
    *ret_value =
        value_of_integer(java_double_to_integer(whole + (arguments[0].number - whole >= 0.5), INT64_MIN, INT64_MAX));
    return true;
}

static bool trunc_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_integer(java_double_to_integer(arguments[0].number, INT64_MIN, INT64_MAX));
    return true;
}

/* On the decimal digits that the number is written with, as BigDecimal.valueOf(number).setScale. */
static double double_round(double number, int64_t digits, bool nearest) {
    if (!isfinite(number) || number == 0)
        return number;
    struct java_digits parts = java_digits_of(fabs(number));
    int64_t kept = parts.point + digits;
    if (kept >= parts.count)
        return number;
    bool up = false, negative = number < 0;
    if (nearest && kept >= 0) {
        bool tie = parts.digits[kept] == '5';
        for (int64_t i = kept + 1; i < parts.count; i++)
            tie = tie && parts.digits[i] == '0';
        up = parts.digits[kept] >= '5' && !(tie && negative);
    }
    uint64_t units = up;
    for (int64_t i = 0, place = 1; i < kept; i++, place *= 10)
        units += (uint64_t)(parts.digits[kept - 1 - i] - '0') * (uint64_t)place;
    if (units == 0)
        return 0;
    char text[48];
    double result = INFINITY;
    number_read_double((struct slice){text, (size_t)snprintf(text, sizeof text, "%llue%lld", (unsigned long long)units,
                                                             (long long)-digits)},
                       &result);
    return negative ? -result : result;
}

static bool round_double_digits(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(double_round(arguments[0].number, arguments[1].integer, true));
    return true;
}

static bool trunc_double_digits(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(double_round(arguments[0].number, arguments[1].integer, false));
    return true;
}

/* --- powers and logarithms
 * ------------------------------------------------------------------------------------------------------------ */

static bool exp_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(exp(arguments[0].number));
    return true;
}

static bool ln_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(log(arguments[0].number));
    return true;
}

static bool log_base(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    double base = arguments[0].number;
    *ret_value = value_of_number(base <= 0 || base == 1 ? NAN : log(arguments[1].number) / log(base));
    return true;
}

/* Math.pow: where C finds 1 for pow(1, NaN) and pow(-1, infinity), Java finds NaN. */
static bool power_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    double base = arguments[0].number, exponent = arguments[1].number;
    bool undefined = isnan(exponent) || (fabs(base) == 1 && isinf(exponent));
    *ret_value = value_of_number(undefined ? NAN : pow(base, exponent));
    return true;
}

static bool sqrt_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number(sqrt(arguments[0].number));
    return true;
}

static bool cbrt_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_number((double)cbrtl((long double)arguments[0].number));
    return true;
}

/* --- RANDOM
 * ------------------------------------------------------------------------------------------------------------------ */

static bool random_double(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)arguments;
    *ret_value = value_of_number((double)(call->chance >> 11) * 0x1p-53);
    return true;
}

/* --- GREATEST, LEAST
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct type *extreme_result(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem) {
    if (count && (types[0]->kind >= TYPE_ARRAY || types[0]->kind == TYPE_BOOLEAN)) {
        *ret_problem = "numbers, texts, bytes or times are expected";
        return NULL;
    }
    return function_result_first(arena, types, count, ret_problem);
}

static bool give_extreme(struct function_call *call, const struct value *arguments, int wanted,
                         struct value *ret_value) {
    *ret_value = VALUE_NULL;
    for (size_t i = 0; i < call->count; i++)
        if (!arguments[i].null && (ret_value->null || value_compare(call->result, &arguments[i], ret_value) == wanted))
            *ret_value = arguments[i];
    return true;
}

static bool greatest(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_extreme(call, arguments, 1, ret_value);
}

static bool least(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_extreme(call, arguments, -1, ret_value);
}

/* --- the table
 * ------------------------------------------------------------------------------------------------------------------ */

#define EACH(integer_call, bigint_call, decimal_call, double_call)                                                     \
    {TAKES(PARAMETER_INTEGER), .result = &type_integer, .null_in_null_out = true, .call = integer_call},               \
        {TAKES(PARAMETER_BIGINT), .result = &type_bigint, .null_in_null_out = true, .call = bigint_call},              \
        {TAKES(PARAMETER_DECIMAL), .result_of = function_result_first, .null_in_null_out = true,                       \
         .call = decimal_call},                                                                                        \
    {                                                                                                                  \
        TAKES(PARAMETER_DOUBLE), .result = &type_double, .null_in_null_out = true, .call = double_call                 \
    }
#define OF_DOUBLE(double_call)                                                                                         \
    { TAKES(PARAMETER_DOUBLE), .result = &type_double, .null_in_null_out = true, .call = double_call }
#define OF_DOUBLES(double_call)                                                                                        \
    { TAKES(PARAMETER_DOUBLE, PARAMETER_DOUBLE), .result = &type_double, .null_in_null_out = true, .call = double_call }
#define TO_DIGITS(whole_call, digits_call, decimal_call)                                                               \
    {TAKES(PARAMETER_BIGINT), .result = &type_bigint, .null_in_null_out = true, .call = same_value},                   \
        {TAKES(PARAMETER_DOUBLE), .result = &type_bigint, .null_in_null_out = true, .call = whole_call},               \
        {TAKES(PARAMETER_DECIMAL), .result_of = result_whole, .null_in_null_out = true, .call = decimal_call},         \
        {TAKES(PARAMETER_DOUBLE, PARAMETER_INTEGER), .result = &type_double, .null_in_null_out = true,                 \
         .call = digits_call},                                                                                         \
    {                                                                                                                  \
        TAKES(PARAMETER_DECIMAL, PARAMETER_INTEGER), .result_of = function_result_first, .null_in_null_out = true,     \
                                                     .call = decimal_call                                              \
    }

FUNCTION_LIST(
    functions_numeric,
    {.name = "ABS",
     .category = "Numeric",
     .signature = "ABS(number)",
     .description = "The absolute value.",
     VARIANTS(EACH(abs_integer, abs_bigint, abs_decimal, abs_double))},
    {.name = "CBRT",
     .category = "Numeric",
     .signature = "CBRT(number)",
     .description = "The cube root.",
     VARIANTS(OF_DOUBLE(cbrt_double))},
    {.name = "CEIL",
     .category = "Numeric",
     .signature = "CEIL(number)",
     .description = "The least whole number that is not smaller; a DECIMAL keeps its type.",
     VARIANTS(EACH(same_value, same_value, ceil_decimal, ceil_double))},
    {.name = "EXP",
     .category = "Numeric",
     .signature = "EXP(number)",
     .description = "e to the power of the number.",
     VARIANTS(OF_DOUBLE(exp_double))},
    {.name = "FLOOR",
     .category = "Numeric",
     .signature = "FLOOR(number)",
     .description = "The greatest whole number that is not larger; a DECIMAL keeps its type.",
     VARIANTS(EACH(same_value, same_value, floor_decimal, floor_double))},
    {.name = "GREATEST",
     .category = "Numeric",
     .signature = "GREATEST(value, ..)",
     .description = "The largest of the values that are not NULL; texts by UTF-16 code units. NULL when all are.",
     VARIANTS({TAKES(PARAMETER_SAME, PARAMETER_SAME), .variadic = true, .result_of = extreme_result,
               .call = greatest})},
    {.name = "LEAST",
     .category = "Numeric",
     .signature = "LEAST(value, ..)",
     .description = "The smallest of the values that are not NULL. NULL when all are.",
     VARIANTS({TAKES(PARAMETER_SAME, PARAMETER_SAME), .variadic = true, .result_of = extreme_result, .call = least})},
    {.name = "LN",
     .category = "Numeric",
     .signature = "LN(number)",
     .description = "The natural logarithm: -Infinity for 0, NaN below.",
     VARIANTS(OF_DOUBLE(ln_double))},
    {.name = "LOG",
     .category = "Numeric",
     .signature = "LOG([base, ]number)",
     .description = "The logarithm, the natural one without a base; NaN when the base is not positive or is 1.",
     VARIANTS(OF_DOUBLE(ln_double), OF_DOUBLES(log_base))},
    {.name = "POWER",
     .category = "Numeric",
     .signature = "POWER(base, exponent)",
     .description = "The base to the power of the exponent, a DOUBLE.",
     VARIANTS(OF_DOUBLES(power_double))},
    {.name = "RANDOM",
     .category = "Numeric",
     .signature = "RANDOM()",
     .description = "A random DOUBLE, 0 or more and less than 1; it follows from the record's place in the log.",
     .changing = true,
     VARIANTS({.result = &type_double, .call = random_double})},
    {.name = "ROUND",
     .category = "Numeric",
     .signature = "ROUND(number[, digits])",
     .description = "The nearest number with so many digits after the point (0 if not given; negative: before it), "
                    "the larger one at a tie. Without digits a DOUBLE "
                    "becomes a BIGINT, and a DECIMAL has none after the point; with digits a DECIMAL keeps its type.",
     VARIANTS(TO_DIGITS(round_double, round_double_digits, round_decimal))},
    {.name = "SIGN",
     .category = "Numeric",
     .signature = "SIGN(number)",
     .description = "-1, 0 or 1 as the number is negative, zero or positive.",
     VARIANTS({TAKES(PARAMETER_BIGINT), .result = &type_integer, .null_in_null_out = true, .call = sign_bigint},
              {TAKES(PARAMETER_DECIMAL), .result = &type_integer, .null_in_null_out = true, .call = sign_decimal},
              {TAKES(PARAMETER_DOUBLE), .result = &type_integer, .null_in_null_out = true, .call = sign_double})},
    {.name = "SQRT",
     .category = "Numeric",
     .signature = "SQRT(number)",
     .description = "The square root; NaN of a negative number.",
     VARIANTS(OF_DOUBLE(sqrt_double))},
    {.name = "TRUNC",
     .category = "Numeric",
     .signature = "TRUNC(number[, digits])",
     .description = "The number without what is after so many digits after the point (0 if not given; negative: "
                    "before it). Without digits a DOUBLE becomes a "
                    "BIGINT, and a DECIMAL has none after the point; with digits a DECIMAL keeps its type.",
     VARIANTS(TO_DIGITS(trunc_double, trunc_double_digits, trunc_decimal))});
