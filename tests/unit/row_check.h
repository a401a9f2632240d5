/* Columns of every kind, and the check of one value that is read. */
#ifndef METERLINE_TESTS_ROW_CHECK_H
#define METERLINE_TESTS_ROW_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "codec/row/row_codec.h"
#include "core/memory.h"

static const struct type decimal_4_2 = {.kind = TYPE_DECIMAL, .precision = 4, .scale = 2};
static const struct type decimal_38_0 = {.kind = TYPE_DECIMAL, .precision = 38};
static const struct type array_of_integer = {.kind = TYPE_ARRAY, .element = &type_integer};
static const struct type map_of_double = {.kind = TYPE_MAP, .key = &type_string, .element = &type_double};
static const struct type_field point_fields[] = {
    {{"X", 1}, &type_integer}, {{"y", 1}, &type_double}, {{"Tags", 4}, &array_of_integer}};
static const struct type point = {.kind = TYPE_STRUCT, .fields = point_fields, .field_count = 3};
static const struct type map_by_integer = {.kind = TYPE_MAP, .key = &type_integer, .element = &type_double};

#define COLUMN(name, type)                                                                                             \
    { {name, sizeof name - 1}, type }
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct row_format json = {.format = FORMAT_JSON, .wrapped = true};
static const struct row_format json_bare = {.format = FORMAT_JSON};

/* The columns of a row as CASTs print them, with | between, ~ for NULL. */
static void row_print(struct bytes *to, const struct row_column *columns, size_t count, const struct vector *vectors,
                      size_t row) {
    for (size_t c = 0; c < count; c++) {
        struct value value;
        vector_get(&vectors[c], row, &value);
        if (c)
            bytes_append_char(to, '|');
        if (value.null)
            bytes_append_char(to, '~');
        else
            value_print(to, columns[c].type, &value);
    }
}

static struct vector *vectors_new(struct arena *arena, const struct row_column *columns, size_t count, size_t rows) {
    struct vector *vectors = arena_allocate(arena, (count + 1) * sizeof *vectors);
    for (size_t c = 0; c < count; c++)
        assert_true(vector_allocate(arena, columns[c].type, rows, &vectors[c]));
    return vectors;
}

/* Reads one text; `expected` is the row, "NULL", or "BAD: " and how the reason begins. */
static void check_read_with(const struct row_format *format, const struct registry *registry,
                            const struct row_column *columns, size_t count, struct slice text, const char *expected) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes found = {0};
    struct row_reader *reader = NULL;
    struct error error = {0};
    uint8_t status = 99;
    const char *reason = NULL;
    if (row_reader_new(format, columns, count, registry, &reader, &error))
        fail_msg("%s", error.message);
    struct vector *vectors = vectors_new(&arena, columns, count, 1);
    assert_int_equal(row_reader_read(reader, &text, sizeof text, 1, &arena, vectors, &status, &reason, &error), 0);
    if (status == ROW_READ_BAD)
        bytes_append_format(&found, "BAD: %s", reason);
    else if (status == ROW_READ_NULL)
        bytes_append_string(&found, "NULL");
    else
        row_print(&found, columns, count, vectors, 0);
    for (size_t c = 0; c < count && status != ROW_READ_GOOD; c++)
        assert_int_equal(vectors[c].nulls[0], 1);
    bytes_append_char(&found, '\0');
    if (strncmp(expected, "BAD: ", 5) == 0)
        found.data[strlen(expected) < found.length ? strlen(expected) : found.length - 1] = '\0';
    if (strcmp(found.data, expected) != 0)
        fail_msg("%.*s: %s, not %s", (int)text.length, text.data ? text.data : "", found.data, expected);
    row_reader_free(reader);
}

#endif
