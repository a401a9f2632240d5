/* Scalar functions on collections, angles, BYTES, JSON, URLs; lambdas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "function_cases.h"

static const struct function_case collection_cases[] = {
    {"ARRAY_CONCAT", {AI("1,2"), AI("2,null")}, "ARRAY<INTEGER>", "[1, 2, 2, null]"},
    {"ARRAY_CONCAT", {AI("1,2"), AI(NULL)}, "ARRAY<INTEGER>", "[1, 2]"},
    {"ARRAY_CONCAT", {AI(NULL), AI(NULL)}, "ARRAY<INTEGER>", "NULL"},
    {"ARRAY_CONTAINS", {AI("1,2"), L("2")}, "BOOLEAN", "true"},
    {"ARRAY_CONTAINS", {AI("1,2"), D("2")}, "BOOLEAN", "true"},
    {"ARRAY_CONTAINS", {AI("1,2"), C2("2.00")}, "BOOLEAN", "true"},
    {"ARRAY_CONTAINS", {AI("1,2"), I("3")}, "BOOLEAN", "false"},
    {"ARRAY_CONTAINS", {AI("1,null"), I(NULL)}, "BOOLEAN", "true"},
    {"ARRAY_CONTAINS", {AI(NULL), I("3")}, "BOOLEAN", "false"},
    {"ARRAY_CONTAINS", {AI("1"), S("1")}, "none", "the value is of another type"},
    {"ARRAY_DISTINCT", {AI("3,1,3,null,null,1")}, "ARRAY<INTEGER>", "[3, 1, null]"},
    {"ARRAY_EXCEPT", {AI("3,1,3,2,null"), AI("2,5")}, "ARRAY<INTEGER>", "[3, 1, null]"},
    {"ARRAY_INTERSECT", {AI("3,1,3,2,null"), AI("null,3,2")}, "ARRAY<INTEGER>", "[3, 2, null]"},
    {"ARRAY_INTERSECT", {AI("1"), AI(NULL)}, "ARRAY<INTEGER>", "NULL"},
    {"ARRAY_UNION", {AS("b,a,b"), AS("c,a")}, "ARRAY<STRING>", "[b, a, c]"},
    {"ARRAY_JOIN", {AI("1,null,3")}, "STRING", "1,null,3"},
    {"ARRAY_JOIN", {AD("1,2.5"), S("; ")}, "STRING", "1.0; 2.5"},
    {"ARRAY_JOIN", {AI("1,2"), S(NULL)}, "STRING", "12"},
    {"ARRAY_JOIN", {AA("a")}, "none", "an ARRAY of simple values"},
    {"ARRAY_LENGTH", {AI("1,2")}, "INTEGER", "2"},
    {"ARRAY_LENGTH", {AI(NULL)}, "INTEGER", "NULL"},
    {"ARRAY_MAX", {AI("1,null,3,2")}, "INTEGER", "3"},
    {"ARRAY_MAX", {AI("null")}, "INTEGER", "NULL"},
    {"ARRAY_MIN", {AS("b,a")}, "STRING", "a"},
    {"ARRAY_REMOVE", {AI("1,2,1,null"), I("1")}, "ARRAY<INTEGER>", "[2, null]"},
    {"ARRAY_REMOVE", {AI("1,null"), I(NULL)}, "ARRAY<INTEGER>", "[1]"},
    {"ARRAY_SORT", {AI("3,null,1,2")}, "ARRAY<INTEGER>", "[1, 2, 3, null]"},
    {"ARRAY_SORT", {AI("3,null,1,2"), S("descending")}, "ARRAY<INTEGER>", "[3, 2, 1, null]"},
    {"ARRAY_SORT", {AI("3"), S("up")}, "ARRAY<INTEGER>", "! 'up' is no direction"},
    {"AS_MAP", {AS("a,b,a"), AI("1,2,3")}, "MAP<STRING, INTEGER>", "{a=3, b=2}"},
    {"AS_MAP", {AS("a,b"), AI("1")}, "MAP<STRING, INTEGER>", "{a=1}"},
    {"ELT", {I("2"), S("a"), S("b")}, "STRING", "b"},
    {"ELT", {I("3"), S("a"), S("b")}, "STRING", "NULL"},
    {"ELT", {I("0"), S("a"), S("b")}, "STRING", "NULL"},
    {"ENTRIES",
     {MI("b=1,a=2"), O("true")},
     "ARRAY<STRUCT<`K` STRING, `V` INTEGER>>",
     "[Struct{K=a,V=2}, Struct{K=b,V=1}]"},
    {"ENTRIES",
     {MI("b=1,a=2"), O("false")},
     "ARRAY<STRUCT<`K` STRING, `V` INTEGER>>",
     "[Struct{K=b,V=1}, Struct{K=a,V=2}]"},
    {"FIELD", {S("b"), S("a"), S(NULL), S("b")}, "INTEGER", "3"},
    {"FIELD", {S(NULL), S("a"), S(NULL)}, "INTEGER", "0"},
    {"GENERATE_SERIES", {I("1"), I("4")}, "ARRAY<INTEGER>", "[1, 2, 3, 4]"},
    {"GENERATE_SERIES", {I("4"), I("1")}, "ARRAY<INTEGER>", "[4, 3, 2, 1]"},
    {"GENERATE_SERIES", {L("1"), L("6"), I("2")}, "ARRAY<BIGINT>", "[1, 3, 5]"},
    {"GENERATE_SERIES", {I("1"), I("6"), I("-2")}, "ARRAY<INTEGER>", "! the step of the series leads away"},
    {"GENERATE_SERIES", {I("1"), I("6"), I("0")}, "ARRAY<INTEGER>", "! the step of a series must not be 0"},
    {"GENERATE_SERIES",
     {L("-9223372036854775808"), L("9223372036854775807")},
     "ARRAY<BIGINT>",
     "! the series has more than"},
    {"MAP_KEYS", {MI("b=1,a=2")}, "ARRAY<STRING>", "[b, a]"},
    {"MAP_UNION", {MI("b=1,a=2"), MI("c=3,b=4")}, "MAP<STRING, INTEGER>", "{b=4, a=2, c=3}"},
    {"MAP_UNION", {MI(NULL), MI("c=3")}, "MAP<STRING, INTEGER>", "{c=3}"},
    {"MAP_VALUES", {MI("b=1,a=2")}, "ARRAY<INTEGER>", "[1, 2]"},
    {"SLICE", {AI("1,2,3,4"), I("2"), I("3")}, "ARRAY<INTEGER>", "[2, 3]"},
    {"SLICE", {AI("1,2,3,4"), I(NULL), I(NULL)}, "ARRAY<INTEGER>", "[1, 2, 3, 4]"},
    {"SLICE", {AI("1,2,3,4"), I("2"), I("5")}, "ARRAY<INTEGER>", "NULL"},
    {"SLICE", {AI("1,2,3,4"), I("0"), I("2")}, "ARRAY<INTEGER>", "NULL"},
    {"SPLIT", {S("a,b,,c"), S(",")}, "ARRAY<STRING>", "[a, b, , c]"},
    {"SPLIT", {S(",a,"), S(",")}, "ARRAY<STRING>", "[, a, ]"},
    {"SPLIT", {S("a\xc3\xa9z"), S("")}, "ARRAY<STRING>", "[a, \xc3\xa9, z]"},
    {"SPLIT", {S("abc"), S("x")}, "ARRAY<STRING>", "[abc]"},
    {"SPLIT", {S(""), S("x")}, "ARRAY<STRING>", "[]"},
    {"SPLIT", {X("610062"), X("00")}, "ARRAY<BYTES>", "[a, b]"},
    {"SPLIT_TO_MAP",
     {S("apple:=green/cherry:=red/x/apple:=yellow"), S("/"), S(":=")},
     "MAP<STRING, STRING>",
     "{apple=yellow, cherry=red}"},
    {"SPLIT_TO_MAP", {S("a=1=2,b=3"), S(","), S("=")}, "MAP<STRING, STRING>", "{b=3}"},
    {"SPLIT_TO_MAP", {S("a=1"), S(""), S("=")}, "MAP<STRING, STRING>", "NULL"},
};

static void test_collections(void **state) {
    (void)state;
    CHECK(collection_cases);
}

static const struct function_case angle_cases[] = {
    {"ACOS", {D("2")}, "DOUBLE", "NaN"},
    {"ASIN", {I("0")}, "DOUBLE", "0.0"},
    {"ATAN", {D("0")}, "DOUBLE", "0.0"},
    {"ATAN2", {D("1"), D("0")}, "DOUBLE", "1.5707963267948966"},
    {"COS", {D("0")}, "DOUBLE", "1.0"},
    {"COSH", {D("0")}, "DOUBLE", "1.0"},
    {"COT", {D("0")}, "DOUBLE", "Infinity"},
    {"DEGREES", {D("3.141592653589793")}, "DOUBLE", "180.0"},
    {"PI", {{NULL, NULL}}, "DOUBLE", "3.141592653589793"},
    {"RADIANS", {D("180")}, "DOUBLE", "3.141592653589793"},
    {"SIN", {D("0")}, "DOUBLE", "0.0"},
    {"SINH", {D("0")}, "DOUBLE", "0.0"},
    {"TAN", {D("0")}, "DOUBLE", "0.0"},
    {"TANH", {D("Infinity")}, "DOUBLE", "1.0"},
    {"GEO_DISTANCE", {D("0"), D("0"), D("0"), D("180")}, "DOUBLE", "20015.086796020572"},
    {"GEO_DISTANCE", {D("0"), D("0"), D("0"), D("0"), S("miles")}, "DOUBLE", "0.0"},
    {"GEO_DISTANCE", {D("91"), D("0"), D("0"), D("0")}, "DOUBLE", "! a latitude"},
    {"GEO_DISTANCE", {D("0"), D("NaN"), D("0"), D("0")}, "DOUBLE", "! a longitude"},
    {"GEO_DISTANCE", {D("0"), D("0"), D("0"), D("0"), S("ells")}, "DOUBLE", "! 'ells' is no unit of distance"},
};

static void test_angles(void **state) {
    (void)state;
    CHECK(angle_cases);
}

static const struct function_case byte_cases[] = {
    {"BIGINT_FROM_BYTES", {X("ffffffffffffffff")}, "BIGINT", "-1"},
    {"BIGINT_FROM_BYTES", {X("0100000000000000"), S("little_endian")}, "BIGINT", "1"},
    {"BIGINT_FROM_BYTES", {X("01")}, "BIGINT", "! 8 bytes are expected, not 1"},
    {"BIGINT_FROM_BYTES", {X("01"), S("MIDDLE")}, "BIGINT", "! 'MIDDLE' is no order of bytes"},
    {"DOUBLE_FROM_BYTES", {X("3ff8000000000000")}, "DOUBLE", "1.5"},
    {"INT_FROM_BYTES", {X("fffffffe")}, "INTEGER", "-2"},
    {"CHR", {I("75")}, "STRING", "K"},
    {"CHR", {I("128512")}, "STRING", "\xf0\x9f\x98\x80"},
    {"CHR", {S("\\u004b")}, "STRING", "K"},
    {"CHR", {S("\\ud83d\\ude00")}, "STRING", "\xf0\x9f\x98\x80"},
    {"CHR", {S("K")}, "STRING", "NULL"},
    {"CHR", {I("-1")}, "STRING", "NULL"},
    {"CHR", {I("55296")}, "STRING", "NULL"},
    {"ENCODE", {S("Example!"), S("utf8"), S("hex")}, "STRING", "4578616d706c6521"},
    {"ENCODE", {S("0x4578616D706C6521"), S("hex"), S("ascii")}, "STRING", "Example!"},
    {"ENCODE", {S("x'45'"), S("hex"), S("utf8")}, "STRING", "E"},
    {"ENCODE", {S("F45"), S("hex"), S("base64")}, "STRING", "D0U="},
    {"ENCODE", {S("RXhhbXBsZSE="), S("base64"), S("utf8")}, "STRING", "Example!"},
    {"ENCODE", {S("RXhhbXBsZSE"), S("base64"), S("utf8")}, "STRING", "Example!"},
    {"ENCODE", {S("R==="), S("base64"), S("utf8")}, "STRING", "! 'R===' is not in encoding base64"},
    {"ENCODE", {S("xyz"), S("hex"), S("utf8")}, "STRING", "! 'xyz' is not in encoding hex"},
    {"ENCODE", {S("xyz"), S("rot13"), S("utf8")}, "STRING", "! 'rot13' is no encoding"},
    {"ENCODE", {S("\xc3\xa9"), S("ascii"), S("ascii")}, "STRING", "?"},
    {"ENCODE",
     {S("ff41"), S("hex"), S("utf8")},
     "STRING",
     "\xef\xbf\xbd"
     "A"},
    {"FROM_BYTES", {X("ab01"), S("hex")}, "STRING", "AB01"},
    {"FROM_BYTES", {X("616263"), S("base64")}, "STRING", "YWJj"},
    {"FROM_BYTES", {X(""), S("base64")}, "STRING", ""},
    {"TO_BYTES", {S("YWI="), S("base64")}, "BYTES", "6162"},
    {"TO_BYTES", {S(""), S("base64")}, "BYTES", ""},
    {"TO_BYTES", {S("ab"), S("utf8")}, "BYTES", "6162"},
};

static void test_bytes(void **state) {
    (void)state;
    CHECK(byte_cases);
}

static const struct function_case json_cases[] = {
    {"EXTRACTJSONFIELD",
     {S("{\"log\":{\"cloud\":\"gcp\",\"instances\":[1,2.50,{\"a\":null}]}}"), S("$.log.cloud")},
     "STRING",
     "gcp"},
    {"EXTRACTJSONFIELD",
     {S("{\"log\":{\"cloud\":\"gcp\",\"instances\":[1,2.50,{\"a\":null}]}}"), S("$.log.instances[1]")},
     "STRING",
     "2.5"},
    {"EXTRACTJSONFIELD",
     {S("{\"log\":{\"cloud\":\"gcp\",\"instances\":[1,2.50,{\"a\":null}]}}"), S("$['log'][\"instances\"]")},
     "STRING",
     "[1,2.5,{\"a\":null}]"},
    {"EXTRACTJSONFIELD", {S("{\"log\":{\"a\":null}}"), S("$.log.a")}, "STRING", "NULL"},
    {"EXTRACTJSONFIELD", {S("{\"log\":1}"), S("$.log[0].a")}, "STRING", "NULL"},
    {"EXTRACTJSONFIELD", {S("{\"log\":true}"), S("$.log")}, "STRING", "true"},
    {"EXTRACTJSONFIELD", {S("{\"log\":"), S("$.log")}, "STRING", "NULL"},
    {"EXTRACTJSONFIELD", {S("{}"), S("log")}, "STRING", "! 'log': the path does not begin with $"},
    {"EXTRACTJSONFIELD", {S("{}"), S("$.")}, "STRING", "! '$.': a name is missing in the path"},
    {"EXTRACTJSONFIELD", {S("{}"), S("$[")}, "STRING", "! '$[': a bracket of the path"},
    {"EXTRACTJSONFIELD", {S("{}"), S("$['a'")}, "STRING", "! '$['a'': a bracket of the path"},
    {"EXTRACTJSONFIELD", {S("{}"), S("$x")}, "STRING", "! '$x': a step of the path"},
    {"IS_JSON_STRING", {S("[1, \"x\"]")}, "BOOLEAN", "true"},
    {"IS_JSON_STRING", {S("12")}, "BOOLEAN", "true"},
    {"IS_JSON_STRING", {S("[1,")}, "BOOLEAN", "false"},
    {"IS_JSON_STRING", {S("")}, "BOOLEAN", "false"},
    {"IS_JSON_STRING", {S(NULL)}, "BOOLEAN", "false"},
    {"JSON_ARRAY_CONTAINS", {S("[1,2,3]"), I("3")}, "BOOLEAN", "true"},
    {"JSON_ARRAY_CONTAINS", {S("[1,2.5]"), D("2.5")}, "BOOLEAN", "true"},
    {"JSON_ARRAY_CONTAINS", {S("[\"a\",null]"), S("a")}, "BOOLEAN", "true"},
    {"JSON_ARRAY_CONTAINS", {S("[\"a\",null]"), S(NULL)}, "BOOLEAN", "true"},
    {"JSON_ARRAY_CONTAINS", {S("[\"1\",true]"), I("1")}, "BOOLEAN", "false"},
    {"JSON_ARRAY_CONTAINS", {S("[true]"), O("true")}, "BOOLEAN", "true"},
    {"JSON_ARRAY_CONTAINS", {S("{}"), O("true")}, "BOOLEAN", "false"},
    {"JSON_ARRAY_LENGTH", {S("[1,[2,3]]")}, "INTEGER", "2"},
    {"JSON_ARRAY_LENGTH", {S("{}")}, "INTEGER", "NULL"},
    {"JSON_CONCAT", {S("{\"a\":1}"), S("{\"b\":2,\"a\":3}")}, "STRING", "{\"a\":3,\"b\":2}"},
    {"JSON_CONCAT", {S("[1]"), S("[2,3]")}, "STRING", "[1,2,3]"},
    {"JSON_CONCAT", {S("{\"a\":1}"), S("[2]"), S("\"x\"")}, "STRING", "[{\"a\":1},2,\"x\"]"},
    {"JSON_CONCAT", {S("{\"a\":1}"), S("{")}, "STRING", "NULL"},
    {"JSON_ITEMS", {S("[{\"a\":1},\"b\",2]")}, "ARRAY<STRING>", "[{\"a\":1}, \"b\", 2]"},
    {"JSON_ITEMS", {S("{}")}, "ARRAY<STRING>", "NULL"},
    {"JSON_KEYS", {S("{\"b\":{\"c\":1},\"a\":2}")}, "ARRAY<STRING>", "[b, a]"},
    {"JSON_RECORDS", {S("{\"b\":{\"c\":1},\"a\":\"x\"}")}, "MAP<STRING, STRING>", "{b={\"c\":1}, a=\"x\"}"},
    {"JSON_RECORDS", {S("[]")}, "MAP<STRING, STRING>", "NULL"},
    {"TO_JSON_STRING", {I("5")}, "STRING", "5"},
    {"TO_JSON_STRING", {S("a\"b")}, "STRING", "\"a\\\"b\""},
    {"TO_JSON_STRING", {S(NULL)}, "STRING", "null"},
    {"TO_JSON_STRING", {D("NaN")}, "STRING", "\"NaN\""},
    {"TO_JSON_STRING", {C2("1.50")}, "STRING", "1.50"},
    {"TO_JSON_STRING", {X("6162")}, "STRING", "\"YWI=\""},
    {"TO_JSON_STRING", {STAMP("2020-01-01")}, "STRING", "\"2020-01-01T00:00:00.000\""},
    {"TO_JSON_STRING", {AI("1,null")}, "STRING", "[1,null]"},
    {"TO_JSON_STRING", {MI("a=1,b=null")}, "STRING", "{\"a\":1,\"b\":null}"},
};

static void test_json(void **state) {
    (void)state;
    CHECK(json_cases);
}

#define ADDRESS "https://user@docs.example.com:8080/a%20b/c?x=1&y&z=%C3%A9+&x=2#part%201"

static const struct function_case url_cases[] = {
    {"URL_DECODE_PARAM", {S("a%20b+c%C3%A9")}, "STRING", "a b c\xc3\xa9"},
    {"URL_DECODE_PARAM", {S("100%")}, "STRING", "! '100%' has an escape that is not whole"},
    {"URL_ENCODE_PARAM", {S("a b&\xc3\xa9*~")}, "STRING", "a+b%26%C3%A9*%7E"},
    {"URL_EXTRACT_FRAGMENT", {S(ADDRESS)}, "STRING", "part 1"},
    {"URL_EXTRACT_FRAGMENT", {S("http://x")}, "STRING", "NULL"},
    {"URL_EXTRACT_HOST", {S(ADDRESS)}, "STRING", "docs.example.com"},
    {"URL_EXTRACT_HOST", {S("http://[::1]:80/")}, "STRING", "[::1]"},
    {"URL_EXTRACT_HOST", {S("/only/a/path")}, "STRING", "NULL"},
    {"URL_EXTRACT_HOST", {S("http://a b/")}, "STRING", "! 'http://a b/' is no URL"},
    {"URL_EXTRACT_HOST", {S("1http://a/")}, "STRING", "! '1http://a/' is no URL"},
    {"URL_EXTRACT_PARAMETER", {S(ADDRESS), S("x")}, "STRING", "1"},
    {"URL_EXTRACT_PARAMETER", {S(ADDRESS), S("y")}, "STRING", ""},
    {"URL_EXTRACT_PARAMETER", {S(ADDRESS), S("z")}, "STRING", "\xc3\xa9 "},
    {"URL_EXTRACT_PARAMETER", {S(ADDRESS), S("w")}, "STRING", "NULL"},
    {"URL_EXTRACT_PATH", {S(ADDRESS)}, "STRING", "/a b/c"},
    {"URL_EXTRACT_PATH", {S("http://x")}, "STRING", ""},
    {"URL_EXTRACT_PORT", {S(ADDRESS)}, "INTEGER", "8080"},
    {"URL_EXTRACT_PORT", {S("http://[::1]:80/")}, "INTEGER", "80"},
    {"URL_EXTRACT_PORT", {S("http://x:/")}, "INTEGER", "NULL"},
    {"URL_EXTRACT_PROTOCOL", {S(ADDRESS)}, "STRING", "https"},
    {"URL_EXTRACT_QUERY", {S("http://x?a=%20b#c")}, "STRING", "a= b"},
    {"URL_EXTRACT_QUERY", {S(NULL)}, "STRING", "NULL"},
};

static void test_urls(void **state) {
    (void)state;
    CHECK(url_cases);
}

/* --- lambdas
 * ------------------------------------------------------------------------------------------------------------------ */

/* x => x * 10; (k, v) => v > 1 and the like, by the place of the lambda and what the test wants. */
static bool lambda_double(struct function_call *call, size_t index, const struct value *arguments, size_t count,
                          struct value *ret_value) {
    assert_int_equal(index, 1);
    assert_int_equal(count, 1);
    if (arguments[0].null) {
        call->problem = "no value";
        return false;
    }
    *ret_value = value_of_integer(arguments[0].integer * 10);
    return true;
}

static bool lambda_more_than_one(struct function_call *call, size_t index, const struct value *arguments, size_t count,
                                 struct value *ret_value) {
    (void)call;
    assert_int_equal(index, 1);
    *ret_value = arguments[count - 1].null ? VALUE_NULL : value_of_boolean(arguments[count - 1].integer > 1);
    return true;
}

static bool lambda_sum(struct function_call *call, size_t index, const struct value *arguments, size_t count,
                       struct value *ret_value) {
    (void)call;
    assert_int_equal(index, 2);
    *ret_value = value_of_integer(arguments[0].integer + arguments[count - 1].integer);
    return true;
}

/* Keys become "k", values themselves. */
static bool lambda_same_key(struct function_call *call, size_t index, const struct value *arguments, size_t count,
                            struct value *ret_value) {
    (void)call;
    assert_int_equal(count, 2);
    *ret_value = index == 1 ? value_of_text(SLICE("k")) : arguments[1];
    return true;
}

static void test_lambdas(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t variant, count, lambda;
        struct argument arguments[3]; /* for a lambda, the type that it gives */
        bool (*call)(struct function_call *, size_t, const struct value *, size_t, struct value *);
        const char *parameters, *type, *result;
    } cases[] = {
        {"FILTER", 0, 2, 1, {AI("1,null,2,3"), O(NULL)}, lambda_more_than_one, "INTEGER", "ARRAY<INTEGER>", "[2, 3]"},
        {"FILTER",
         1,
         2,
         1,
         {MI("a=1,b=2"), O(NULL)},
         lambda_more_than_one,
         "STRING, INTEGER",
         "MAP<STRING, INTEGER>",
         "{b=2}"},
        {"FILTER",
         0,
         2,
         1,
         {AI("1"), I(NULL)},
         lambda_double,
         "INTEGER",
         "none",
         "the lambda of FILTER must give a BOOLEAN"},
        {"TRANSFORM", 0, 2, 1, {AI("1,2"), L(NULL)}, lambda_double, "INTEGER", "ARRAY<BIGINT>", "[10, 20]"},
        {"TRANSFORM", 0, 2, 1, {AI("1,null"), L(NULL)}, lambda_double, "INTEGER", "ARRAY<BIGINT>", "! no value"},
        {"TRANSFORM",
         1,
         3,
         2,
         {MI("a=1,b=2"), S(NULL), I(NULL)},
         lambda_same_key,
         "STRING, INTEGER",
         "MAP<STRING, INTEGER>",
         "{k=2}"},
        {"REDUCE", 0, 3, 2, {AI("1,2,3"), L("10"), L(NULL)}, lambda_sum, "BIGINT, INTEGER", "BIGINT", "16"},
        {"REDUCE", 1, 3, 2, {MI("a=1,b=2"), I("10"), I(NULL)}, lambda_sum, "INTEGER, STRING, INTEGER", "INTEGER", "13"},
        {"REDUCE", 0, 3, 2, {AI(NULL), L("10"), L(NULL)}, lambda_sum, "BIGINT, INTEGER", "BIGINT", "10"},
        {"REDUCE", 0, 3, 2, {AI("1"), L(NULL), L(NULL)}, lambda_sum, "BIGINT, INTEGER", "BIGINT", "NULL"},
        {"REDUCE",
         0,
         3,
         2,
         {AI("1"), I("1"), L(NULL)},
         lambda_sum,
         "INTEGER, INTEGER",
         "none",
         "the lambda of REDUCE must give the type of the state"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct function *function = function_find(slice_of(cases[i].name));
        const struct type *types[3], *parameters[3];
        struct value values[3], value;
        for (size_t j = 0; j < cases[i].count; j++) {
            types[j] = cases[i].arguments[j].type;
            values[j] = value_from(&arena, types[j], cases[i].arguments[j].text);
        }
        struct bytes text = {0};
        size_t parameter_count = function->lambda_types(cases[i].lambda, types, cases[i].count, parameters);
        for (size_t j = 0; j < parameter_count; j++) {
            bytes_append_string(&text, j ? ", " : "");
            type_print(&text, parameters[j]);
        }
        if (!slice_equal(bytes_slice(&text), slice_of(cases[i].parameters)))
            fail_msg("%zu: parameters %.*s", i, (int)text.length, text.data);
        text.length = 0;
        const char *problem = NULL;
        const struct type *result =
            function->variants[cases[i].variant].result_of(&arena, types, cases[i].count, &problem);
        struct function_call call = {
            .arena = &arena, .types = types, .count = cases[i].count, .result = result, .lambda = cases[i].call};
        if (!result)
            bytes_append_string(&text, problem);
        else if (!function->variants[cases[i].variant].call(&call, values, &value))
            bytes_append_format(&text, "! %s", call.problem);
        else if (value.null)
            bytes_append_string(&text, "NULL");
        else
            value_print(&text, result, &value);
        if (!slice_equal(bytes_slice(&text), slice_of(cases[i].result)))
            fail_msg("%zu: gives %.*s", i, (int)text.length, text.data);
        assert_string_equal(result ? type_text(&arena, result).data : "none", cases[i].type);
        bytes_release(&text);
    }
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collections), cmocka_unit_test(test_angles), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_json),        cmocka_unit_test(test_urls),   cmocka_unit_test(test_lambdas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
