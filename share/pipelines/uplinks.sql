-- How often each gateway was heard in every 5 minutes of event time: a gateway that sends too little, or too much, stands out. A window takes readings for 3
-- minutes after its end; its row lies on `device_uplink_count`, updated with each reading, and is kept for 20 minutes.
--
--   meterline run share/pipelines/uplinks.sql
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

CREATE TABLE DEVICE_UPLINK_COUNT WITH (KAFKA_TOPIC = 'device_uplink_count', KEY_FORMAT = 'KAFKA', VALUE_FORMAT = 'JSON') AS
  SELECT
    `gateway` AS GATEWAY,
    AS_VALUE(`gateway`) AS DEVICE,
    COUNT(*) AS UPLINKS,
    TIMESTAMPTOSTRING(WINDOWSTART, 'yyyy-MM-dd HH:mm:ss', 'UTC') AS WINDOW_START,
    TIMESTAMPTOSTRING(WINDOWEND, 'yyyy-MM-dd HH:mm:ss', 'UTC') AS WINDOW_END
  FROM READINGS
  WINDOW TUMBLING (SIZE 5 MINUTES, RETENTION 20 MINUTES, GRACE PERIOD 3 MINUTES)
  GROUP BY `gateway`
  EMIT CHANGES;
