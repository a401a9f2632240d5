-- The time of the newest reading of each gateway, on the topic `latest_activity` and in the cache: key gateway, value timestamp. ISO-8601 texts in one zone are
-- ordered as their times are, so MAX finds the newest, in whatever order readings come.
--
--   meterline run share/pipelines/latest.sql --cache redis://localhost:6379/1
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

CREATE TABLE LATEST_ACTIVITY WITH (KAFKA_TOPIC = 'latest_activity', FORMAT = 'KAFKA') AS
  SELECT `gateway` AS GATEWAY, MAX(`timestamp`) AS LATEST
  FROM READINGS
  GROUP BY `gateway`
  EMIT CHANGES;

CREATE SINK CONNECTOR LATEST_ACTIVITY_CACHE WITH ('type' = 'cache', 'topics' = 'latest_activity');
