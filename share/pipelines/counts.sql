-- How many readings each gateway has sent of each attribute since the beginning. The table is kept; `meterline sql` answers questions to it.
--
--   meterline run share/pipelines/counts.sql
--   meterline sql -e "SELECT * FROM READING_COUNTS;"
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

CREATE TABLE READING_COUNTS WITH (KAFKA_TOPIC = 'reading-counts', KEY_FORMAT = 'JSON', VALUE_FORMAT = 'JSON') AS
  SELECT `gateway` AS GATEWAY, `metricAttribute` AS ATTRIBUTE, COUNT(*) AS READINGS
  FROM READINGS
  GROUP BY `gateway`, `metricAttribute`
  EMIT CHANGES;
