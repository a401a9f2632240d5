-- The common declaration: readings as they lie on the topic `metrics`, as a stream. The other pipelines begin with this statement.
--
--   meterline check share/pipelines/readings.sql
--
-- The key of a record is the series, gateway.TYPE.ATTRIBUTE. Field names of Avro mind their case, so the columns stand in backticks. The event time is
-- the column `timestamp`, as in 2007-01-01T00:00:00Z; a record whose timestamp cannot be read is left out and counted. One whose key is another, that has no
-- finite value, or whose timestamp is more than a day ahead of the clock at which the log took it goes to metrics-rejected, with the reason.
CREATE STREAM READINGS (
  SERIES STRING KEY,
  `gateway` STRING,
  `metricType` STRING,
  `metricAttribute` STRING,
  `timestamp` STRING,
  `value` DOUBLE
) WITH (
  KAFKA_TOPIC = 'metrics', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'AVRO',
  TIMESTAMP = '`timestamp`', TIMESTAMP_FORMAT = 'yyyy-MM-dd''T''HH:mm:ssX',
  KEY_OF = '`gateway`.`metricType`.`metricAttribute`', REQUIRED = '`value`', MAX_AHEAD = '1 DAY'
);
