/* Fuzz target: any bytes as an expression over columns of all types. What compiles runs over rows with and without
 * values; what comes out is a value of the type that was promised. Errors begin with their place. */
#include <limits.h>
#include <stdlib.h>

#include "core/memory.h"
#include "sql/catalog/type_resolve.h"
#include "sql/expression/compile.h"
#include "sql/syntax/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 3, TEXT_MAXIMUM = 4096 };

static const struct {
    const char *name, *type, *value;
} columns[] = {
    {"F", "BOOLEAN", "TRUE"},
    {"I", "INT", "7"},
    {"B", "BIGINT", "5000000000"},
    {"D", "DOUBLE", "2.5E0"},
    {"M", "DECIMAL(5, 2)", "12.50"},
    {"S", "STRING", "'a%c'"},
    {"E", "DATE", "'2020-01-31'"},
    {"C", "TIME", "'10:15'"},
    {"W", "TIMESTAMP", "'2020-01-31T10:15:30.123'"},
    {"A", "ARRAY<INT>", "ARRAY[1, 2, NULL]"},
    {"P", "MAP<STRING, BIGINT>", "MAP('a' := 1, 'b' := NULL)"},
    {"R", "STRUCT<X INT, Y STRUCT<Z STRING>>", "STRUCT(X := 1, Y := STRUCT(Z := 'z'))"},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static const struct compile_settings settings = {.nested_errors_null = true};

static const struct type *column_type(struct arena *arena, size_t column) {
    struct type_name *name;
    const struct type *type;
    struct error error;
    if (script_type_name(slice_of(columns[column].type), arena, &name, &error) < 0 ||
        type_resolve(name, NULL, arena, &type, &error) < 0)
        abort();
    return type;
}

static struct value column_value(struct arena *arena, size_t column, const struct type *type) {
    struct expression *tree;
    struct scope none = {.forbidden = "here"};
    const struct evaluator *evaluator;
    struct error error;
    struct value value;
    if (script_expression(slice_of(columns[column].value), arena, &tree, &error) < 0 ||
        compile_assignment(tree, &none, NULL, &settings, type, arena, &evaluator, &error) < 0 ||
        !compile_is_constant(evaluator, &value))
        abort();
    return value;
}

/* A row of values, a row of NULLs, a row without a value. */
static struct rows *make_rows(struct arena *arena, struct scope_column *scope) {
    struct row_column schema[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        schema[i] = (struct row_column){slice_of(columns[i].name), column_type(arena, i)};
        scope[i] = (struct scope_column){SLICE("T"), schema[i].name, schema[i].type, (int)i};
    }
    scope[COLUMNS] = (struct scope_column){SLICE("T"), SLICE("ROWTIME"), &type_bigint, SCOPE_ROWTIME};
    struct rows *rows = rows_new(arena, &(struct row_schema){schema, COLUMNS, 0, false}, ROWS);
    if (!rows)
        abort();
    for (uint32_t row = 0; row < ROWS; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            struct value value = row == 0 ? column_value(arena, i, schema[i].type) : VALUE_NULL;
            vector_set(&rows->columns[i], row, &value);
        }
        rows->times[row] = 1514764800000;
        rows->absent[row] = row == 2;
        rows->selected.rows[rows->selected.count++] = row;
    }
    return rows;
}

static void run(const struct evaluator *evaluator, const struct rows *rows, struct arena *arena) {
    struct row_errors errors = {0};
    struct evaluation evaluation = {.arena = arena, .errors = &errors, .clock = &clock_system};
    struct vector vector;
    struct error error;
    if (evaluator_run(evaluator, &evaluation, rows, &rows->selected, &vector, &error) == 0) {
        if (!type_equal(vector.type, evaluator->type) || errors.count > 2)
            abort();
        for (size_t row = 0; row < ROWS; row++) {
            cleanup(bytes_release) struct bytes written = {0};
            struct value value, read;
            vector_get(&vector, row, &value);
            value_write(&written, vector.type, &value);
            const char *at = written.data;
            if (!written.failed && (!value_read(&at, written.data + written.length, vector.type, arena, &read) ||
                                    at != written.data + written.length))
                abort();
        }
    }
    evaluation_scratch_free(evaluation.scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(arena_release) struct arena arena = {0};
    struct scope_column scope_columns[COLUMNS + 1];
    struct expression *tree;
    const struct evaluator *evaluator;
    struct error error = {0};
    struct slice text = {(const char *)data, size};
    if (size == 0 || size > TEXT_MAXIMUM || script_expression(text, &arena, &tree, &error) < 0)
        return 0;
    const struct rows *rows = make_rows(&arena, scope_columns);
    struct scope scope = {.columns = scope_columns, .column_count = COLUMNS + 1};
    struct compile_settings strict = {0};
    if (compile_expression(tree, &scope, NULL, &settings, &arena, &evaluator, &error) == 0)
        run(evaluator, rows, &arena);
    else if (error.code == ERROR_INVALID && strncmp(error.message, "line ", 5) != 0)
        abort();
    if (compile_condition(tree, &scope, NULL, &strict, &arena, &evaluator, &error) == 0)
        run(evaluator, rows, &arena);
    if (compile_assignment(tree, &scope, NULL, &settings, &type_string, &arena, &evaluator, &error) == 0)
        run(evaluator, rows, &arena);
    return 0;
}
