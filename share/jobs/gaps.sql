-- Gaps: times from one reading of a series to the next that are longer than so many seconds.
-- parameter seconds = 900: the longest that is no gap
-- parameter from = 1970-01-01: readings from this day on
-- parameter to = 9999-12-31: readings before this day
WITH steps AS (
  SELECT gateway, type, attribute, ts, lag(ts) OVER (PARTITION BY gateway, type, attribute ORDER BY ts) AS before
  FROM readings
  WHERE ts >= TIMESTAMP '${from} 00:00:00' AND ts < TIMESTAMP '${to} 00:00:00'
)
SELECT gateway, type, attribute, before AS gapFrom, ts AS gapTo, unix_seconds(ts) - unix_seconds(before) AS seconds
FROM steps
WHERE unix_seconds(ts) - unix_seconds(before) > ${seconds}
ORDER BY seconds DESC, gateway, type, attribute, gapFrom;
