/* Cases of scalar functions as tables: values written as text, a variant chosen by their types, the result as text. */
#ifndef METERLINE_TESTS_FUNCTION_CASES_H
#define METERLINE_TESTS_FUNCTION_CASES_H

#include "sql/function/function.h"

struct argument {
    const struct type *type;
    const char *text; /* NULL: a NULL of the type */
};

extern const struct type decimal_2_1, decimal_5_2, array_of_integers, array_of_doubles, array_of_strings,
    array_of_arrays, map_to_integers;

#define O(text)                                                                                                        \
    { &type_boolean, text }
#define I(text)                                                                                                        \
    { &type_integer, text }
#define L(text)                                                                                                        \
    { &type_bigint, text }
#define D(text)                                                                                                        \
    { &type_double, text }
#define S(text)                                                                                                        \
    { &type_string, text }
#define X(text)                                                                                                        \
    { &type_bytes, text }
#define C1(text)                                                                                                       \
    { &decimal_2_1, text }
#define C2(text)                                                                                                       \
    { &decimal_5_2, text }
#define DATE(text)                                                                                                     \
    { &type_date, text }
#define TIME(text)                                                                                                     \
    { &type_time, text }
#define STAMP(text)                                                                                                    \
    { &type_timestamp, text }
#define AI(text)                                                                                                       \
    { &array_of_integers, text }
#define AD(text)                                                                                                       \
    { &array_of_doubles, text }
#define AS(text)                                                                                                       \
    { &array_of_strings, text }
#define AA(text)                                                                                                       \
    { &array_of_arrays, text }
#define MI(text)                                                                                                       \
    { &map_to_integers, text }

struct function_case {
    const char *name;
    struct argument arguments[8];
    const char *type;   /* of the result */
    const char *result; /* "! ..": how the problem begins */
};

void check_cases(const struct function_case *cases, size_t case_count);

#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof *(cases))

/* ARRAY: 1,2,null; MAP: a=1,b=null; BYTES: hexadecimal digits. */
struct value value_from(struct arena *arena, const struct type *type, const char *text);

struct fixture {
    struct arena arena;
    struct time_zones zones;
    void *state;
    uint64_t calls; /* so far; they are the seed of chance */
};

/* The result as text: "NULL", or "! " and the problem. The state is kept from call to call by the caller. The wall
 * clock stands at 2023-11-14T22:13:20Z. */
const char *called(struct fixture *fixture, const struct function *function, const struct argument *arguments,
                   size_t count, const struct type **ret_type);

#endif
