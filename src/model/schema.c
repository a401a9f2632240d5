#include "model/schema.h"

const char schema_reading_avro[] =
    "{\"type\":\"record\",\"name\":\"MetricAvro\",\"namespace\":\"auth.ece.common.model.avro\",\"fields\":["
    "{\"name\":\"gateway\",\"type\":\"string\"},{\"name\":\"metricType\",\"type\":\"string\"},"
    "{\"name\":\"metricAttribute\",\"type\":\"string\"},{\"name\":\"timestamp\",\"type\":\"string\"},"
    "{\"name\":\"value\",\"type\":\"double\"}]}";
