-- Top consumers: energy of each gateway from its power, hour by hour: the average of an hour, in kW, is its kWh.
-- parameter attribute = ACTIVE_POWER: which series
-- parameter count = 20: how many
-- parameter from = 1970-01-01: readings from this day on
-- parameter to = 9999-12-31: readings before this day
WITH hours AS (
  SELECT gateway, tumble(ts, 3600) AS hour, avg(value) AS energy
  FROM readings
  WHERE attribute = '${attribute}' AND ts >= TIMESTAMP '${from} 00:00:00' AND ts < TIMESTAMP '${to} 00:00:00'
  GROUP BY gateway, tumble(ts, 3600)
), sums AS (
  SELECT gateway, sum(energy) AS energy, count(*) AS hours FROM hours GROUP BY gateway
)
SELECT gateway, energy, hours, energy / hours AS averagePower, 100 * energy / sum(energy) OVER () AS percent
FROM sums
ORDER BY energy DESC, gateway
LIMIT ${count};
