-- Month on month: energy of each gateway by month from its power, and how it has changed against the month before.
-- parameter attribute = ACTIVE_POWER: which series
WITH hours AS (
  SELECT gateway, tumble(ts, 3600) AS hour, avg(value) AS energy
  FROM readings
  WHERE attribute = '${attribute}'
  GROUP BY gateway, tumble(ts, 3600)
), months AS (
  SELECT gateway, date_trunc('month', hour) AS month, sum(energy) AS energy, count(*) AS hours
  FROM hours
  GROUP BY gateway, date_trunc('month', hour)
), steps AS (
  SELECT gateway, month, energy, hours, lag(energy / hours) OVER (PARTITION BY gateway ORDER BY month) AS before
  FROM months
)
SELECT gateway, month, energy, hours, energy / hours AS averagePower, 100 * (energy / hours / before - 1) AS percentChange
FROM steps
ORDER BY gateway, month;
