/* What becomes of NULL, and AS_VALUE, which only copies. */
#include "sql/function/library/functions.h"

static bool first_not_null(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    *ret_value = VALUE_NULL;
    for (size_t i = 0; i < call->count && ret_value->null; i++)
        *ret_value = arguments[i];
    return true;
}

static bool null_if(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    bool equal =
        !arguments[0].null && !arguments[1].null && value_compare(call->result, &arguments[0], &arguments[1]) == 0;
    *ret_value = equal ? VALUE_NULL : arguments[0];
    return true;
}

static bool as_value(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = arguments[0];
    return true;
}

FUNCTION_LIST(functions_null_handling,
              {.name = "AS_VALUE",
               .category = "Null handling",
               .signature = "AS_VALUE(key)",
               .description = "A copy of a key column for the value.",
               VARIANTS({TAKES(PARAMETER_ANY), .result_of = function_result_first, .call = as_value})},
              {.name = "COALESCE",
               .category = "Null handling",
               .signature = "COALESCE(value, ..)",
               .description = "The first of the values that is not NULL; NULL when all are.",
               VARIANTS({TAKES(PARAMETER_SAME, PARAMETER_SAME), .variadic = true, .result_of = function_result_first,
                         .call = first_not_null})},
              {.name = "IFNULL",
               .category = "Null handling",
               .signature = "IFNULL(value, alternative)",
               .description = "The value, or the alternative where it is NULL.",
               VARIANTS({TAKES(PARAMETER_SAME, PARAMETER_SAME), .result_of = function_result_first,
                         .call = first_not_null})},
              {.name = "NULLIF",
               .category = "Null handling",
               .signature = "NULLIF(value, other)",
               .description = "NULL where the two are equal, else the value.",
               VARIANTS({TAKES(PARAMETER_SAME, PARAMETER_SAME), .result_of = function_result_first, .call = null_if})});
