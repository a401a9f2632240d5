/* Columns of a batch: names and types, fixed for the life of a query. */
#ifndef METERLINE_MODEL_SCHEMA_H
#define METERLINE_MODEL_SCHEMA_H

#include <stddef.h>

enum column_type {
    COLUMN_STRING,    /* struct slice */
    COLUMN_INTEGER,   /* int64_t */
    COLUMN_DOUBLE,    /* double */
    COLUMN_TIMESTAMP, /* int64_t, ms since the epoch, in the range of model/time.h */
};

struct column_definition {
    const char *name;
    enum column_type type;
};

struct schema {
    const struct column_definition *columns;
    size_t count;
};

/* The readings of topic `metrics`, in the order of enum reading_column. */
enum reading_column {
    READING_GATEWAY,
    READING_TYPE,
    READING_ATTRIBUTE,
    READING_TIMESTAMP,
    READING_VALUE,
    READING_COLUMNS
};
extern const struct schema schema_reading;
/* Its Avro schema, design section 7 (record auth.ece.common.model.avro.MetricAvro), as JSON text, and the subject it
 * is registered under. */
extern const char schema_reading_avro[];
#define SCHEMA_READING_SUBJECT "metrics-value"

#endif
