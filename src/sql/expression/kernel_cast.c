/* CAST, and the coercions that the compiler puts in: from a type to another, value by value, with loops of their own
 * for the commonest.
 *
 * Numbers narrow as in Java: DOUBLE towards zero and to the nearest that fits, BIGINT and DECIMAL to the low bits.
 * To DECIMAL rounds HALF_UP and fails when it does not fit. Texts are read exactly, after trimming. Of a STRUCT,
 * fields go by their names. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "model/java_number.h"
#include "model/time/time_text.h"
#include "sql/expression/node.h"

enum { CAST_SHOWN_MAXIMUM = 40 };

struct cast_node {
    struct node node;
    const struct node *operand;
    bool guarded;    /* what fails in the operand or here is NULL */
    bool same_store; /* the values are the same, only their type is another */
};

/* What a row needs to be cast. */
struct cast_work {
    struct arena *arena;
    struct bytes text; /* scratch */
    bool no_memory;
};

static bool cast_value(struct cast_work *work, const struct type *from, const struct type *to,
                       const struct value *value, struct value *ret_value);

/* --- from texts
 * ------------------------------------------------------------------------------------------------------------------ */

/* A beginning of "true" or "yes", in any case. */
static bool cast_is_true(struct slice text) {
    static const char *const words[] = {"true", "yes"};
    for (size_t i = 0; i < 2; i++)
        if (text.length > 0 && text.length <= strlen(words[i]) && strncasecmp(text.data, words[i], text.length) == 0)
            return true;
    return false;
}

static bool cast_text(const struct type *to, struct slice text, struct value *ret_value) {
    switch (to->kind) {
    case TYPE_BOOLEAN:
        ret_value->boolean = cast_is_true(text);
        return true;
    case TYPE_INTEGER:
        return java_read_integer(text, INT32_MIN, INT32_MAX, &ret_value->integer);
    case TYPE_BIGINT:
        return java_read_integer(text, INT64_MIN, INT64_MAX, &ret_value->integer);
    case TYPE_DOUBLE:
        return java_read_double(text, &ret_value->number);
    case TYPE_DECIMAL:
        return decimal_read(java_trim(text), (struct decimal_shape){to->precision, to->scale}, &ret_value->decimal);
    case TYPE_DATE:
        return time_text_read_date(java_trim(text), &ret_value->integer);
    case TYPE_TIME:
        return time_text_read_time(java_trim(text), &ret_value->integer);
    default:
        return time_text_read_timestamp(java_trim(text), &ret_value->integer);
    }
}

/* --- between numbers, between times
 * ------------------------------------------------------------------------------------------------ */

static bool cast_whole(const struct type *to, int64_t integer, struct value *ret_value) {
    switch (to->kind) {
    case TYPE_INTEGER:
        ret_value->integer = (int32_t)(uint32_t)integer;
        return true;
    case TYPE_BIGINT:
        ret_value->integer = integer;
        return true;
    case TYPE_DOUBLE:
        ret_value->number = (double)integer;
        return true;
    default:
        return decimal_rescale(integer, 0, (struct decimal_shape){to->precision, to->scale}, &ret_value->decimal);
    }
}

static bool cast_double(const struct type *to, double number, struct value *ret_value) {
    switch (to->kind) {
    case TYPE_INTEGER:
        ret_value->integer = java_double_to_integer(number, INT32_MIN, INT32_MAX);
        return true;
    case TYPE_BIGINT:
        ret_value->integer = java_double_to_integer(number, INT64_MIN, INT64_MAX);
        return true;
    case TYPE_DOUBLE:
        ret_value->number = number;
        return true;
    default:
        return isfinite(number) &&
               decimal_from_double(number, (struct decimal_shape){to->precision, to->scale}, &ret_value->decimal);
    }
}

static bool cast_decimal(const struct type *from, const struct type *to, decimal number, struct value *ret_value) {
    if (to->kind == TYPE_DECIMAL)
        return decimal_rescale(number, from->scale, (struct decimal_shape){to->precision, to->scale},
                               &ret_value->decimal);
    if (to->kind == TYPE_DOUBLE)
        ret_value->number = decimal_to_double(number, from->scale);
    else
        return cast_whole(to, (int64_t)(uint64_t)(unsigned __int128)(number / decimal_power(from->scale)), ret_value);
    return true;
}

static bool cast_time(const struct type *from, const struct type *to, int64_t time, struct value *ret_value) {
    if (to->kind == TYPE_DATE)
        ret_value->integer = floor_divide(time, MILLISECONDS_OF_DAY);
    else if (to->kind == TYPE_TIME)
        ret_value->integer = floor_modulo(time, MILLISECONDS_OF_DAY);
    else
        return from->kind == TYPE_DATE && !__builtin_mul_overflow(time, MILLISECONDS_OF_DAY, &ret_value->integer);
    return true;
}

/* --- collections
 * ------------------------------------------------------------------------------------------------------------------ */

static struct value *cast_items(struct cast_work *work, size_t count, struct value *ret_value) {
    struct sequence *sequence = arena_allocate(work->arena, sizeof *sequence);
    struct value *items = arena_allocate(work->arena, count * sizeof *items);
    if (!sequence || !items) {
        work->no_memory = true;
        return NULL;
    }
    *sequence = (struct sequence){count, items};
    ret_value->sequence = sequence;
    return items;
}

static bool cast_struct(struct cast_work *work, const struct type *from, const struct type *to,
                        const struct sequence *sequence, struct value *ret_value) {
    struct value *items = cast_items(work, to->field_count, ret_value);
    for (size_t i = 0; items && i < to->field_count; i++) {
        const struct type_field *field = type_find_field(from, to->fields[i].name);
        items[i] = VALUE_NULL;
        if (field &&
            !cast_value(work, field->type, to->fields[i].type, &sequence->items[field - from->fields], &items[i]))
            return false;
    }
    return items;
}

static bool cast_sequence(struct cast_work *work, const struct type *from, const struct type *to,
                          const struct sequence *sequence, struct value *ret_value) {
    if (to->kind == TYPE_STRUCT)
        return cast_struct(work, from, to, sequence, ret_value);
    struct value *items = cast_items(work, sequence->count, ret_value);
    for (size_t i = 0; items && i < sequence->count; i++) {
        bool key = to->kind == TYPE_MAP && i % 2 == 0;
        if (!cast_value(work, key ? from->key : from->element, key ? to->key : to->element, &sequence->items[i],
                        &items[i]))
            return false;
    }
    return items;
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static bool cast_print(struct cast_work *work, const struct type *from, const struct value *value,
                       struct value *ret_value) {
    work->text.length = 0;
    value_print(&work->text, from, value);
    ret_value->text = arena_copy(work->arena, bytes_slice(&work->text));
    work->no_memory |= work->text.failed || !ret_value->text.data;
    return !work->no_memory;
}

/* False: the value has no counterpart, or work->no_memory. */
static bool cast_value(struct cast_work *work, const struct type *from, const struct type *to,
                       const struct value *value, struct value *ret_value) {
    *ret_value = *value;
    if (value->null || (from->kind < TYPE_ARRAY && type_equal(from, to)))
        return true;
    if (to->kind == TYPE_STRING)
        return cast_print(work, from, value, ret_value);
    switch (from->kind) {
    case TYPE_STRING:
        return cast_text(to, value->text, ret_value);
    case TYPE_INTEGER:
    case TYPE_BIGINT:
        return cast_whole(to, value->integer, ret_value);
    case TYPE_DOUBLE:
        return cast_double(to, value->number, ret_value);
    case TYPE_DECIMAL:
        return cast_decimal(from, to, value->decimal, ret_value);
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
        return cast_time(from, to, value->integer, ret_value);
    default:
        return cast_sequence(work, from, to, value->sequence, ret_value);
    }
}

static bool cast_fail(struct node_run *run, size_t row, const struct type *from, const struct type *to,
                      const struct value *value) {
    struct bytes text = {0};
    value_print(&text, from, value);
    bytes_append_string(&text, " (");
    type_print(&text, from);
    bytes_append_string(&text, ")");
    size_t shown = text.length < CAST_SHOWN_MAXIMUM ? text.length : CAST_SHOWN_MAXIMUM;
    struct bytes name = {0};
    type_print(&name, to);
    bool done = !text.failed && !name.failed &&
                node_fail(run, row, "CAST: %.*s%s is no %.*s", (int)shown, text.data, shown < text.length ? "..." : "",
                          (int)name.length, name.data);
    bytes_release(&text);
    bytes_release(&name);
    return done;
}

/* --- loops
 * ------------------------------------------------------------------------------------------------------------------ */

/* INTEGER or BIGINT to DOUBLE, BIGINT to INTEGER. False: there is no loop for the types. */
static bool cast_loop(const struct type *from, const struct vector *operand, const struct selection *selected,
                      struct vector *result) {
    enum type_kind to = result->type->kind;
    bool whole = from->kind == TYPE_INTEGER || from->kind == TYPE_BIGINT;
    if (!whole || (to != TYPE_DOUBLE && to != TYPE_INTEGER))
        return false;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], at = row & operand->mask;
        result->nulls[row] = operand->nulls[at];
        if (to == TYPE_DOUBLE)
            result->doubles[row] = (double)operand->integers[at];
        else
            result->integers[row] = (int32_t)(uint32_t)operand->integers[at];
    }
    return true;
}

static bool cast_rows(const struct cast_node *cast, struct node_run *run, const struct vector *operand,
                      const struct selection *selected, struct vector *result) {
    const struct type *from = cast->operand->type, *to = cast->node.type;
    struct cast_work work = {.arena = run->evaluation->arena};
    bool done = true;
    for (size_t i = 0; done && i < selected->count; i++) {
        struct value value, made;
        size_t row = selected->rows[i];
        vector_get(operand, row, &value);
        if (cast_value(&work, from, to, &value, &made))
            vector_set(result, row, &made);
        else if (work.no_memory)
            done = false;
        else {
            result->nulls[row] = 1;
            done = cast_fail(run, row, from, to, &value);
        }
    }
    bytes_release(&work.text);
    return done;
}

static bool cast_run_open(const struct node *node, struct node_run *run, const struct selection *selected,
                          struct vector *ret_vector) {
    const struct cast_node *cast = (const struct cast_node *)node;
    struct vector operand, result;
    if (!(cast->guarded ? node_run_guarded(cast->operand, run, selected, &operand)
                        : node_run(cast->operand, run, selected, &operand)))
        return false;
    if (cast->same_store) {
        *ret_vector = operand;
        ret_vector->type = node->type;
        return true;
    }
    if (!node_allocate(run, node->type, &result) || (!cast_loop(cast->operand->type, &operand, selected, &result) &&
                                                     !cast_rows(cast, run, &operand, selected, &result)))
        return false;
    *ret_vector = result;
    return true;
}

/* Rows that fail in here are NULL in the result already: only their failure has to be taken back. */
static bool cast_run(const struct node *node, struct node_run *run, const struct selection *selected,
                     struct vector *ret_vector) {
    struct node_frame frame = {0}, *around = run->frame;
    if (!((const struct cast_node *)node)->guarded)
        return cast_run_open(node, run, selected, ret_vector);
    run->frame = &frame;
    bool done = cast_run_open(node, run, selected, ret_vector);
    run->frame = around;
    return done;
}

/* Whole numbers and times lie in 64 bits each. */
static bool cast_same_store(const struct type *from, const struct type *to) {
    return type_equal(from, to) || (from->kind == TYPE_INTEGER && to->kind == TYPE_BIGINT);
}

struct node *node_cast(struct arena *arena, const struct type *type, const struct node *operand, bool guarded) {
    struct cast_node *made = node_new(arena, sizeof *made, type, cast_run, operand->varies);
    if (!made)
        return NULL;
    made->operand = operand;
    made->guarded = guarded;
    made->same_store = cast_same_store(operand->type, type);
    return &made->node;
}
