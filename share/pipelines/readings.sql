-- The common declaration: readings as they lie on the topic `metrics`, as a stream. The other pipelines begin with this statement.
--
--   meterline check share/pipelines/readings.sql
--
-- The key of a record is the series, gateway.TYPE.ATTRIBUTE. Field names of Avro mind their case, so the columns stand in backticks. The event time is
-- the column `timestamp`, as in 2007-01-01T00:00:00Z. A record goes to metrics-rejected, with the reason, when its timestamp cannot be read or is more than a
-- day ahead of the clock at which the log took it, when its key is another, or when it has no finite value.
CREATE STREAM READINGS (
  SERIES STRING KEY,
  `gateway` STRING,
  `metricType` STRING,
  `metricAttribute` STRING,
  `timestamp` STRING,
  `value` DOUBLE
) WITH (
  KAFKA_TOPIC = 'metrics', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO',
  TIMESTAMP = '`timestamp`', TIMESTAMP_FORMAT = 'ISO-8601',
  KEY_OF = '`gateway`.`metricType`.`metricAttribute`', REQUIRED = '`value`', MAX_AHEAD = '1 DAY'
);
