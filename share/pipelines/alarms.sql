-- Alarms: a reading below the minimum or above the maximum of its series goes to `alarms`, with the kind UNDER or OVER.
--
--   meterline run share/pipelines/alarms.sql
--   meterline sql -e "INSERT INTO ALARM_THRESHOLDS (SERIES, MIN_VALUE, MAX_VALUE) VALUES ('0.ELECTRICITY.VOLTAGE', 220.0, 250.0);"
--   meterline tail alarms
--
-- Thresholds are rows of a table keyed by series; one that is inserted again is changed, from the next reading on. A series without a row makes no alarms, nor
-- does a bound that is NULL. docs/alarms.md says more.
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

CREATE TABLE ALARM_THRESHOLDS (
  SERIES STRING PRIMARY KEY,
  MIN_VALUE DOUBLE,
  MAX_VALUE DOUBLE
) WITH (
  KAFKA_TOPIC = 'alarm_thresholds', PARTITIONS = 4, KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'JSON'
);

CREATE STREAM ALARMS WITH (KAFKA_TOPIC = 'alarms', VALUE_FORMAT = 'AVRO') AS
  SELECT
    READINGS.SERIES AS SERIES,
    `gateway`, `metricType`, `metricAttribute`, `timestamp`, `value`,
    MIN_VALUE AS `minValue`,
    MAX_VALUE AS `maxValue`,
    CASE WHEN `value` < MIN_VALUE THEN 'UNDER' ELSE 'OVER' END AS `alarmType`
  FROM READINGS
  JOIN ALARM_THRESHOLDS ON READINGS.SERIES = ALARM_THRESHOLDS.SERIES
  WHERE `value` < MIN_VALUE OR `value` > MAX_VALUE
  EMIT CHANGES;
