/* Values of a result one by one, whatever their width. Decimals and integers beyond 64 bits become digits. */
#include "batch/duckdb/olap_internal.h"

#include <string.h>

static duckdb_type cell_type(struct olap_result *result, size_t column) {
    return result->connection->olap->api.column_type(&result->result, column);
}

int olap_result_check(struct olap_result *result, struct error *error) {
    for (size_t i = 0; i < olap_result_columns(result); i++) {
        duckdb_type type = cell_type(result, i);
        bool known = (type >= DUCKDB_BOOLEAN && type <= DUCKDB_DATE) || type == DUCKDB_HUGEINT ||
                     type == DUCKDB_VARCHAR || type == DUCKDB_DECIMAL || type == DUCKDB_TIMESTAMP_TZ ||
                     type == DUCKDB_SQLNULL;
        if (!known)
            return error_set(error, ERROR_UNSUPPORTED,
                             "column %s has a type that cannot be printed: write CAST(%s AS VARCHAR)",
                             olap_result_name(result, i), olap_result_name(result, i));
    }
    return 0;
}

/* "-12.345": the digits of `value` with `scale` of them after the point. */
static struct slice cell_digits(char to[48], __int128 value, unsigned scale) {
    unsigned __int128 left = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    char *at = to + 48;
    for (unsigned i = 0; left || i <= scale; i++) {
        if (i == scale && scale)
            *--at = '.';
        *--at = (char)('0' + (int)(left % 10));
        left /= 10;
    }
    if (value < 0)
        *--at = '-';
    return (struct slice){at, (size_t)(to + 48 - at)};
}

/* Integers and what is stored as one; false: the type is none. */
static bool cell_integer(duckdb_type type, const void *data, size_t row, __int128 *ret_value) {
    switch (type) {
    case DUCKDB_BOOLEAN:
    case DUCKDB_UTINYINT:
        *ret_value = ((const uint8_t *)data)[row];
        return true;
    case DUCKDB_TINYINT:
        *ret_value = ((const int8_t *)data)[row];
        return true;
    case DUCKDB_SMALLINT:
        *ret_value = ((const int16_t *)data)[row];
        return true;
    case DUCKDB_USMALLINT:
        *ret_value = ((const uint16_t *)data)[row];
        return true;
    case DUCKDB_INTEGER:
    case DUCKDB_DATE:
        *ret_value = ((const int32_t *)data)[row];
        return true;
    case DUCKDB_UINTEGER:
        *ret_value = ((const uint32_t *)data)[row];
        return true;
    case DUCKDB_BIGINT:
    case DUCKDB_TIMESTAMP:
    case DUCKDB_TIMESTAMP_TZ:
        *ret_value = ((const int64_t *)data)[row];
        return true;
    case DUCKDB_UBIGINT:
        *ret_value = ((const uint64_t *)data)[row];
        return true;
    case DUCKDB_HUGEINT: /* 64 bits, low then high */
        memcpy(ret_value, (const char *)data + row * sizeof *ret_value, sizeof *ret_value);
        return true;
    default:
        return false;
    }
}

static void cell_decimal(struct olap_result *result, size_t column, const void *data, size_t row,
                         struct olap_cell *to) {
    const struct duckdb *api = &result->connection->olap->api;
    duckdb_logical_type type = api->column_logical_type(&result->result, column);
    __int128 value = 0;
    cell_integer(api->decimal_internal_type(type), data, row, &value);
    to->kind = OLAP_CELL_DIGITS;
    to->text = cell_digits(to->digits, value, api->decimal_scale(type));
    api->destroy_logical_type(&type);
}

static enum olap_cell_kind cell_kind(duckdb_type type, __int128 value) {
    if (type == DUCKDB_BOOLEAN)
        return OLAP_CELL_BOOLEAN;
    if (type == DUCKDB_DATE)
        return OLAP_CELL_DATE;
    if (type == DUCKDB_TIMESTAMP || type == DUCKDB_TIMESTAMP_TZ)
        return OLAP_CELL_TIME;
    return value == (int64_t)value ? OLAP_CELL_INTEGER : OLAP_CELL_DIGITS;
}

void olap_result_cell(struct olap_result *result, size_t column, size_t row, struct olap_cell *ret_cell) {
    duckdb_type type = cell_type(result, column);
    const void *data = olap_result_data(result, column);
    __int128 value;
    ret_cell->kind = OLAP_NULL;
    if (!olap_is_valid(olap_result_valid(result, column), row) || type == DUCKDB_SQLNULL)
        return;
    if (type == DUCKDB_DOUBLE || type == DUCKDB_FLOAT) {
        ret_cell->kind = OLAP_CELL_DOUBLE;
        ret_cell->number = type == DUCKDB_DOUBLE ? ((const double *)data)[row] : (double)((const float *)data)[row];
    } else if (type == DUCKDB_VARCHAR) {
        ret_cell->kind = OLAP_CELL_TEXT;
        ret_cell->text = olap_text(data, row);
    } else if (type == DUCKDB_DECIMAL) {
        cell_decimal(result, column, data, row, ret_cell);
    } else if (cell_integer(type, data, row, &value)) {
        ret_cell->kind = cell_kind(type, value);
        ret_cell->integer = (int64_t)value;
        if (ret_cell->kind == OLAP_CELL_DIGITS)
            ret_cell->text = cell_digits(ret_cell->digits, value, 0);
    }
}
