-- Duplicates: series and times that were read more than once, and whether with one value or with several.
-- parameter from = 1970-01-01: readings from this day on
-- parameter to = 9999-12-31: readings before this day
SELECT gateway, type, attribute, ts, count(*) AS readings, count(DISTINCT value) AS distinctValues, min(value) AS min, max(value) AS max
FROM readings
WHERE ts >= TIMESTAMP '${from} 00:00:00' AND ts < TIMESTAMP '${to} 00:00:00'
GROUP BY gateway, type, attribute, ts
HAVING count(*) > 1
ORDER BY gateway, type, attribute, ts;
