-- Load profile: the average by hour of the day, of working days and weekends apart.
-- parameter attribute = ACTIVE_POWER: which series
-- parameter from = 1970-01-01: readings from this day on
-- parameter to = 9999-12-31: readings before this day
-- parameter offset = 0: seconds from UTC to local time
WITH shifted AS (
  SELECT gateway, value, unix_seconds(ts) + ${offset} AS local
  FROM readings
  WHERE attribute = '${attribute}' AND ts >= TIMESTAMP '${from} 00:00:00' AND ts < TIMESTAMP '${to} 00:00:00'
), timed AS (
  -- 1970-01-01 was a Thursday: day 0 + 3, counted from Monday
  SELECT gateway, value, CAST(floor(local / 3600.0) AS BIGINT) % 24 AS hour, (CAST(floor(local / 86400.0) AS BIGINT) + 3) % 7 AS weekday
  FROM shifted
)
SELECT gateway, CASE WHEN weekday < 5 THEN 'working day' ELSE 'weekend' END AS kind, hour, count(*) AS readings, avg(value) AS average, min(value) AS min,
  max(value) AS max
FROM timed
GROUP BY gateway, CASE WHEN weekday < 5 THEN 'working day' ELSE 'weekend' END, hour
ORDER BY gateway, kind DESC, hour;
