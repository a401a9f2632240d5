#include "model/schema.h"

static const struct column_definition reading_columns[READING_COLUMNS] = {
    [READING_GATEWAY] = {"gateway", COLUMN_STRING},
    [READING_TYPE] = {"metricType", COLUMN_STRING},
    [READING_ATTRIBUTE] = {"metricAttribute", COLUMN_STRING},
    [READING_TIMESTAMP] = {"timestamp", COLUMN_TIMESTAMP},
    [READING_VALUE] = {"value", COLUMN_DOUBLE},
};

const struct schema schema_reading = {reading_columns, READING_COLUMNS};

const char schema_reading_avro[] =
    "{\"type\":\"record\",\"name\":\"MetricAvro\",\"namespace\":\"auth.ece.common.model.avro\",\"fields\":["
    "{\"name\":\"gateway\",\"type\":\"string\"},{\"name\":\"metricType\",\"type\":\"string\"},"
    "{\"name\":\"metricAttribute\",\"type\":\"string\"},{\"name\":\"timestamp\",\"type\":\"string\"},"
    "{\"name\":\"value\",\"type\":\"double\"}]}";
