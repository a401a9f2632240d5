#include "lake/parquet/extremes.h"

#include <endian.h>
#include <math.h>

#include "core/text.h"
#include "model/time/time_text.h"

static void extremes_integers(const int64_t *values, size_t count, struct chunk_bounds *bounds) {
    int64_t lower = bounds->any ? bounds->integer_lower : INT64_MAX,
            upper = bounds->any ? bounds->integer_upper : INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        lower = values[i] < lower ? values[i] : lower;
        upper = values[i] > upper ? values[i] : upper;
    }
    bounds->integer_lower = lower;
    bounds->integer_upper = upper;
    bounds->any |= count > 0;
}

static void extremes_doubles(const double *values, size_t count, struct chunk_bounds *bounds) {
    double lower = bounds->any ? bounds->number_lower : (double)INFINITY,
           upper = bounds->any ? bounds->number_upper : (double)-INFINITY;
    bool any = bounds->any;
    for (size_t i = 0; i < count; i++) {
        lower = values[i] < lower ? values[i] : lower;
        upper = values[i] > upper ? values[i] : upper;
        any |= !isnan(values[i]);
    }
    bounds->number_lower = lower == 0 ? -0.0 : lower;
    bounds->number_upper = upper == 0 ? 0.0 : upper;
    bounds->any = any;
}

static void extremes_texts(const struct slice *values, size_t count, struct chunk_bounds *bounds) {
    for (size_t i = 0; i < count; i++) {
        if (i && values[i].data == values[i - 1].data && values[i].length == values[i - 1].length)
            continue;
        if (!bounds->any || slice_compare(values[i], bounds->text_lower) < 0)
            bounds->text_lower = values[i];
        if (!bounds->any || slice_compare(values[i], bounds->text_upper) > 0)
            bounds->text_upper = values[i];
        bounds->any = true;
    }
}

void extremes_collect(const struct type *type, const void *values, size_t count, struct chunk_bounds *bounds) {
    switch (parquet_physical(type)) {
    case PARQUET_DOUBLE:
        extremes_doubles(values, count, bounds);
        break;
    case PARQUET_BYTE_ARRAY:
        extremes_texts(values, count, bounds);
        break;
    case PARQUET_FIXED:
        break;
    default:
        extremes_integers(values, count, bounds);
    }
}

void extremes_merge(const struct type *type, struct chunk_bounds *bounds, const struct chunk_bounds *more) {
    if (!more->any)
        return;
    if (!bounds->any) {
        *bounds = *more;
        return;
    }
    switch (parquet_physical(type)) {
    case PARQUET_DOUBLE:
        extremes_doubles((const double[]){more->number_lower, more->number_upper}, 2, bounds);
        break;
    case PARQUET_BYTE_ARRAY:
        extremes_texts((const struct slice[]){more->text_lower, more->text_upper}, 2, bounds);
        break;
    case PARQUET_FIXED:
        bounds->decimal_lower =
            more->decimal_lower < bounds->decimal_lower ? more->decimal_lower : bounds->decimal_lower;
        bounds->decimal_upper =
            more->decimal_upper > bounds->decimal_upper ? more->decimal_upper : bounds->decimal_upper;
        break;
    default:
        extremes_integers((const int64_t[]){more->integer_lower, more->integer_upper}, 2, bounds);
    }
}

/* --- texts that are cut
 * ------------------------------------------------------------------------------------------------------------------ */

/* The longest beginning within the bound that ends between characters. */
static size_t extremes_cut(const struct type *type, struct slice text) {
    size_t length = PARQUET_BOUND_BYTES;
    while (type->kind == TYPE_STRING && length && ((unsigned char)text.data[length] & 0xc0) == 0x80)
        length--;
    return length;
}

/* The next character in the order of code points; 0: there is none. */
static unsigned extremes_next_character(const char *at, size_t length) {
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned character = (unsigned char)at[0] & first[length];
    for (size_t i = 1; i < length; i++)
        character = character << 6 | ((unsigned char)at[i] & 0x3f);
    character++;
    return character == 0xd800 ? 0xe000 : character > 0x10ffff ? 0 : character;
}

/* A text that is larger than all that begin like `text`, in place; its length, 0: there is none. */
static size_t extremes_raise(const struct type *type, char *text, size_t length) {
    while (length) {
        size_t begin = length - 1;
        if (type->kind == TYPE_BYTES) {
            if ((unsigned char)text[begin] != 0xff) {
                text[begin]++;
                return length;
            }
            length--;
            continue;
        }
        while (begin && ((unsigned char)text[begin] & 0xc0) == 0x80)
            begin--;
        unsigned next = length - begin <= 4 ? extremes_next_character(text + begin, length - begin) : 0;
        if (next)
            return (size_t)(utf8_write(text + begin, next) - text);
        length = begin;
    }
    return 0;
}

/* *ret_text has no data when there is no bound. False: no memory. */
static bool extremes_text(const struct type *type, struct slice text, bool upper, struct arena *arena,
                          struct slice *ret_text, bool *ret_exact) {
    *ret_exact = text.length <= PARQUET_BOUND_BYTES;
    if (!*ret_exact)
        text.length = extremes_cut(type, text);
    char *copy = arena_allocate(arena, text.length + 8);
    if (!copy)
        return false;
    memcpy(copy, text.data, text.length);
    size_t length = *ret_exact || !upper ? text.length : extremes_raise(type, copy, text.length);
    *ret_text = (struct slice){length || *ret_exact || !upper ? copy : NULL, length};
    return true;
}

/* --- their forms
 * ------------------------------------------------------------------------------------------------------------------ */

void extremes_write_decimal(decimal value, size_t length, char *to) {
    for (size_t i = length; i-- > 0; value >>= 8)
        to[i] = (char)(value & 0xff);
}

static bool extremes_fixed(const struct type *type, enum parquet_physical physical, int64_t integer, double number,
                           decimal large, struct arena *arena, struct slice *ret_bytes) {
    char *to = arena_allocate(arena, 16);
    uint64_t bits = (uint64_t)integer;
    size_t length = physical == PARQUET_BOOLEAN ? 1
                    : physical == PARQUET_INT32 ? 4
                    : physical == PARQUET_FIXED ? parquet_decimal_bytes(type->precision)
                                                : 8;
    if (!to)
        return false;
    if (physical == PARQUET_DOUBLE)
        memcpy(&bits, &number, 8);
    bits = htole64(bits);
    memcpy(to, &bits, 8);
    if (physical == PARQUET_FIXED)
        extremes_write_decimal(large, length, to);
    *ret_bytes = (struct slice){to, length};
    return true;
}

bool extremes_write(const struct type *type, const struct chunk_bounds *bounds, struct arena *arena,
                    struct chunk_written *written) {
    enum parquet_physical physical = parquet_physical(type);
    written->exact_lower = written->exact_upper = true;
    written->lower = written->upper = (struct slice){NULL, 0};
    if (!bounds->any)
        return true;
    if (physical == PARQUET_BYTE_ARRAY)
        return extremes_text(type, bounds->text_lower, false, arena, &written->lower, &written->exact_lower) &&
               extremes_text(type, bounds->text_upper, true, arena, &written->upper, &written->exact_upper);
    return extremes_fixed(type, physical, bounds->integer_lower, bounds->number_lower, bounds->decimal_lower, arena,
                          &written->lower) &&
           extremes_fixed(type, physical, bounds->integer_upper, bounds->number_upper, bounds->decimal_upper, arena,
                          &written->upper);
}

static struct value extremes_value(const struct type *type, int64_t integer, double number, decimal large) {
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return value_of_boolean(integer != 0);
    case TYPE_DOUBLE:
        return value_of_number(number);
    case TYPE_DECIMAL:
        return value_of_decimal(type->precision > 18 ? large : integer);
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return value_of_integer(floor_divide(integer, 1000));
    default:
        return value_of_integer(integer);
    }
}

bool extremes_bounds(const struct type *type, const struct chunk_bounds *bounds, struct arena *arena,
                     struct lake_bounds *ret_bounds) {
    bool exact;
    ret_bounds->bounded = bounds->any;
    if (!bounds->any)
        return true;
    if (parquet_physical(type) == PARQUET_BYTE_ARRAY) {
        ret_bounds->lower.null = ret_bounds->upper.null = false;
        bool good = extremes_text(type, bounds->text_lower, false, arena, &ret_bounds->lower.text, &exact) &&
                    extremes_text(type, bounds->text_upper, true, arena, &ret_bounds->upper.text, &exact);
        ret_bounds->bounded = good && ret_bounds->upper.text.data;
        return good;
    }
    ret_bounds->lower = extremes_value(type, bounds->integer_lower, bounds->number_lower, bounds->decimal_lower);
    ret_bounds->upper = extremes_value(type, bounds->integer_upper, bounds->number_upper, bounds->decimal_upper);
    return true;
}
