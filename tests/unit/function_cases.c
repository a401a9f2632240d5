#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "function_cases.h"
#include "model/java_number.h"
#include "model/time/time_text.h"

const struct type decimal_2_1 = {.kind = TYPE_DECIMAL, .precision = 2, .scale = 1},
                  decimal_5_2 = {.kind = TYPE_DECIMAL, .precision = 5, .scale = 2},
                  array_of_integers = {.kind = TYPE_ARRAY, .element = &type_integer},
                  array_of_doubles = {.kind = TYPE_ARRAY, .element = &type_double},
                  array_of_strings = {.kind = TYPE_ARRAY, .element = &type_string},
                  array_of_arrays = {.kind = TYPE_ARRAY, .element = &array_of_strings},
                  map_to_integers = {.kind = TYPE_MAP, .key = &type_string, .element = &type_integer};

/* --- values from text
 * ------------------------------------------------------------------------------------------------------------------ */

static struct slice bytes_from_hex(struct arena *arena, const char *text) {
    size_t length = strlen(text) / 2;
    char *bytes = arena_allocate(arena, length + 1);
    for (size_t i = 0; i < length; i++) {
        unsigned byte;
        sscanf(text + 2 * i, "%2x", &byte);
        bytes[i] = (char)byte;
    }
    return (struct slice){bytes, length};
}

static struct value sequence_from(struct arena *arena, const struct type *type, const char *text) {
    struct value *items = arena_allocate(arena, 100 * sizeof *items);
    struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
    *sequence = (struct sequence){0, items};
    char *copy = (char *)arena_copy(arena, slice_of(text)).data, *rest = NULL;
    for (char *part = strtok_r(copy, type->kind == TYPE_MAP ? ",=" : ",", &rest); part;
         part = strtok_r(NULL, type->kind == TYPE_MAP ? ",=" : ",", &rest)) {
        const struct type *item = type->kind == TYPE_MAP && sequence->count % 2 == 0 ? type->key : type->element;
        items[sequence->count++] = strcmp(part, "null") == 0 ? VALUE_NULL : value_from(arena, item, part);
    }
    return value_of_sequence(sequence);
}

struct value value_from(struct arena *arena, const struct type *type, const char *text) {
    struct value value = {0};
    if (!text)
        return VALUE_NULL;
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return value_of_boolean(*text == 't');
    case TYPE_DOUBLE:
        assert_true(java_read_double(slice_of(text), &value.number));
        return value;
    case TYPE_DECIMAL:
        assert_true(decimal_read(slice_of(text), (struct decimal_shape){type->precision, type->scale}, &value.decimal));
        return value;
    case TYPE_STRING:
        return value_of_text(slice_of(text));
    case TYPE_BYTES:
        return value_of_text(bytes_from_hex(arena, text));
    case TYPE_DATE:
        assert_true(time_text_read_date(slice_of(text), &value.integer));
        return value;
    case TYPE_TIME:
        assert_true(time_text_read_time(slice_of(text), &value.integer));
        return value;
    case TYPE_TIMESTAMP:
        assert_true(time_text_read_timestamp(slice_of(text), &value.integer));
        return value;
    case TYPE_ARRAY:
    case TYPE_MAP:
        return sequence_from(arena, type, text);
    default:
        return value_of_integer(strtoll(text, NULL, 10));
    }
}

/* --- choosing a variant and calling it
 * ------------------------------------------------------------------------------------------------------ */

static const struct type *parameter_type(enum parameter_kind kind) {
    static const struct type *const types[] = {
        [PARAMETER_BOOLEAN] = &type_boolean,     [PARAMETER_INTEGER] = &type_integer,
        [PARAMETER_BIGINT] = &type_bigint,       [PARAMETER_DOUBLE] = &type_double,
        [PARAMETER_STRING] = &type_string,       [PARAMETER_BYTES] = &type_bytes,
        [PARAMETER_DATE] = &type_date,           [PARAMETER_TIME] = &type_time,
        [PARAMETER_TIMESTAMP] = &type_timestamp, [PARAMETER_UNIT] = &type_string,
    };
    return (size_t)kind < sizeof types / sizeof *types ? types[kind] : NULL;
}

static bool parameter_fits(enum parameter_kind kind, const struct type *type, bool exact) {
    switch (kind) {
    case PARAMETER_DECIMAL:
        return type->kind == TYPE_DECIMAL;
    case PARAMETER_ARRAY:
        return type->kind == TYPE_ARRAY;
    case PARAMETER_MAP:
        return type->kind == TYPE_MAP;
    case PARAMETER_STRUCT:
        return type->kind == TYPE_STRUCT;
    case PARAMETER_LAMBDA:
        return false;
    case PARAMETER_ANY:
    case PARAMETER_SAME:
        return true;
    default:
        return exact ? type_equal(type, parameter_type(kind)) : type_coercible(type, parameter_type(kind));
    }
}

static enum parameter_kind parameter_at(const struct function_variant *variant, size_t i) {
    return variant->parameters[i < variant->parameter_count ? i : variant->parameter_count - 1];
}

static const struct function_variant *choose(const struct function *function, const struct type *const *types,
                                             size_t count, bool exact) {
    for (size_t i = 0; i < function->variant_count; i++) {
        const struct function_variant *variant = &function->variants[i];
        bool fits = variant->variadic ? count + 1 >= variant->parameter_count : count == variant->parameter_count;
        for (size_t j = 0; fits && j < count; j++)
            fits = parameter_fits(parameter_at(variant, j), types[j], exact);
        if (fits)
            return variant;
    }
    return NULL;
}

static int64_t test_wall(void *context) {
    (void)context;
    return 1700000000000; /* 2023-11-14T22:13:20Z */
}

static const struct clock test_clock = {.wall = test_wall};

const char *called(struct fixture *fixture, const struct function *function, const struct argument *arguments,
                   size_t count, const struct type **ret_type) {
    const struct type *types[10];
    struct value values[10], value;
    for (size_t i = 0; i < count; i++) {
        types[i] = arguments[i].type;
        values[i] = value_from(&fixture->arena, types[i], arguments[i].text);
    }
    const struct function_variant *variant = choose(function, types, count, true);
    variant = variant ? variant : choose(function, types, count, false);
    if (!variant)
        return "! no variant";
    bool null = false;
    for (size_t i = 0; i < count; i++) {
        const struct type *wanted = parameter_type(parameter_at(variant, i));
        if (wanted && wanted->kind == TYPE_DOUBLE && types[i]->kind <= TYPE_BIGINT)
            values[i].number = (double)values[i].integer;
        types[i] = wanted ? wanted : types[i];
        null = null || values[i].null;
    }
    const char *problem = NULL;
    const struct type *result =
        variant->result ? variant->result : variant->result_of(&fixture->arena, types, count, &problem);
    *ret_type = result;
    if (!result)
        return problem ? problem : "! no memory";
    if (null && variant->null_in_null_out)
        return "NULL";
    struct function_call call = {.arena = &fixture->arena,
                                 .zones = &fixture->zones,
                                 .now = clock_wall(&test_clock),
                                 .chance = random_mix(fixture->calls++),
                                 .types = types,
                                 .count = count,
                                 .result = result,
                                 .state = &fixture->state};
    struct bytes text = {0};
    if (!variant->call(&call, values, &value)) {
        bytes_append_format(&text, "! %s", call.problem ? call.problem : "no memory");
    } else if (value.null) {
        bytes_append_string(&text, "NULL");
    } else if (result->kind == TYPE_BYTES) {
        for (size_t i = 0; i < value.text.length; i++)
            bytes_append_format(&text, "%02x", (unsigned char)value.text.data[i]);
    } else {
        value_print(&text, result, &value);
    }
    const char *copy = arena_copy(&fixture->arena, bytes_slice(&text)).data;
    bytes_release(&text);
    return copy;
}

void check_cases(const struct function_case *cases, size_t case_count) {
    struct fixture fixture = {.zones.folder = TIME_ZONE_FOLDER};
    const struct function *before = NULL;
    for (size_t i = 0; i < case_count; i++) {
        const struct function_case *row = &cases[i];
        const struct function *function = function_find(slice_of(row->name));
        if (!function)
            fail_msg("there is no %s", row->name);
        if (before && before != function && fixture.state) {
            before->release_state(fixture.state);
            fixture.state = NULL;
        }
        before = function;
        size_t count = 0;
        while (count < 8 && row->arguments[count].type)
            count++;
        const struct type *type = NULL;
        const char *result = called(&fixture, function, row->arguments, count, &type);
        bool problem = *row->result == '!' || !type;
        if (problem ? strncmp(result, row->result, strlen(row->result)) != 0 : strcmp(result, row->result) != 0)
            fail_msg("%zu: %s(%s, ..) gives %s, not %s", i, row->name,
                     count && row->arguments[0].text ? row->arguments[0].text : "", result, row->result);
        struct slice printed = type ? type_text(&fixture.arena, type) : SLICE("none");
        if (strcmp(printed.data, row->type) != 0)
            fail_msg("%zu: %s(%s, ..) is of type %s, not %s", i, row->name,
                     count && row->arguments[0].text ? row->arguments[0].text : "", printed.data, row->type);
    }
    if (before && fixture.state)
        before->release_state(fixture.state);
    time_zones_release(&fixture.zones);
    arena_release(&fixture.arena);
}
