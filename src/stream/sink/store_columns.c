#include "stream/sink/store_columns.h"

#include <math.h>

#include "core/number.h"
#include "model/time/time.h"

/* Types whose value is what the JSON of the record says, to the last bit. */
static bool column_fits(enum store_column column, const struct type *type) {
    bool whole = type->kind == TYPE_INTEGER || type->kind == TYPE_BIGINT;
    if (column == STORE_COLUMN_START || column == STORE_COLUMN_END)
        return whole || type->kind == TYPE_STRING || type->kind == TYPE_TIMESTAMP;
    return store_column_is_number(column) ? whole || type->kind == TYPE_DOUBLE : type->kind == TYPE_STRING;
}

bool store_columns_find(const struct sink_plan *sink, const struct window_bounds *bounds,
                        struct store_columns *ret_columns) {
    const struct row_schema *schema = &sink->schema;
    ret_columns->bounds = bounds;
    if (sink->value.format != FORMAT_JSON || !sink->value.wrapped)
        return false;
    for (size_t c = schema->key_count; c < schema->count; c++)
        if (slice_equal(schema->columns[c].name, SLICE("incomplete"))) /* the reader looks for it */
            return false;
    for (enum store_column column = 0; column < STORE_COLUMNS; column++) {
        size_t at = schema->key_count;
        while (at < schema->count && !slice_equal(schema->columns[at].name, store_column_name(column)))
            at++;
        if (at == schema->count || !column_fits(column, schema->columns[at].type))
            return false;
        ret_columns->at[column] = at;
    }
    return true;
}

static bool column_number(const struct vector *vector, size_t at, double *ret_number) {
    *ret_number = vector->type->kind == TYPE_DOUBLE ? vector->doubles[at] : (double)vector->integers[at];
    return isfinite(*ret_number);
}

static bool column_time(const struct vector *vector, size_t at, int64_t *ret_time) {
    if (vector->type->kind != TYPE_STRING)
        *ret_time = vector->integers[at];
    else if (!time_read(vector->texts[at], ret_time) && !number_read_integer(vector->texts[at], ret_time))
        return false;
    return *ret_time >= TIME_MINIMUM && *ret_time <= TIME_MAXIMUM;
}

bool store_columns_read(const struct store_columns *columns, const struct rows *rows, uint32_t row,
                        const struct bus_record *record, struct aggregate_row *ret_row) {
    const struct vector *vectors[STORE_COLUMNS];
    double numbers[STORE_COLUMNS] = {0};
    for (enum store_column column = 0; column < STORE_COLUMNS; column++) {
        const struct vector *vector = vectors[column] = &rows->columns[columns->at[column]];
        if (vector->nulls[row & vector->mask] ||
            (store_column_is_number(column) && !column_number(vector, row & vector->mask, &numbers[column])))
            return false;
    }
#define TEXT(column) vectors[column]->texts[row & vectors[column]->mask]
    struct aggregate_row read = {
        .series = {TEXT(STORE_COLUMN_GATEWAY), TEXT(STORE_COLUMN_TYPE), TEXT(STORE_COLUMN_ATTRIBUTE)},
        .key = record->key,
        .minimum = numbers[STORE_COLUMN_MINIMUM],
        .maximum = numbers[STORE_COLUMN_MAXIMUM],
        .sum = numbers[STORE_COLUMN_SUM],
        .average = numbers[STORE_COLUMN_AVERAGE],
        .revision = store_rows_header_incomplete(record) ? AGGREGATE_INCOMPLETE : 0};
#undef TEXT
    const struct vector *start = vectors[STORE_COLUMN_START], *end = vectors[STORE_COLUMN_END];
    if (!column_time(start, row & start->mask, &read.window_start) ||
        !column_time(end, row & end->mask, &read.window_end) ||
        store_rows_check(columns->bounds, &read, numbers[STORE_COLUMN_COUNT]))
        return false;
    read.count = (uint64_t)numbers[STORE_COLUMN_COUNT];
    *ret_row = read;
    return true;
}
