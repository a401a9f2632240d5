-- Aggregates of hours, or of windows of another size, straight from the readings.
-- parameter seconds = 3600: size of the windows
-- parameter from = 1970-01-01: readings from this day on
-- parameter to = 9999-12-31: readings before this day
SELECT gateway, type, attribute, tumble(ts, ${seconds}) AS windowStart, count(*) AS sampleCount, min(value) AS min, max(value) AS max, sum(value) AS sum,
  avg(value) AS average, min_by(value, ts) AS first, max_by(value, ts) AS last
FROM readings
WHERE ts >= TIMESTAMP '${from} 00:00:00' AND ts < TIMESTAMP '${to} 00:00:00'
GROUP BY gateway, type, attribute, tumble(ts, ${seconds})
ORDER BY gateway, type, attribute, windowStart;
