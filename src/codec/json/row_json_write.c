/* Rows as JSON, as Jackson writes them: every column, NULLs too, in order; doubles as Double.toString with what is
 * not finite in quotes, decimals in full, times as whole numbers, BYTES in base64. */
#include <math.h>

#include "codec/json/json.h"
#include "codec/json/row_json.h"
#include "codec/row/row_value.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/java_number.h"

/* Of each column, what stands before its value: {"A":  or  ,"B": */
struct row_json_names {
    struct slice *heads;
};

enum { JSON_NUMBER_SIZE = JAVA_DOUBLE_SIZE + 2 }; /* the longest whole number, double or truth value */

static void json_put_value(struct bytes *to, const struct type *type, const struct value *value);

static size_t json_write_double(char *to, double number) {
    if (__builtin_expect(isfinite(number), 1))
        return java_write_double(to, number);
    size_t length = 1 + java_write_double(to + 1, number);
    to[0] = to[length] = '"';
    return length + 1;
}

static void json_put_double(struct bytes *to, double number) {
    char *at = bytes_reserve(to, JSON_NUMBER_SIZE);
    if (at)
        to->length += json_write_double(at, number);
}

static void json_put_decimal(struct bytes *to, decimal number, unsigned scale) {
    char text[DECIMAL_TEXT_SIZE];
    bytes_append(to, text, decimal_write(text, number, scale));
}

static void json_put_integer(struct bytes *to, int64_t integer) {
    char *at = bytes_reserve(to, NUMBER_INTEGER_SIZE);
    if (at)
        to->length += number_write_integer(at, integer);
}

static void json_put_array(struct bytes *to, const struct type *type, const struct sequence *sequence) {
    bytes_append_char(to, '[');
    for (size_t i = 0; i < sequence->count; i++) {
        if (i)
            bytes_append_char(to, ',');
        json_put_value(to, type->element, &sequence->items[i]);
    }
    bytes_append_char(to, ']');
}

static void json_put_map(struct bytes *to, const struct type *type, const struct sequence *sequence) {
    bytes_append_char(to, '{');
    for (size_t i = 0; i < sequence->count; i += 2) {
        if (i)
            bytes_append_char(to, ',');
        json_write_string(to, sequence->items[i].null ? SLICE("null") : sequence->items[i].text);
        bytes_append_char(to, ':');
        json_put_value(to, type->element, &sequence->items[i + 1]);
    }
    bytes_append_char(to, '}');
}

static void json_put_struct(struct bytes *to, const struct type *type, const struct sequence *sequence) {
    bytes_append_char(to, '{');
    for (size_t i = 0; i < type->field_count; i++) {
        if (i)
            bytes_append_char(to, ',');
        json_write_string(to, type->fields[i].name);
        bytes_append_char(to, ':');
        json_put_value(to, type->fields[i].type, &sequence->items[i]);
    }
    bytes_append_char(to, '}');
}

static void json_put_value(struct bytes *to, const struct type *type, const struct value *value) {
    if (value->null) {
        bytes_append_slice(to, SLICE("null"));
        return;
    }
    switch (type->kind) {
    case TYPE_NULL:
    case TYPE_KINDS:
        break;
    case TYPE_BOOLEAN:
        bytes_append_slice(to, value->boolean ? SLICE("true") : SLICE("false"));
        break;
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        json_put_integer(to, value->integer);
        break;
    case TYPE_DOUBLE:
        json_put_double(to, value->number);
        break;
    case TYPE_DECIMAL:
        json_put_decimal(to, value->decimal, type->scale);
        break;
    case TYPE_STRING:
        json_write_string(to, value->text);
        break;
    case TYPE_BYTES:
        bytes_append_char(to, '"');
        row_write_base64(to, value->text);
        bytes_append_char(to, '"');
        break;
    case TYPE_ARRAY:
        json_put_array(to, type, value->sequence);
        break;
    case TYPE_MAP:
        json_put_map(to, type, value->sequence);
        break;
    case TYPE_STRUCT:
        json_put_struct(to, type, value->sequence);
        break;
    }
}

static size_t json_write_literal(char *to, const char *text) {
    size_t length = strlen(text);
    memcpy(to, text, length);
    return length;
}

/* A value of a column into JSON_NUMBER_SIZE bytes. `at` is its place in the vector. Returns the length, 0: it may need
 * more room. */
static size_t json_write_number(char *to, const struct vector *column, enum type_kind kind, size_t at) {
    switch (kind) {
    case TYPE_BOOLEAN:
        return json_write_literal(to, column->booleans[at] ? "true" : "false");
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return number_write_integer(to, column->integers[at]);
    case TYPE_DOUBLE:
        return json_write_double(to, column->doubles[at]);
    default:
        return 0;
    }
}

/* A column of a row, after what stands before its value. */
static void json_put_column(struct bytes *to, struct slice head, const struct type *type, const struct vector *column,
                            size_t row) {
    char *start = bytes_reserve(to, head.length + JSON_NUMBER_SIZE);
    size_t at = row & column->mask;
    if (!start)
        return;
    memcpy(start, head.data, head.length);
    size_t length = column->nulls[at] ? json_write_literal(start + head.length, "null")
                                      : json_write_number(start + head.length, column, type->kind, at);
    to->length += head.length + length;
    if (length)
        return;
    if (type->kind == TYPE_STRING) {
        json_write_string(to, column->texts[at]);
    } else {
        struct value value;
        vector_get(column, row, &value);
        json_put_value(to, type, &value);
    }
}

int row_json_put_row(const struct row_layout *layout, const struct row_json_names *names, const struct vector *columns,
                     size_t row, struct bytes *to) {
    struct value value;
    if (layout->bare) {
        vector_get(&columns[0], row, &value);
        if (!value.null)
            json_put_value(to, layout->columns[0].type, &value);
        return 0;
    }
    if (layout->count == 0)
        bytes_append_char(to, '{');
    for (size_t c = 0; c < layout->count; c++)
        json_put_column(to, names->heads[c], layout->columns[c].type, &columns[c], row);
    bytes_append_char(to, '}');
    return 0;
}

static int row_json_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                          struct error *error) {
    (void)error;
    return row_json_put_row(&writer->layout, writer->state, columns, row, to);
}

int row_json_open_writer(struct row_writer *writer, struct error *error) {
    const struct row_layout *layout = &writer->layout;
    struct row_json_names *names = arena_allocate(&writer->arena, sizeof *names);
    struct slice *heads = arena_allocate(&writer->arena, layout->count * sizeof *heads);
    cleanup(bytes_release) struct bytes text = {0};
    if (!names || !heads)
        return error_no_memory(error);
    for (size_t c = 0; c < layout->count; c++) {
        text.length = 0;
        bytes_append_char(&text, c ? ',' : '{');
        json_write_string(&text, layout->columns[c].name);
        bytes_append_char(&text, ':');
        heads[c] = text.failed ? (struct slice){NULL, 0} : arena_copy(&writer->arena, bytes_slice(&text));
        if (!heads[c].data)
            return error_no_memory(error);
    }
    *names = (struct row_json_names){heads};
    writer->state = names;
    return 0;
}

const struct row_format_driver row_json_driver = {
    .check = row_check_map_keys,
    .open_reader = row_json_open_reader,
    .open_writer = row_json_open_writer,
    .read = row_json_read,
    .write = row_json_write,
};
