-- The readings of one gateway and one attribute go to a topic of their own, for a program that needs no more than those. Write your own names:
-- each CREATE STREAM is a query, all of them share one read of `metrics`.
--
--   meterline run share/pipelines/filter.sql
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

CREATE STREAM GATEWAY_0 WITH (KAFKA_TOPIC = 'metrics-gateway-0') AS
  SELECT * FROM READINGS
  WHERE `gateway` = '0'
  EMIT CHANGES;

CREATE STREAM VOLTAGE WITH (KAFKA_TOPIC = 'metrics-voltage') AS
  SELECT * FROM READINGS
  WHERE `metricType` = 'ELECTRICITY' AND `metricAttribute` = 'VOLTAGE'
  EMIT CHANGES;

CREATE STREAM GATEWAY_0_POWER WITH (KAFKA_TOPIC = 'metrics-gateway-0-power', VALUE_FORMAT = 'JSON') AS
  SELECT SERIES, `timestamp` AS AT, `value` AS WATTS FROM READINGS
  WHERE `gateway` = '0' AND `metricAttribute` LIKE '%ACTIVE_POWER'
  EMIT CHANGES;
