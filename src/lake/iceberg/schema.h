/* Iceberg's schemas as JSON, of flat SQL types. */
#ifndef METERLINE_LAKE_ICEBERG_SCHEMA_H
#define METERLINE_LAKE_ICEBERG_SCHEMA_H

#include "core/arena.h"
#include "core/error.h"
#include "lake/column/column.h"
#include <jansson.h>

/* A schema with fields 1, 2, ..; ERROR_UNSUPPORTED: a nested type; ERROR_INVALID: a name twice. */
int schema_write(const struct lake_column *columns, size_t count, json_t **ret_schema, struct error *error);
/* Columns in `arena`. ERROR_UNSUPPORTED: says which column is of what type. */
int schema_read(const json_t *schema, struct arena *arena, struct lake_column **ret_columns, size_t *ret_count,
                struct error *error);

#endif
