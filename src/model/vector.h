/* Vectors: the values of one column or sub-expression for the rows of a batch, in an array of the type's own.
 *
 * Row r lies at index `r & mask`: the mask is all ones for a column and 0 for a constant, so that a kernel need not
 * know which it has. Rows that are not in the selection with which a vector was computed are undefined, NULL marks
 * included. Vectors live in the arena of a batch. */
#ifndef METERLINE_MODEL_VECTOR_H
#define METERLINE_MODEL_VECTOR_H

#include "core/arena.h"
#include "model/value.h"
#include <stdint.h>

struct vector {
    const struct type *type;
    size_t mask;
    uint8_t *nulls; /* 1: NULL; there for every row */
    union {
        void *data;
        uint8_t *booleans;
        int64_t *integers; /* INTEGER, BIGINT, DATE, TIME, TIMESTAMP */
        double *doubles;
        decimal *decimals;
        struct slice *texts; /* STRING, BYTES */
        const struct sequence **sequences;
    };
};

/* The rows that are worked on: ascending indices. */
struct selection {
    uint32_t *rows;
    size_t count;
};

/* Room for `capacity` rows, not initialised. False: no memory. */
bool vector_allocate(struct arena *arena, const struct type *type, size_t capacity, struct vector *ret_vector);
/* The same value in every row; texts and sequences are not copied. */
bool vector_constant(struct arena *arena, const struct type *type, const struct value *value,
                     struct vector *ret_vector);
/* All rows 0 .. count-1. */
bool selection_all(struct arena *arena, size_t count, struct selection *ret_selection);

void vector_get(const struct vector *vector, size_t row, struct value *ret_value);
void vector_set(struct vector *vector, size_t row, const struct value *value);
/* Are the values of two rows the same without a look at their contents: the same bits, of texts and sequences the same
 * place? */
bool vector_is_same(const struct vector *vector, size_t a, size_t b);
/* Gives row `row` the value of row `from`; no constant. */
void vector_repeat(struct vector *vector, size_t row, size_t from);
/* Copies rows of one vector to another of the same type. */
void vector_copy_rows(struct vector *to, const struct vector *from, const struct selection *rows);

/* Where messages about rows that went wrong go. `count` counts all; `report` is called, with the row, for the first
 * `messages_left` of them, as making a text for each of a million would cost more than the query. */
struct row_errors {
    void (*report)(void *context, size_t row, const char *message);
    void *context;
    uint64_t count;
    unsigned messages_left;
};

void row_errors_add(struct row_errors *errors, size_t row, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
