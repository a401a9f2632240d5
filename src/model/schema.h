/* The readings of topic `metrics`: their columns, and the schema they are written with. */
#ifndef METERLINE_MODEL_SCHEMA_H
#define METERLINE_MODEL_SCHEMA_H

enum reading_column {
    READING_GATEWAY,
    READING_TYPE,
    READING_ATTRIBUTE,
    READING_TIMESTAMP,
    READING_VALUE,
    READING_COLUMNS
};
/* Their Avro schema, design section 7 (record auth.ece.common.model.avro.MetricAvro), as JSON text, and the subject it
 * is registered under. */
extern const char schema_reading_avro[];
#define SCHEMA_READING_SUBJECT "metrics-value"

#endif
