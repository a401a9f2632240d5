/* Parquet files: random tables of all types are written, read back and compared value for value; bounds and counts
 * enclose what is there; damaged files are refused. With METERLINE_PARQUET_DIR the tables are left there, each as a
 * file and as lines of JSON, for tests/lake to compare with what other readers see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "core/random.h"
#include "lake/parquet/decode.h"
#include "lake/parquet/encode.h"
#include "lake/parquet/parquet_reader.h"
#include "lake/parquet/parquet_writer.h"

enum { COLUMNS = 13, TABLES = 40 };

static const struct type small = {.kind = TYPE_DECIMAL, .precision = 9, .scale = 2},
                         middle = {.kind = TYPE_DECIMAL, .precision = 18, .scale = 4},
                         large = {.kind = TYPE_DECIMAL, .precision = 38, .scale = 10};
static const struct lake_column columns[COLUMNS] = {
    {SLICE("b"), &type_boolean, 1, false},    {SLICE("i"), &type_integer, 2, false},
    {SLICE("l"), &type_bigint, 3, false},     {SLICE("d"), &type_double, 4, false},
    {SLICE("s"), &type_string, 5, false},     {SLICE("y"), &type_bytes, 6, false},
    {SLICE("date"), &type_date, 7, false},    {SLICE("time"), &type_time, 8, false},
    {SLICE("ts"), &type_timestamp, 9, false}, {SLICE("d9"), &small, 10, false},
    {SLICE("d18"), &middle, 11, false},       {SLICE("d38"), &large, 12, false},
    {SLICE("r"), &type_string, 13, true},
};

static uint64_t state;
static uint64_t any(void) {
    return random_mix(state++);
}
static uint64_t below(uint64_t limit) {
    return any() % limit;
}

/* Of few values, of many, or of extremes. */
static int64_t any_integer(int64_t limit) {
    switch (below(4)) {
    case 0:
        return (int64_t)below(5);
    case 1:
        return limit;
    case 2:
        return -limit;
    default:
        return (int64_t)(any() >> 1) % limit * (below(2) ? 1 : -1);
    }
}

static struct slice any_text(struct arena *arena, bool bytes) {
    static const char *const characters[] = {"a", "z", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", " "};
    size_t length = below(8) == 0 ? below(200) : below(6);
    char *text = arena_allocate(arena, 4 * length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        const char *character = characters[below(6)];
        if (bytes)
            text[used++] = (char)below(256);
        else
            used += (size_t)sprintf(text + used, "%s", character);
    }
    return (struct slice){text, used};
}

static double any_double(void) {
    switch (below(6)) {
    case 0:
        return 0.0;
    case 1:
        return -0.0;
    case 2:
        return (double)below(20) / 10;
    case 3:
        return below(2) ? (double)INFINITY : -(double)INFINITY;
    case 4:
        return (double)NAN;
    default:
        return (double)any() / 1e6 - 1e12;
    }
}

static struct value any_value(const struct type *type, struct arena *arena) {
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return value_of_boolean(below(2));
    case TYPE_INTEGER:
    case TYPE_DATE:
        return value_of_integer(any_integer(INT32_MAX));
    case TYPE_BIGINT:
        return value_of_integer(any_integer(INT64_MAX));
    case TYPE_TIME:
        return value_of_integer((int64_t)below(86400000));
    case TYPE_TIMESTAMP:
        return value_of_integer(any_integer(INT64_C(60000000000000)));
    case TYPE_DOUBLE:
        return value_of_number(any_double());
    case TYPE_DECIMAL: {
        decimal most = decimal_power(type->precision) - 1,
                value = ((decimal)(any() >> 1) << 63 | (decimal)(any() >> 1)) % most;
        return value_of_decimal(below(4) ? (below(2) ? value : -value) : below(2) ? most : -most);
    }
    default:
        return value_of_text(any_text(arena, type->kind == TYPE_BYTES));
    }
}

struct table {
    struct arena arena;
    struct vector columns[COLUMNS];
    size_t rows;
};

static void table_make(struct table *table, size_t rows) {
    *table = (struct table){.rows = rows};
    for (size_t c = 0; c < COLUMNS; c++) {
        uint64_t nulls = columns[c].required ? 0 : below(4), repeat = below(3);
        struct value value = VALUE_NULL;
        assert_true(vector_allocate(&table->arena, columns[c].type, rows + 1, &table->columns[c]));
        for (size_t row = 0; row < rows; row++) {
            if (row == 0 || repeat == 0 || below(20) == 0)
                value = any_value(columns[c].type, &table->arena);
            bool null = nulls == 3 || (nulls == 2 && below(3) == 0) || (nulls == 1 && row / 50 % 2);
            vector_set(&table->columns[c], row, null ? &VALUE_NULL : &value);
        }
    }
}

/* --- files in memory
 * ------------------------------------------------------------------------------------------------------------------ */

static int memory_write(void *context, const void *data, size_t length, struct error *error) {
    (void)error;
    bytes_append(context, data, length);
    return 0;
}

static int memory_read(void *context, int64_t offset, void *to, size_t length, struct error *error) {
    const struct bytes *bytes = context;
    if (offset < 0 || (size_t)offset + length > bytes->length)
        return error_set(error, ERROR_IO, "beyond the end");
    memcpy(to, bytes->data + offset, length);
    return 0;
}

static void table_write(const struct table *table, size_t group, struct bytes *file, struct arena *arena,
                        struct lake_bounds *bounds) {
    struct error error = {0};
    struct parquet_writer *writer;
    struct parquet_output output = {memory_write, file};
    int64_t records, length;
    uint32_t *order = memory_zero(table->rows + 1, sizeof *order);
    for (size_t i = 0; i < table->rows; i++)
        order[i] = (uint32_t)i;
    assert_int_equal(parquet_writer_open(&output, columns, COLUMNS, 1, &writer, &error), 0);
    for (size_t at = 0; at < table->rows; at += group) {
        size_t some = table->rows - at < group ? table->rows - at : group;
        assert_int_equal(parquet_writer_group(writer, table->columns, order + at, some, &error), 0);
    }
    assert_int_equal(parquet_writer_finish(writer, NULL, 0, arena, bounds, &records, &length, &error), 0);
    assert_int_equal(records, table->rows);
    assert_int_equal(length, file->length);
    parquet_writer_free(writer);
    free(order);
}

static void assert_same(const struct type *type, const struct value *a, const struct value *b) {
    assert_int_equal(a->null, b->null);
    if (a->null)
        return;
    if (type->kind == TYPE_DOUBLE)
        assert_memory_equal(&a->number, &b->number, sizeof a->number);
    else
        assert_int_equal(value_compare(type, a, b), 0);
}

static void table_compare(const struct table *table, struct bytes *file) {
    struct error error = {0};
    struct parquet_reader *reader;
    struct parquet_input input = {memory_read, file, (int64_t)file->length, "test"};
    size_t row = 0;
    assert_int_equal(parquet_reader_open(&input, columns, COLUMNS, &reader, &error), 0);
    for (size_t group = 0; group < parquet_reader_groups(reader); group++) {
        struct arena arena = {0};
        struct vector read[COLUMNS];
        size_t rows = (size_t)parquet_reader_rows(reader, group);
        assert_int_equal(parquet_reader_read(reader, group, NULL, &arena, read, &error), 0);
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < COLUMNS; c++) {
                struct value wanted, found;
                vector_get(&table->columns[c], row + i, &wanted);
                vector_get(&read[c], i, &found);
                assert_same(columns[c].type, &wanted, &found);
            }
        row += rows;
        arena_release(&arena);
    }
    assert_int_equal(row, table->rows);
    parquet_reader_free(reader);
}

static void assert_bounds(const struct table *table, const struct lake_bounds *bounds) {
    for (size_t c = 0; c < COLUMNS; c++) {
        int64_t nulls = 0;
        assert_int_equal(bounds[c].values, table->rows);
        for (size_t row = 0; row < table->rows; row++) {
            struct value value;
            vector_get(&table->columns[c], row, &value);
            nulls += value.null;
            bool text = columns[c].type->kind == TYPE_STRING;
            if (value.null || (columns[c].type->kind == TYPE_DOUBLE && isnan(value.number)) || !bounds[c].bounded)
                continue;
            assert_true((text ? slice_compare(bounds[c].lower.text, value.text)
                              : value_compare(columns[c].type, &bounds[c].lower, &value)) <= 0);
            assert_true((text ? slice_compare(bounds[c].upper.text, value.text)
                              : value_compare(columns[c].type, &bounds[c].upper, &value)) >= 0);
        }
        assert_int_equal(bounds[c].nulls, nulls);
    }
}

/* --- for other readers
 * ------------------------------------------------------------------------------------------------------------------ */

static void json_value(FILE *to, const struct type *type, const struct value *value) {
    struct bytes text = {0};
    if (value->null) {
        fputs("null", to);
        return;
    }
    switch (type->kind) {
    case TYPE_STRING:
    case TYPE_BYTES:
        fputc('"', to);
        for (size_t i = 0; i < value->text.length; i++)
            fprintf(to, "%02x", (unsigned char)value->text.data[i]);
        fputc('"', to);
        break;
    case TYPE_DOUBLE:
        fprintf(to, isfinite(value->number) ? "%a" : "\"%a\"", value->number);
        break;
    case TYPE_BOOLEAN:
        fputs(value->boolean ? "true" : "false", to);
        break;
    case TYPE_DECIMAL:
        value_print(&text, type, value);
        fprintf(to, "\"%.*s\"", (int)text.length, text.data);
        break;
    default:
        fprintf(to, "%lld", (long long)value->integer);
    }
    bytes_release(&text);
}

static void table_leave(const struct table *table, const struct bytes *file, int number) {
    const char *folder = getenv("METERLINE_PARQUET_DIR");
    char path[4096];
    if (!folder)
        return;
    snprintf(path, sizeof path, "%s/%d.parquet", folder, number);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fwrite(file->data, 1, file->length, to);
    fclose(to);
    snprintf(path, sizeof path, "%s/%d.json", folder, number);
    to = fopen(path, "w");
    assert_non_null(to);
    for (size_t row = 0; row < table->rows; row++)
        for (size_t c = 0; c < COLUMNS; c++) {
            struct value value;
            vector_get(&table->columns[c], row, &value);
            fputs(c ? "," : "[", to);
            if (columns[c].type->kind == TYPE_DOUBLE && !value.null)
                fprintf(to, "\"%a\"", value.number);
            else
                json_value(to, columns[c].type, &value);
            fputs(c == COLUMNS - 1 ? "]\n" : "", to);
        }
    fclose(to);
}

/* --- cases
 * ------------------------------------------------------------------------------------------------------------------ */

static void random_tables_come_back(void **context) {
    (void)context;
    const char *seed = getenv("METERLINE_SEED");
    uint64_t begin = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    print_message("METERLINE_SEED=%llu\n", (unsigned long long)begin);
    state = begin << 20;
    for (int number = 0; number < TABLES; number++) {
        struct table table;
        struct bytes file = {0};
        struct arena arena = {0};
        struct lake_bounds bounds[COLUMNS] = {0};
        size_t rows = number == 0 ? 0 : number < 4 ? (size_t)number : 1 + below(number % 8 == 0 ? 20000 : 600);
        table_make(&table, rows);
        table_write(&table, 1 + below(rows + 1), &file, &arena, bounds);
        table_compare(&table, &file);
        assert_bounds(&table, bounds);
        table_leave(&table, &file, number);
        arena_release(&table.arena);
        arena_release(&arena);
        bytes_release(&file);
    }
}

static void packed_numbers_come_back(void **context) {
    (void)context;
    state = 7;
    for (unsigned width = 0; width <= 32; width++)
        for (size_t count = 0; count < 300; count += 1 + count / 3) {
            uint32_t values[300], read[300];
            struct bytes bytes = {0};
            for (size_t i = 0; i < count; i++)
                values[i] = i && below(3) ? values[i - 1] : (uint32_t)(any() & ((UINT64_C(1) << width) - 1));
            encode_hybrid(&bytes, values, count, width);
            const char *at = bytes.data;
            assert_true(decode_hybrid(&at, bytes.data + bytes.length, width, read, count));
            assert_memory_equal(values, read, count * sizeof *values);
            assert_ptr_equal(at, bytes.data + bytes.length);
            bytes_release(&bytes);
        }
    for (size_t count = 0; count < 1000; count += 1 + count / 2)
        for (unsigned shift = 0; shift < 64; shift += 7) {
            int64_t values[1000], read[1000];
            bool narrow = count % 2;
            struct bytes bytes = {0};
            for (size_t i = 0; i < count; i++)
                values[i] = shift >= 32 && narrow ? (int32_t)(any() >> 32) : (int64_t)(any() >> shift);
            encode_delta(&bytes, values, count, narrow && shift >= 32);
            const char *at = bytes.data;
            assert_true(decode_delta(&at, bytes.data + bytes.length, read, count, narrow && shift >= 32));
            assert_memory_equal(values, read, count * sizeof *values);
            bytes_release(&bytes);
        }
}

/* Whatever byte changes, it is an error or other values, never a crash; what is cut off is an error. */
static void damaged_files_are_refused(void **context) {
    (void)context;
    state = 11;
    struct table table;
    struct bytes file = {0};
    struct arena arena = {0};
    struct lake_bounds bounds[COLUMNS] = {0};
    table_make(&table, 300);
    table_write(&table, 100, &file, &arena, bounds);
    for (int round = 0; round < 4000; round++) {
        struct bytes copy = {0};
        struct error error = {0};
        struct parquet_reader *reader;
        bytes_append_slice(&copy, bytes_slice(&file));
        copy.data[below(copy.length)] ^= (char)(1 << below(8));
        bool cut = round % 4 == 0;
        copy.length -= cut ? 1 + below(copy.length) : 0;
        struct parquet_input input = {memory_read, &copy, (int64_t)copy.length, "test"};
        int status = parquet_reader_open(&input, columns, COLUMNS, &reader, &error);
        for (size_t group = 0; !status && group < parquet_reader_groups(reader); group++) {
            struct arena rows = {0};
            struct vector read[COLUMNS];
            if (parquet_reader_rows(reader, group) < 100000)
                parquet_reader_read(reader, group, NULL, &rows, read, &error);
            arena_release(&rows);
        }
        if (!status)
            parquet_reader_free(reader);
        assert_true(!cut || status);
        bytes_release(&copy);
    }
    arena_release(&table.arena);
    arena_release(&arena);
    bytes_release(&file);
}

static void required_columns_take_no_null(void **context) {
    (void)context;
    struct table table;
    struct bytes file = {0};
    struct error error = {0};
    struct parquet_writer *writer;
    struct parquet_output output = {memory_write, &file};
    state = 3;
    table_make(&table, 3);
    table.columns[12].nulls[1] = 1;
    assert_int_equal(parquet_writer_open(&output, columns, COLUMNS, 1, &writer, &error), 0);
    assert_int_equal(parquet_writer_group(writer, table.columns, NULL, 3, &error), ERROR_INVALID);
    assert_string_equal(error.message, "column r may not be NULL");
    table.columns[12].nulls[1] = 0;
    table.columns[8].nulls[1] = 0;
    table.columns[8].integers[1] = INT64_MAX;
    assert_int_equal(parquet_writer_group(writer, table.columns, NULL, 3, &error), ERROR_INVALID);
    assert_string_equal(error.message, "column ts: a time is beyond what 64 bits of microseconds hold");
    parquet_writer_free(writer);
    arena_release(&table.arena);
    bytes_release(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_numbers_come_back),
        cmocka_unit_test(random_tables_come_back),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(required_columns_take_no_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
