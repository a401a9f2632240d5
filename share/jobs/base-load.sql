-- Base load: what is always drawn: of each day the hour with the lowest average, over all days.
-- parameter attribute = ACTIVE_POWER: which series
-- parameter from = 1970-01-01: readings from this day on
-- parameter to = 9999-12-31: readings before this day
WITH hours AS (
  SELECT gateway, tumble(ts, 3600) AS hour, avg(value) AS average
  FROM readings
  WHERE attribute = '${attribute}' AND ts >= TIMESTAMP '${from} 00:00:00' AND ts < TIMESTAMP '${to} 00:00:00'
  GROUP BY gateway, tumble(ts, 3600)
), days AS (
  SELECT gateway, tumble(hour, 86400) AS day, min(average) AS lowest, avg(average) AS average
  FROM hours
  GROUP BY gateway, tumble(hour, 86400)
)
SELECT gateway, count(*) AS days, avg(lowest) AS baseLoad, min(lowest) AS lowestDay, max(lowest) AS highestDay, avg(lowest) / avg(average) AS shareOfAverage
FROM days
GROUP BY gateway
ORDER BY gateway;
