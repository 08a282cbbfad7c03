-- title: Failed runs
-- description: In the last 24 hours
-- chart: number
-- y: Runs
-- place: 20 0 4 5
SELECT count(*) AS "Runs"
FROM medallion.run_history
WHERE state = 'failed' AND started_at > now() - interval '1 day'
  [[AND pipeline IN ({{pipeline}})]]
