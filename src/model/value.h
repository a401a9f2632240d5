/* Values: one SQL value of any type, for constants, elements of collections, states of aggregates and the arguments
 * of scalar functions.
 *
 * The type is not in the value: its owner knows its type. Texts and sequences lie in an arena and
 * are not changed. */
#ifndef METERLINE_MODEL_VALUE_H
#define METERLINE_MODEL_VALUE_H

#include "core/arena.h"
#include "core/bytes.h"
#include "model/decimal.h"
#include "model/type.h"
#include <stdint.h>

/* ARRAY: the elements. MAP: key, value, key, value, ..; a key once. STRUCT: a value for each field of the type. */
struct sequence {
    size_t count;
    const struct value *items;
};

struct value {
    union {
        bool boolean;
        int64_t integer; /* INTEGER (in its range), BIGINT, DATE, TIME, TIMESTAMP */
        double number;
        decimal decimal;
        struct slice text; /* STRING, BYTES */
        const struct sequence *sequence;
    };
    bool null; /* then the union means nothing */
};

#define VALUE_NULL ((struct value){.null = true})

static inline struct value value_of_boolean(bool boolean) {
    return (struct value){.boolean = boolean};
}
static inline struct value value_of_integer(int64_t integer) {
    return (struct value){.integer = integer};
}
static inline struct value value_of_number(double number) {
    return (struct value){.number = number};
}
static inline struct value value_of_decimal(decimal number) {
    return (struct value){.decimal = number};
}
static inline struct value value_of_text(struct slice text) {
    return (struct value){.text = text};
}
static inline struct value value_of_sequence(const struct sequence *sequence) {
    return (struct value){.sequence = sequence};
}

/* A total order: NULL first; numbers and times by size (NaN last, -0.0 before 0.0, as Double.compare); FALSE before
 * TRUE; STRING by UTF-16 code units as in Java, BYTES by bytes; sequences item by item. -1, 0, 1. Equal means equal
 * as in Java's equals. */
int value_compare(const struct type *type, const struct value *a, const struct value *b);
uint64_t value_hash(const struct type *type, const struct value *value);
/* String.compareTo on UTF-8. */
int value_compare_text(struct slice a, struct slice b);

/* A copy that depends on nothing but `arena`. False: no memory. */
bool value_copy(struct arena *arena, const struct type *type, const struct value *value, struct value *ret_copy);

/* As CAST(... AS STRING) writes it: 1.0E10, 12.50, 2020-01-31, 2020-01-31T10:00:00.000, [1, null], {a=1},
 * Struct{A=1}. */
void value_print(struct bytes *to, const struct type *type, const struct value *value);

/* Stored form: a byte for NULL or not, then what the type needs. Reading checks everything: false when the bytes are
 * no value of the type or memory has run out; *at then is unspecified. */
void value_write(struct bytes *to, const struct type *type, const struct value *value);
bool value_read(const char **at, const char *end, const struct type *type, struct arena *arena,
                struct value *ret_value);

#endif
