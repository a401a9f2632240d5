-- Readings over days, weeks and months as people in Athens have them, and over gas days: local days have 23, 24 or 25 hours, and a gas day goes from 06:00 to 06:00 by the
-- clock on the wall. Each table is final, and goes to the store.
--
--   meterline run share/pipelines/calendar.sql
--   meterline query --window day@Europe/Athens
--
-- The same by options: meterline run --windows day@Europe/Athens,week@Europe/Athens,month@Europe/Athens,day+06:00@Europe/Athens --grace 1h
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

CREATE TABLE LOCAL_DAYS WITH (
  KAFKA_TOPIC = 'metrics-aggregates-day.Europe.Athens', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'LOCAL_DAYS'
) AS
  SELECT
    SERIES,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowStart`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWEND), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowEnd`,
    COUNT(*) AS `sampleCount`,
    MIN(`value`) AS `min`,
    MAX(`value`) AS `max`,
    SUM(`value`) AS `sum`,
    AVG(`value`) AS `average`,
    LATEST_BY_OFFSET(`metricType`) AS `metricType`,
    LATEST_BY_OFFSET(`metricAttribute`) AS `metricAttribute`,
    LATEST_BY_OFFSET(`gateway`) AS `gateway`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd', 'Europe/Athens') AS `localDate`,
    'Europe/Athens' AS `timezone`
  FROM READINGS
  WINDOW TUMBLING (SIZE 1 DAY, TIMEZONE 'Europe/Athens', GRACE PERIOD 1 HOUR)
  GROUP BY SERIES
  EMIT FINAL;

CREATE TABLE LOCAL_WEEKS WITH (
  KAFKA_TOPIC = 'metrics-aggregates-week.Europe.Athens', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'LOCAL_WEEKS'
) AS
  SELECT
    SERIES,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowStart`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWEND), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowEnd`,
    COUNT(*) AS `sampleCount`,
    MIN(`value`) AS `min`,
    MAX(`value`) AS `max`,
    SUM(`value`) AS `sum`,
    AVG(`value`) AS `average`,
    LATEST_BY_OFFSET(`metricType`) AS `metricType`,
    LATEST_BY_OFFSET(`metricAttribute`) AS `metricAttribute`,
    LATEST_BY_OFFSET(`gateway`) AS `gateway`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd', 'Europe/Athens') AS `localDate`,
    'Europe/Athens' AS `timezone`
  FROM READINGS
  WINDOW TUMBLING (SIZE 1 WEEK, TIMEZONE 'Europe/Athens', STARTING MONDAY, GRACE PERIOD 1 HOUR)
  GROUP BY SERIES
  EMIT FINAL;

CREATE TABLE LOCAL_MONTHS WITH (
  KAFKA_TOPIC = 'metrics-aggregates-month.Europe.Athens', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'LOCAL_MONTHS'
) AS
  SELECT
    SERIES,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowStart`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWEND), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowEnd`,
    COUNT(*) AS `sampleCount`,
    MIN(`value`) AS `min`,
    MAX(`value`) AS `max`,
    SUM(`value`) AS `sum`,
    AVG(`value`) AS `average`,
    LATEST_BY_OFFSET(`metricType`) AS `metricType`,
    LATEST_BY_OFFSET(`metricAttribute`) AS `metricAttribute`,
    LATEST_BY_OFFSET(`gateway`) AS `gateway`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd', 'Europe/Athens') AS `localDate`,
    'Europe/Athens' AS `timezone`
  FROM READINGS
  WINDOW TUMBLING (SIZE 1 MONTH, TIMEZONE 'Europe/Athens', GRACE PERIOD 1 HOUR)
  GROUP BY SERIES
  EMIT FINAL;

CREATE TABLE GAS_DAYS WITH (
  KAFKA_TOPIC = 'metrics-aggregates-day_06_00.Europe.Athens', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'GAS_DAYS'
) AS
  SELECT
    SERIES,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowStart`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWEND), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowEnd`,
    COUNT(*) AS `sampleCount`,
    MIN(`value`) AS `min`,
    MAX(`value`) AS `max`,
    SUM(`value`) AS `sum`,
    AVG(`value`) AS `average`,
    LATEST_BY_OFFSET(`metricType`) AS `metricType`,
    LATEST_BY_OFFSET(`metricAttribute`) AS `metricAttribute`,
    LATEST_BY_OFFSET(`gateway`) AS `gateway`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd', 'Europe/Athens') AS `localDate`,
    'Europe/Athens' AS `timezone`
  FROM READINGS
  WINDOW TUMBLING (SIZE 1 DAY, TIMEZONE 'Europe/Athens', OFFSET 6 HOURS, GRACE PERIOD 1 HOUR)
  GROUP BY SERIES
  EMIT FINAL;

CREATE SINK CONNECTOR CALENDAR_ROWS WITH ('type' = 'store', 'topics' = 'metrics-aggregates-day.Europe.Athens, metrics-aggregates-week.Europe.Athens, metrics-aggregates-month.Europe.Athens, metrics-aggregates-day_06_00.Europe.Athens');
