#include "stream/sink/lake_rows.h"

#include <stdlib.h>

#include "core/memory.h"

enum { FIRST_CAPACITY = 256, GROUP_ROWS = 122880 };

static size_t rows_width(const struct type *type) {
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return sizeof(uint8_t);
    case TYPE_DOUBLE:
        return sizeof(double);
    case TYPE_DECIMAL:
        return sizeof(decimal);
    case TYPE_STRING:
    case TYPE_BYTES:
        return sizeof(struct slice);
    default:
        return sizeof(int64_t);
    }
}

int lake_rows_open(struct lake_rows *rows, const struct lake_column *columns, size_t count, struct error *error) {
    *rows = (struct lake_rows){.columns = columns, .column_count = count};
    rows->vectors = memory_zero(count + 1, sizeof *rows->vectors);
    if (!rows->vectors)
        return error_no_memory(error);
    for (size_t c = 0; c < count; c++)
        rows->vectors[c] = (struct vector){.type = columns[c].type, .mask = SIZE_MAX};
    return 0;
}

void lake_rows_clear(struct lake_rows *rows) {
    for (size_t c = 0; c < rows->column_count && rows->vectors; c++) {
        free(rows->vectors[c].data);
        free(rows->vectors[c].nulls);
        rows->vectors[c].data = NULL;
        rows->vectors[c].nulls = NULL;
    }
    arena_release(&rows->texts);
    rows->count = rows->capacity = rows->bytes = 0;
}

void lake_rows_release(struct lake_rows *rows) {
    lake_rows_clear(rows);
    free(rows->vectors);
    *rows = (struct lake_rows){0};
}

static int rows_reserve(struct lake_rows *rows, struct error *error) {
    if (rows->count < rows->capacity)
        return 0;
    size_t capacity = rows->capacity ? 2 * rows->capacity : FIRST_CAPACITY, width = 0;
    for (size_t c = 0; c < rows->column_count; c++) {
        struct vector *vector = &rows->vectors[c];
        void *data = memory_resize(vector->data, capacity, rows_width(vector->type));
        vector->data = data ? data : vector->data;
        void *nulls = memory_resize(vector->nulls, capacity, 1);
        vector->nulls = nulls ? nulls : vector->nulls;
        if (!data || !nulls)
            return error_no_memory(error);
        width += rows_width(vector->type) + 1;
    }
    rows->bytes += (capacity - rows->capacity) * width;
    rows->capacity = capacity;
    return 0;
}

int lake_rows_add(struct lake_rows *rows, const struct vector *columns, size_t row, struct error *error) {
    int status = rows_reserve(rows, error);
    if (status)
        return status;
    for (size_t c = 0; c < rows->column_count; c++) {
        struct value value;
        vector_get(&columns[c], row, &value);
        bool text = columns[c].type->kind == TYPE_STRING || columns[c].type->kind == TYPE_BYTES;
        if (text && !value.null) {
            value.text = arena_copy(&rows->texts, value.text);
            if (!value.text.data)
                return error_no_memory(error);
            rows->bytes += value.text.length + 16;
        }
        vector_set(&rows->vectors[c], rows->count, &value);
    }
    rows->count++;
    return 0;
}

static int rows_write_groups(const struct lake_rows *rows, struct lake_file_writer *writer, struct error *error) {
    uint32_t *order = memory_zero(rows->count, sizeof *order);
    int status = order ? 0 : error_no_memory(error);
    for (size_t row = 0; row < rows->count && !status; row++)
        order[row] = (uint32_t)row;
    for (size_t at = 0; at < rows->count && !status; at += GROUP_ROWS) {
        size_t count = rows->count - at < GROUP_ROWS ? rows->count - at : GROUP_ROWS;
        status = lake_file_write(writer, rows->vectors, order + at, count, error);
    }
    free(order);
    return status;
}

int lake_rows_write(struct lake_rows *rows, struct lake_table *table, const struct lake_snapshot *schema,
                    const char *name, struct arena *arena, struct lake_new_file *ret_file, struct error *error) {
    struct lake_file_settings settings = {.name = name};
    struct lake_file_writer *writer;
    int status = lake_file_open(table, schema, &settings, &writer, error);
    if (status)
        return status;
    status = rows_write_groups(rows, writer, error);
    if (status)
        lake_file_abandon(writer);
    else
        status = lake_file_finish(writer, arena, ret_file, error);
    if (!status)
        lake_rows_clear(rows);
    return status;
}
