/* A Parquet file: whatever it says, it is read or refused, without a crash or a read out of bounds. */
#include <string.h>

#include "lake/parquet/parquet_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 7, ROWS_MAXIMUM = 100000 };
static const struct type decimal_type = {.kind = TYPE_DECIMAL, .precision = 38, .scale = 10};
static const struct lake_column columns[COLUMNS] = {
    {{"b", 1}, &type_boolean, 1, false},    {{"i", 1}, &type_integer, 2, false}, {{"l", 1}, &type_bigint, 3, false},
    {{"d", 1}, &type_double, 4, false},     {{"s", 1}, &type_string, 5, false},  {{"ts", 2}, &type_timestamp, 9, false},
    {{"d38", 3}, &decimal_type, 12, false},
};

struct file {
    const uint8_t *data;
    size_t size;
};

static int file_read(void *context, int64_t offset, void *to, size_t length, struct error *error) {
    const struct file *file = context;
    if (offset < 0 || (size_t)offset > file->size || length > file->size - (size_t)offset)
        return error_set(error, ERROR_IO, "beyond the end");
    memcpy(to, file->data + offset, length);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct file file = {data, size};
    struct parquet_input input = {file_read, &file, (int64_t)size, "fuzz"};
    struct parquet_reader *reader;
    struct error error;
    if (parquet_reader_open(&input, columns, COLUMNS, &reader, &error))
        return 0;
    for (size_t group = 0; group < parquet_reader_groups(reader) && group < 4; group++) {
        struct arena arena = {0};
        struct vector read[COLUMNS];
        if (parquet_reader_rows(reader, group) <= ROWS_MAXIMUM)
            parquet_reader_read(reader, group, NULL, &arena, read, &error);
        arena_release(&arena);
    }
    parquet_reader_free(reader);
    return 0;
}
