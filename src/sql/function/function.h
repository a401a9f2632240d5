/* Scalar functions: one table says what each is called, what it takes, what it gives, and does it; the compiler,
 * SHOW FUNCTIONS, DESCRIBE FUNCTION and the reference page are made from it.
 *
 * A variant is tried in order: the first whose parameters fit the arguments exactly, else the first they can be
 * coerced to (type_coercible), wins. */
#ifndef METERLINE_SQL_FUNCTION_FUNCTION_H
#define METERLINE_SQL_FUNCTION_FUNCTION_H

#include "core/clock.h"
#include "model/time/time_zone.h"
#include "model/value.h"

/* What a parameter accepts. */
enum parameter_kind {
    PARAMETER_BOOLEAN,
    PARAMETER_INTEGER,
    PARAMETER_BIGINT,
    PARAMETER_DOUBLE,
    PARAMETER_STRING,
    PARAMETER_BYTES,
    PARAMETER_DATE,
    PARAMETER_TIME,
    PARAMETER_TIMESTAMP,
    PARAMETER_DECIMAL, /* any DECIMAL; the function sees its own type */
    PARAMETER_UNIT,    /* a unit of time as a bare word: DAYS; given to the function as STRING, in upper case */
    PARAMETER_ANY,     /* any type */
    PARAMETER_SAME,    /* any type, the same (after coercion to the common one) for all parameters of this kind */
    PARAMETER_ARRAY,
    PARAMETER_MAP,
    PARAMETER_STRUCT, /* of anything; result types are then made by `result_of` */
    PARAMETER_LAMBDA, /* x => .., (x, y) => ..; parameter types are made by `lambda_types` */
};

/* Larger results are refused: a length may come from a record. */
enum { FUNCTION_TEXT_MAXIMUM = 64 << 20, FUNCTION_ITEMS_MAXIMUM = 1000000 };

/* What a call may use. Texts and sequences that it gives lie in `arena` (or are its arguments). */
struct function_call {
    struct arena *arena;
    struct time_zones *zones;
    int64_t now;     /* of functions that are `changing`: wall clock, ms */
    uint64_t chance; /* of functions that are `changing`: evenly distributed bits, others for each call */
    const struct type *const *types; /* of the arguments, as they are given; of a lambda, what its body gives */
    size_t count;
    const struct type *result;
    /* one pointer for each place in the query where the function is called and each thread: a compiled pattern, say;
     * `release_state` frees it */
    void **state;
    /* Calls lambda argument `index` with values; false: it failed, *problem is set. */
    bool (*lambda)(struct function_call *call, size_t index, const struct value *arguments, size_t count,
                   struct value *ret_value);
    void *lambda_context;
    /* set before returning false: what Java would have thrown; static or in `arena`. NULL: no memory */
    const char *problem;
};

struct function_variant {
    const enum parameter_kind *parameters;
    size_t parameter_count;
    bool variadic;             /* the last parameter may come any number of times, also none */
    const struct type *result; /* NULL: result_of */
    /* Type of the result from the argument types (as coerced; of a lambda, what its body gives); NULL: no memory, or
     * (*ret_problem set) they do not go together. */
    const struct type *(*result_of)(struct arena *arena, const struct type *const *types, size_t count,
                                    const char **ret_problem);
    bool null_in_null_out; /* any NULL argument gives NULL without a call */
    /* One row. False: it failed, call->problem says why. */
    bool (*call)(struct function_call *call, const struct value *arguments, struct value *ret_value);
};

struct function {
    const char *name;      /* in upper case */
    const char *category;  /* "Numeric", "String", "Date and time", "Null handling", "Collections", .. */
    const char *signature; /* for the reference: "SUBSTRING(str, pos[, length])" */
    const char *description;
    const struct function_variant *variants;
    size_t variant_count;
    void (*release_state)(void *state); /* of function_call.state; NULL: it keeps none */
    /* another result for the same arguments (RANDOM, UUID, UNIX_TIMESTAMP): never folded to a constant. It follows from
     * call->now and call->chance */
    bool changing;
    bool gives_rows; /* a table function: its result, an ARRAY, is the rows that it makes; an item of SELECT only */
    /* Types of lambda parameters: of the lambda at argument `index` whose other arguments have `types` (NULL entries
     * for lambdas); those it cannot tell yet are filled in order. Returns the number of parameters, 0 when it does
     * not fit. */
    size_t (*lambda_types)(size_t index, const struct type *const *types, size_t count, const struct type **ret_types);
};

const struct function *function_find(struct slice name);        /* in any case; NULL: there is none */
const struct function *const *functions_all(size_t *ret_count); /* by name */

#endif
