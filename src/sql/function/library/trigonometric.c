/* Angles, in radians: java.lang.Math. */
#include "sql/function/library/functions.h"

#include <math.h>

#define ANGLE(name, expression)                                                                                        \
    static bool name(struct function_call *call, const struct value *arguments, struct value *ret_value) {             \
        (void)call;                                                                                                    \
        double x = arguments[0].number;                                                                                \
        *ret_value = value_of_number(expression);                                                                      \
        return true;                                                                                                   \
    }

ANGLE(angle_acos, acos(x))
ANGLE(angle_asin, asin(x))
ANGLE(angle_atan, atan(x))
ANGLE(angle_atan2, atan2(x, arguments[1].number))
ANGLE(angle_cos, cos(x))
ANGLE(angle_cosh, cosh(x))
ANGLE(angle_cot, 1 / tan(x))
ANGLE(angle_degrees, x *(180 / M_PI))
ANGLE(angle_radians, x *(M_PI / 180))
ANGLE(angle_sin, sin(x))
ANGLE(angle_sinh, sinh(x))
ANGLE(angle_tan, tan(x))
ANGLE(angle_tanh, tanh(x))

static bool angle_pi(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call, (void)arguments;
    *ret_value = value_of_number(M_PI);
    return true;
}

#define OF_ANGLE(title, function, text)                                                                                \
    {                                                                                                                  \
        .name = title, .category = "Numeric", .signature = title "(number)", .description = text,                      \
        VARIANTS({TAKES(PARAMETER_DOUBLE), .result = &type_double, .null_in_null_out = true, .call = function})        \
    }

FUNCTION_LIST(functions_trigonometric,
              OF_ANGLE("ACOS", angle_acos, "The angle whose cosine the number is; NaN outside -1 to 1."),
              OF_ANGLE("ASIN", angle_asin, "The angle whose sine the number is; NaN outside -1 to 1."),
              OF_ANGLE("ATAN", angle_atan, "The angle whose tangent the number is."),
              {.name = "ATAN2",
               .category = "Numeric",
               .signature = "ATAN2(y, x)",
               .description = "The angle of the point (x, y) in polar coordinates.",
               VARIANTS({TAKES(PARAMETER_DOUBLE, PARAMETER_DOUBLE), .result = &type_double, .null_in_null_out = true,
                         .call = angle_atan2})},
              OF_ANGLE("COS", angle_cos, "The cosine."), OF_ANGLE("COSH", angle_cosh, "The hyperbolic cosine."),
              OF_ANGLE("COT", angle_cot, "The cotangent; Infinity of 0."),
              OF_ANGLE("DEGREES", angle_degrees, "An angle in radians as degrees."),
              {.name = "PI",
               .category = "Numeric",
               .signature = "PI()",
               .description = "The double nearest to pi.",
               VARIANTS({.result = &type_double, .call = angle_pi})},
              OF_ANGLE("RADIANS", angle_radians, "An angle in degrees as radians."),
              OF_ANGLE("SIN", angle_sin, "The sine."), OF_ANGLE("SINH", angle_sinh, "The hyperbolic sine."),
              OF_ANGLE("TAN", angle_tan, "The tangent."), OF_ANGLE("TANH", angle_tanh, "The hyperbolic tangent."));
