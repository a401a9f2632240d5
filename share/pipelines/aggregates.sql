-- The aggregates of readings over windows of event time: what `meterline run` does when it is given no other file.
--
--   meterline run share/pipelines/aggregates.sql
--
-- Each table is final: a window leaves once, when its grace period is over, into a topic of its own. `meterline run --windows 900,86400 --grace 1h` makes the same
-- statements with other numbers (each size after the pattern of the first), and brings the topics to the store; for statements of your own a connector does:
--
--   CREATE SINK CONNECTOR ROWS WITH ('type' = 'store', 'topics' = 'metrics-aggregates-60, metrics-aggregates-600, metrics-aggregates-3600, metrics-aggregates-86400');
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

CREATE TABLE AGGREGATES_60 WITH (
  KAFKA_TOPIC = 'metrics-aggregates-60', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'AGGREGATES_60'
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
    LATEST_BY_OFFSET(`gateway`) AS `gateway`
  FROM READINGS
  WINDOW TUMBLING (SIZE 60 SECONDS, GRACE PERIOD 300 SECONDS)
  GROUP BY SERIES
  EMIT FINAL;

CREATE TABLE AGGREGATES_600 WITH (
  KAFKA_TOPIC = 'metrics-aggregates-600', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'AGGREGATES_600'
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
    LATEST_BY_OFFSET(`gateway`) AS `gateway`
  FROM READINGS
  WINDOW TUMBLING (SIZE 600 SECONDS, GRACE PERIOD 300 SECONDS)
  GROUP BY SERIES
  EMIT FINAL;

CREATE TABLE AGGREGATES_3600 WITH (
  KAFKA_TOPIC = 'metrics-aggregates-3600', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'AGGREGATES_3600'
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
    LATEST_BY_OFFSET(`gateway`) AS `gateway`
  FROM READINGS
  WINDOW TUMBLING (SIZE 3600 SECONDS, GRACE PERIOD 300 SECONDS)
  GROUP BY SERIES
  EMIT FINAL;

CREATE TABLE AGGREGATES_86400 WITH (
  KAFKA_TOPIC = 'metrics-aggregates-86400', VALUE_FORMAT = 'JSON', WINDOW_IN_KEY = FALSE, QUERY_ID = 'AGGREGATES_86400'
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
    LATEST_BY_OFFSET(`gateway`) AS `gateway`
  FROM READINGS
  WINDOW TUMBLING (SIZE 86400 SECONDS, GRACE PERIOD 300 SECONDS)
  GROUP BY SERIES
  EMIT FINAL;
