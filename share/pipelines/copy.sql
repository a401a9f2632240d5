-- A copy of the readings in another format: AVRO on `metrics`, JSON on `metrics-json`, with the same keys, times and values.
--
--   meterline run share/pipelines/copy.sql
--   meterline tail metrics-json --from-beginning --count 5
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

CREATE STREAM READINGS_JSON WITH (KAFKA_TOPIC = 'metrics-json', VALUE_FORMAT = 'JSON') AS
  SELECT SERIES, `gateway`, `metricType`, `metricAttribute`, `timestamp`, `value`
  FROM READINGS
  EMIT CHANGES;
