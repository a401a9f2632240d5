-- Consumption by day from registers (counters): the last reading of a day less the last one before it. Days add up to the whole, also over gaps: what was used
-- while nothing was read is in the day of the next reading. A register that runs backwards (exchange, reset) gives NULL, which is to be looked at.
-- parameter attribute = %_SUMMATION: which registers (LIKE)
-- parameter from = 1970-01-01: the first day
-- parameter to = 9999-12-31: the day after the last one
WITH days AS (
  SELECT gateway, type, attribute, tumble(ts, 86400) AS day, max_by(value, ts) AS reading, count(*) AS readings
  FROM readings
  WHERE attribute LIKE '${attribute}'
  GROUP BY gateway, type, attribute, tumble(ts, 86400)
), steps AS (
  SELECT gateway, type, attribute, day, reading, readings, lag(reading) OVER (PARTITION BY gateway, type, attribute ORDER BY day) AS before
  FROM days
)
SELECT gateway, type, attribute, day, reading, readings, CASE WHEN reading >= before THEN reading - before END AS consumption
FROM steps
WHERE day >= TIMESTAMP '${from} 00:00:00' AND day < TIMESTAMP '${to} 00:00:00'
ORDER BY gateway, type, attribute, day;
