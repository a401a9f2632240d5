/* Numbers keep the digits they were written with: a DECIMAL's scale is part of what is expected. */
#include "sql/record/record_expected.h"

#include "codec/json/json_span.h"

static bool expected_value(const struct type *type, struct slice text);

static bool expected_quoted(struct slice text) {
    return text.length >= 2 && text.data[0] == '"';
}

static bool expected_whole(struct slice text) {
    size_t at = text.data[0] == '-';
    while (at < text.length && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at == text.length;
}

/* Digits, and after a point as many of them as the scale has. */
static bool expected_decimal(struct slice text, unsigned scale) {
    const char *point = memchr(text.data, '.', text.length);
    struct slice whole = {text.data, point ? (size_t)(point - text.data) : text.length};
    if (!point || !expected_whole(whole))
        return scale == 0 && expected_whole(text);
    struct slice fraction = {point + 1, text.length - whole.length - 1};
    return fraction.length == scale && expected_whole(fraction);
}

static bool expected_items(const struct type *element, struct slice text) {
    struct slice rest = json_span_inside(text), name, item;
    if (!rest.data)
        return false;
    while (json_span_next(&rest, &name, &item))
        if (!expected_value(element, item))
            return false;
    return true;
}

/* A name with escapes is left to the reader. */
static bool expected_member(const struct row_column *columns, size_t count, struct slice name, struct slice value) {
    if (memchr(name.data, '\\', name.length))
        return true;
    for (size_t i = 0; i < count; i++)
        if (slice_equal(columns[i].name, name))
            return expected_value(columns[i].type, value);
    return false;
}

static bool expected_object(const struct row_column *columns, size_t count, struct slice text) {
    struct slice rest = json_span_inside(text), name, value;
    if (!rest.data || text.data[0] != '{')
        return false;
    while (json_span_next(&rest, &name, &value))
        if (!expected_member(columns, count, name, value))
            return false;
    return true;
}

static bool expected_struct(const struct type *type, struct slice text) {
    struct slice rest = json_span_inside(text), name, value;
    if (!rest.data || text.data[0] != '{')
        return false;
    while (json_span_next(&rest, &name, &value)) {
        bool fits = false;
        for (size_t i = 0; i < type->field_count && !fits; i++)
            fits = expected_member(&(struct row_column){type->fields[i].name, type->fields[i].type}, 1, name, value);
        if (!fits)
            return false;
    }
    return true;
}

static bool expected_value(const struct type *type, struct slice text) {
    if (text.length == 0 || slice_equal(text, SLICE("null")))
        return true;
    switch (type->kind) {
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return expected_whole(text);
    case TYPE_DECIMAL:
        return expected_decimal(text, type->scale);
    case TYPE_STRING:
    case TYPE_BYTES:
        return expected_quoted(text);
    case TYPE_ARRAY:
    case TYPE_MAP:
        return expected_items(type->element, text);
    case TYPE_STRUCT:
        return expected_struct(type, text);
    default:
        return true;
    }
}

bool record_expected_fits(const struct row_column *columns, size_t count, bool bare, struct slice json) {
    return bare ? expected_value(columns[0].type, json) : expected_object(columns, count, json);
}
