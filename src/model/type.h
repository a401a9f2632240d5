/* SQL types: what a column or an expression may hold.
 *
 * Types are immutable and compared by `type_equal`, never by address. The simple ones are static; those with
 * parameters lie in the arena they were made in and point to other types, which must live as long. Heights are
 * bounded by the parser, so walks may recurse. */
#ifndef METERLINE_MODEL_TYPE_H
#define METERLINE_MODEL_TYPE_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_kind {
    TYPE_NULL, /* of a bare NULL; only while an expression is analysed, never of a column */
    TYPE_BOOLEAN,
    TYPE_INTEGER, /* 32 bits */
    TYPE_BIGINT,  /* 64 bits */
    TYPE_DECIMAL, /* DECIMAL(precision, scale) */
    TYPE_DOUBLE,
    TYPE_STRING, /* UTF-8 */
    TYPE_BYTES,
    TYPE_DATE,      /* days since the epoch */
    TYPE_TIME,      /* ms of the day */
    TYPE_TIMESTAMP, /* ms since the epoch */
    TYPE_ARRAY,
    TYPE_MAP,
    TYPE_STRUCT,
    TYPE_KINDS,
};

enum { TYPE_PRECISION_MAXIMUM = 38 };

struct type_field;

struct type {
    enum type_kind kind;
    unsigned precision, scale;       /* of DECIMAL: 1 <= precision <= 38, scale <= precision */
    const struct type *key;          /* of MAP */
    const struct type *element;      /* of ARRAY; of MAP, the values' */
    const struct type_field *fields; /* of STRUCT */
    size_t field_count;
};

struct type_field {
    struct slice name;
    const struct type *type;
};

extern const struct type type_null, type_boolean, type_integer, type_bigint, type_double, type_string, type_bytes,
    type_date, type_time, type_timestamp;

/* Makers: NULL when memory has run out. `type_decimal` takes valid parameters; `type_struct` keeps `fields`. */
bool type_decimal_valid(int64_t precision, int64_t scale);
const struct type *type_decimal(struct arena *arena, unsigned precision, unsigned scale);
const struct type *type_array(struct arena *arena, const struct type *element);
const struct type *type_map(struct arena *arena, const struct type *key, const struct type *value);
const struct type *type_struct(struct arena *arena, const struct type_field *fields, size_t count);
/* A copy, names included, that depends on nothing but `arena`. */
const struct type *type_copy(struct arena *arena, const struct type *type);

bool type_equal(const struct type *a, const struct type *b);
bool type_is_numeric(const struct type *type);
bool type_is_time(const struct type *type); /* DATE, TIME or TIMESTAMP */
/* The field of a STRUCT, NULL if there is none of that name. */
const struct type_field *type_find_field(const struct type *type, struct slice name);

/* As ksqlDB prints it: INTEGER, DECIMAL(4, 2), ARRAY<STRING>, MAP<STRING, BIGINT>, STRUCT<`A` INTEGER>. */
void type_print(struct bytes *to, const struct type *type);
struct slice type_text(struct arena *arena, const struct type *type); /* the same; data NULL: no memory */

/* A numeric type as a decimal: INTEGER is DECIMAL(10, 0), BIGINT DECIMAL(19, 0). False for others. */
bool type_decimal_shape(const struct type *type, unsigned *ret_precision, unsigned *ret_scale);
/* DECIMAL with that many digits before and after the point; with more than 38 in all, those after give way, but
 * not below 6. */
const struct type *type_decimal_fitting(struct arena *arena, unsigned whole, unsigned scale);

/* The narrowest type that both may be taken for (ksqlDB, "Implicit type coercion"): numbers INTEGER, BIGINT,
 * DECIMAL, DOUBLE, wide enough for both; arrays, maps and structs by their parts, a STRUCT with the fields of both;
 * NULL goes with all. NULL when there is none or, with *ret_failed set, memory has run out. Literals have laxer
 * rules, which the analysis of expressions knows. */
const struct type *type_common(struct arena *arena, const struct type *a, const struct type *b, bool *ret_failed);
/* Whether a value of `from` may stand where `to` is wanted without a CAST, no digit lost: the rule for assignments
 * and arguments. */
bool type_coercible(const struct type *from, const struct type *to);
/* Whether CAST knows the way. */
bool type_castable(const struct type *from, const struct type *to);

#endif
