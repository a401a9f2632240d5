/* Which types go together: common types, coercion without and with a CAST. */
#include "model/type.h"

enum { TYPE_SCALE_KEPT = 6 };

bool type_decimal_shape(const struct type *type, unsigned *ret_precision, unsigned *ret_scale) {
    switch (type->kind) {
    case TYPE_INTEGER:
        *ret_precision = 10;
        *ret_scale = 0;
        return true;
    case TYPE_BIGINT:
        *ret_precision = 19;
        *ret_scale = 0;
        return true;
    case TYPE_DECIMAL:
        *ret_precision = type->precision;
        *ret_scale = type->scale;
        return true;
    default:
        return false;
    }
}

const struct type *type_decimal_fitting(struct arena *arena, unsigned whole, unsigned scale) {
    if (whole + scale > TYPE_PRECISION_MAXIMUM) {
        unsigned least = scale < TYPE_SCALE_KEPT ? scale : TYPE_SCALE_KEPT;
        scale = whole + least > TYPE_PRECISION_MAXIMUM ? least : TYPE_PRECISION_MAXIMUM - whole;
        whole = TYPE_PRECISION_MAXIMUM - scale;
    }
    return type_decimal(arena, whole + scale ? whole + scale : 1, scale);
}

/* --- the common type
 * ----------------------------------------------------------------------------------------------------------------- */

static const struct type *type_noted(const struct type *type, bool *ret_failed) {
    if (!type)
        *ret_failed = true;
    return type;
}

static const struct type *type_common_numeric(struct arena *arena, const struct type *a, const struct type *b,
                                              bool *ret_failed) {
    if (a->kind == TYPE_DOUBLE || b->kind == TYPE_DOUBLE)
        return &type_double;
    if (a->kind != TYPE_DECIMAL && b->kind != TYPE_DECIMAL)
        return a->kind == TYPE_BIGINT || b->kind == TYPE_BIGINT ? &type_bigint : &type_integer;
    unsigned precision_a = 0, scale_a = 0, precision_b = 0, scale_b = 0;
    type_decimal_shape(a, &precision_a, &scale_a);
    type_decimal_shape(b, &precision_b, &scale_b);
    unsigned whole_a = precision_a - scale_a, whole_b = precision_b - scale_b;
    return type_noted(
        type_decimal_fitting(arena, whole_a > whole_b ? whole_a : whole_b, scale_a > scale_b ? scale_a : scale_b),
        ret_failed);
}

/* The fields of a in their order, then those that only b has. */
static const struct type *type_common_struct(struct arena *arena, const struct type *a, const struct type *b,
                                             bool *ret_failed) {
    struct type_field *fields = arena_allocate(arena, (a->field_count + b->field_count) * sizeof *fields);
    if (!fields)
        return type_noted(NULL, ret_failed);
    size_t count = 0;
    for (size_t i = 0; i < a->field_count; i++) {
        fields[count] = a->fields[i];
        const struct type_field *other = type_find_field(b, a->fields[i].name);
        if (other && !(fields[count].type = type_common(arena, a->fields[i].type, other->type, ret_failed)))
            return NULL;
        count++;
    }
    for (size_t i = 0; i < b->field_count; i++)
        if (!type_find_field(a, b->fields[i].name))
            fields[count++] = b->fields[i];
    return type_noted(type_struct(arena, fields, count), ret_failed);
}

static const struct type *type_common_map(struct arena *arena, const struct type *a, const struct type *b,
                                          bool *ret_failed) {
    const struct type *key = type_common(arena, a->key, b->key, ret_failed);
    const struct type *value = key ? type_common(arena, a->element, b->element, ret_failed) : NULL;
    return value ? type_noted(type_map(arena, key, value), ret_failed) : NULL;
}

const struct type *type_common(struct arena *arena, const struct type *a, const struct type *b, bool *ret_failed) {
    if (type_equal(a, b) || b->kind == TYPE_NULL)
        return a;
    if (a->kind == TYPE_NULL)
        return b;
    if (type_is_numeric(a) && type_is_numeric(b))
        return type_common_numeric(arena, a, b, ret_failed);
    if (a->kind != b->kind)
        return NULL;
    if (a->kind == TYPE_MAP)
        return type_common_map(arena, a, b, ret_failed);
    if (a->kind == TYPE_STRUCT)
        return type_common_struct(arena, a, b, ret_failed);
    const struct type *element = type_common(arena, a->element, b->element, ret_failed);
    return element ? type_noted(type_array(arena, element), ret_failed) : NULL;
}

/* --- coercion
 * ------------------------------------------------------------------------------------------------------------------ */

static bool type_coercible_numeric(const struct type *from, const struct type *to) {
    if (to->kind != TYPE_DECIMAL)
        return from->kind <= to->kind;
    unsigned precision, scale;
    return type_decimal_shape(from, &precision, &scale) && precision - scale <= to->precision - to->scale &&
           scale <= to->scale;
}

static bool type_fields_agree(const struct type *from, const struct type *to,
                              bool (*agree)(const struct type *, const struct type *)) {
    for (size_t i = 0; i < to->field_count; i++) {
        const struct type_field *field = type_find_field(from, to->fields[i].name);
        if (field && !agree(field->type, to->fields[i].type))
            return false;
    }
    return true;
}

static bool type_parts_agree(const struct type *from, const struct type *to,
                             bool (*agree)(const struct type *, const struct type *)) {
    if (from->kind != to->kind)
        return false;
    if (from->kind == TYPE_STRUCT)
        return type_fields_agree(from, to, agree);
    return (!from->key || agree(from->key, to->key)) && (!from->element || agree(from->element, to->element));
}

bool type_coercible(const struct type *from, const struct type *to) {
    if (from->kind == TYPE_NULL || type_equal(from, to))
        return true;
    if (type_is_numeric(from) && type_is_numeric(to))
        return type_coercible_numeric(from, to);
    return from->kind >= TYPE_ARRAY && type_parts_agree(from, to, type_coercible);
}

bool type_castable(const struct type *from, const struct type *to) {
    if (from->kind == TYPE_NULL || type_equal(from, to))
        return true;
    if (to->kind == TYPE_STRING)
        return from->kind != TYPE_BYTES;
    if (type_is_numeric(from))
        return type_is_numeric(to);
    switch (from->kind) {
    case TYPE_STRING:
        return to->kind == TYPE_BOOLEAN || type_is_numeric(to) || type_is_time(to);
    case TYPE_TIMESTAMP:
        return to->kind == TYPE_DATE || to->kind == TYPE_TIME;
    case TYPE_DATE:
        return to->kind == TYPE_TIMESTAMP;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        return type_parts_agree(from, to, type_castable);
    default:
        return false;
    }
}
