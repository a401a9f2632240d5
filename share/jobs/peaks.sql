-- Peaks: the highest quarter hours of each gateway, by their average.
-- parameter attribute = ACTIVE_POWER: which series
-- parameter count = 10: how many of each gateway
-- parameter from = 1970-01-01: readings from this day on
-- parameter to = 9999-12-31: readings before this day
WITH quarters AS (
  SELECT gateway, tumble(ts, 900) AS windowStart, avg(value) AS average, count(*) AS readings
  FROM readings
  WHERE attribute = '${attribute}' AND ts >= TIMESTAMP '${from} 00:00:00' AND ts < TIMESTAMP '${to} 00:00:00'
  GROUP BY gateway, tumble(ts, 900)
), ranked AS (
  SELECT gateway, windowStart, average, readings, row_number() OVER (PARTITION BY gateway ORDER BY average DESC, windowStart) AS place
  FROM quarters
)
SELECT gateway, place, windowStart, average, readings FROM ranked WHERE place <= ${count} ORDER BY gateway, place;
