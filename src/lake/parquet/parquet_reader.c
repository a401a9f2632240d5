#include "lake/parquet/parquet_reader.h"

#include <endian.h>
#include <stdlib.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "lake/parquet/footer.h"
#include "lake/parquet/page.h"
#include "model/time/time_text.h"

enum { TAIL = 8, FOOTER_MAXIMUM = 1 << 28, ABSENT = -1 };

struct parquet_reader {
    struct parquet_input input;
    const struct lake_column *columns;
    size_t count;
    int *places; /* of each column in the file; ABSENT */
    struct footer footer;
    struct arena arena;
    struct bytes chunk, scratch;
};

static int parquet_wrap(const struct parquet_reader *reader, int status, struct error *error) {
    return status ? error_wrap(error, "Parquet file %s", reader->input.name) : 0;
}

/* --- which column is which
 * ------------------------------------------------------------------------------------------------------------------ */

/* Fixed bytes of any length up to 16 hold decimals too. */
static bool parquet_decimal_matches(const struct footer_column *column, const struct type *type) {
    bool physical = column->physical == PARQUET_INT32 || column->physical == PARQUET_INT64 ||
                    (column->physical == PARQUET_FIXED && column->length >= 1 && column->length <= 16);
    return physical && column->scale == type->scale && (column->converted == 5 || column->logical == 5);
}

/* Does what the file has hold values of the type? Narrower numbers that were widened later do too. */
static bool parquet_matches(const struct footer_column *column, const struct type *type) {
    enum parquet_physical physical = column->physical;
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return physical == PARQUET_BOOLEAN;
    case TYPE_INTEGER:
    case TYPE_DATE:
        return physical == PARQUET_INT32;
    case TYPE_BIGINT:
        return physical == PARQUET_INT64 || physical == PARQUET_INT32;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return physical == PARQUET_INT64 && (column->time_unit || column->converted == 9 || column->converted == 10 ||
                                             column->converted == 7 || column->converted == 8);
    case TYPE_DOUBLE:
        return physical == PARQUET_DOUBLE || physical == PARQUET_FLOAT;
    case TYPE_DECIMAL:
        return parquet_decimal_matches(column, type);
    case TYPE_STRING:
        return physical == PARQUET_BYTE_ARRAY;
    default:
        return physical == PARQUET_BYTE_ARRAY || physical == PARQUET_FIXED;
    }
}

/* By id; by name in files without ids, such as those that were not written for a table. */
static int parquet_find(const struct footer *footer, const struct lake_column *column) {
    bool ids = false;
    for (size_t c = 0; c < footer->column_count; c++) {
        ids |= footer->columns[c].id != 0;
        if (footer->columns[c].id == column->id && column->id)
            return (int)c;
    }
    for (size_t c = 0; c < footer->column_count && !ids; c++)
        if (slice_equal(footer->columns[c].name, column->name))
            return (int)c;
    return ABSENT;
}

static int parquet_map(struct parquet_reader *reader, struct error *error) {
    for (size_t c = 0; c < reader->count; c++) {
        const struct lake_column *column = &reader->columns[c];
        int place = reader->places[c] = parquet_find(&reader->footer, column);
        if (place != ABSENT && !parquet_matches(&reader->footer.columns[place], column->type))
            return error_set(error, ERROR_UNSUPPORTED, "column %.*s is of another type than the table's",
                             (int)column->name.length, column->name.data);
    }
    return 0;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

static int parquet_read_footer(struct parquet_reader *reader, struct error *error) {
    const struct parquet_input *input = &reader->input;
    char tail[TAIL];
    uint32_t length;
    if (input->bytes < TAIL + 4)
        return error_set(error, ERROR_CORRUPT, "it has only %lld bytes", (long long)input->bytes);
    int status = input->read(input->context, input->bytes - TAIL, tail, TAIL, error);
    if (status)
        return status;
    memcpy(&length, tail, 4);
    length = le32toh(length);
    if (memcmp(tail + 4, PARQUET_MAGIC, 4) != 0 || length > FOOTER_MAXIMUM || length > input->bytes - TAIL - 4)
        return error_set(error, ERROR_CORRUPT, "it does not end as a Parquet file");
    char *text = arena_allocate(&reader->arena, length + 1);
    if (!text)
        return error_no_memory(error);
    status = input->read(input->context, input->bytes - TAIL - length, text, length, error);
    return status ? status
                  : footer_read((struct slice){text, length}, input->bytes, &reader->arena, &reader->footer, error);
}

int parquet_reader_open(const struct parquet_input *input, const struct lake_column *columns, size_t count,
                        struct parquet_reader **ret_reader, struct error *error) {
    struct parquet_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    reader->input = *input;
    reader->columns = columns;
    reader->count = count;
    reader->places = memory_zero(count + 1, sizeof *reader->places);
    int status = reader->places ? parquet_read_footer(reader, error) : error_no_memory(error);
    if (!status)
        status = parquet_map(reader, error);
    if (!status) {
        *ret_reader = reader;
        return 0;
    }
    parquet_wrap(reader, status, error);
    parquet_reader_free(reader);
    return status;
}

struct parquet_reader *parquet_reader_free(struct parquet_reader *reader) {
    if (!reader)
        return NULL;
    free(reader->places);
    bytes_release(&reader->chunk);
    bytes_release(&reader->scratch);
    arena_release(&reader->arena);
    free(reader);
    return NULL;
}

size_t parquet_reader_groups(const struct parquet_reader *reader) {
    return reader->footer.group_count;
}

int64_t parquet_reader_rows(const struct parquet_reader *reader, size_t group) {
    return reader->footer.groups[group].rows;
}

/* --- values into vectors
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t parquet_milliseconds(const struct footer_column *column, int64_t value) {
    bool nanoseconds = column->time_unit == 3,
         milliseconds = column->time_unit == 1 || column->converted == 7 || column->converted == 9;
    return milliseconds && column->time_unit <= 1 ? value : floor_divide(value, nanoseconds ? 1000000 : 1000);
}

static decimal parquet_read_decimal(struct slice bytes) {
    decimal value = bytes.length && (signed char)bytes.data[0] < 0 ? -1 : 0;
    for (size_t i = 0; i < bytes.length; i++)
        value = (decimal)((unsigned __int128)value << 8 | (unsigned char)bytes.data[i]);
    return value;
}

static void parquet_put_value(const struct footer_column *column, const struct page_values *values, size_t at,
                              struct vector *to, size_t row) {
    switch (to->type->kind) {
    case TYPE_BOOLEAN:
        to->booleans[row] = values->integers[at] != 0;
        break;
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_DATE:
        to->integers[row] = values->integers[at];
        break;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        to->integers[row] = parquet_milliseconds(column, values->integers[at]);
        break;
    case TYPE_DOUBLE:
        to->doubles[row] = values->doubles[at];
        break;
    case TYPE_DECIMAL:
        to->decimals[row] =
            column->physical == PARQUET_FIXED ? parquet_read_decimal(values->texts[at]) : (decimal)values->integers[at];
        break;
    default:
        to->texts[row] = values->texts[at];
    }
}

static int parquet_read_column(struct parquet_reader *reader, const struct footer_group *group, int place,
                               struct arena *arena, struct vector *to, struct error *error) {
    const struct footer_column *column = &reader->footer.columns[place];
    const struct footer_chunk *chunk = &group->chunks[place];
    size_t rows = (size_t)group->rows,
           width =
               column->physical == PARQUET_BYTE_ARRAY || column->physical == PARQUET_FIXED ? sizeof(struct slice) : 8;
    struct page_values values = {.nulls = to->nulls, .texts = arena_allocate(arena, rows * width + 16)};
    reader->chunk.length = 0;
    bool stays = chunk->codec == PARQUET_UNCOMPRESSED; /* then texts lie in these bytes */
    char *bytes = stays ? arena_allocate(arena, (size_t)chunk->bytes + 1)
                        : bytes_reserve(&reader->chunk, (size_t)chunk->bytes + 1);
    if (!values.texts || !bytes)
        return error_no_memory(error);
    int status = reader->input.read(reader->input.context, chunk->begin, bytes, (size_t)chunk->bytes, error);
    if (!status)
        status = page_read_chunk((struct slice){bytes, (size_t)chunk->bytes}, column, chunk, rows, &reader->scratch,
                                 arena, &values, error);
    for (size_t row = 0, at = 0; row < rows && !status; row++)
        if (!to->nulls[row])
            parquet_put_value(column, &values, at++, to, row);
    return status;
}

int parquet_reader_read(struct parquet_reader *reader, size_t group, const bool *wanted, struct arena *arena,
                        struct vector *columns, struct error *error) {
    const struct footer_group *from = &reader->footer.groups[group];
    int status = 0;
    for (size_t c = 0; c < reader->count && !status; c++) {
        if (wanted && !wanted[c])
            continue;
        if (!vector_allocate(arena, reader->columns[c].type, (size_t)from->rows + 1, &columns[c]))
            status = error_no_memory(error);
        else if (reader->places[c] == ABSENT)
            memset(columns[c].nulls, 1, (size_t)from->rows);
        else
            status = parquet_read_column(reader, from, reader->places[c], arena, &columns[c], error);
    }
    return parquet_wrap(reader, status, error);
}
