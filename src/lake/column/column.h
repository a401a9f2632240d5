/* Columns of lake tables, and what is known of their values in one file. */
#ifndef METERLINE_LAKE_COLUMN_COLUMN_H
#define METERLINE_LAKE_COLUMN_COLUMN_H

#include "core/slice.h"
#include "model/type.h"
#include "model/value.h"
#include <stdbool.h>
#include <stdint.h>

enum { LAKE_COLUMNS_MAXIMUM = 1000, LAKE_COLUMN_NAME_MAXIMUM = 400 };

/* Flat SQL types; INTEGER is Iceberg's int, BIGINT long, TIME time, TIMESTAMP timestamptz (both in microseconds). */
struct lake_column {
    struct slice name;
    const struct type *type;
    int32_t id; /* the field's, for life; when a table is made they are 1, 2, .. */
    bool required;
};

/* Of one column in one file. Bounds enclose all values that are not NULL; NaN is in none. */
struct lake_bounds {
    bool bounded;              /* `lower` and `upper` are there */
    struct value lower, upper; /* of the column's type; texts may be cut: lower down, upper up */
    int64_t values, nulls;     /* -1: not known */
};

#endif
