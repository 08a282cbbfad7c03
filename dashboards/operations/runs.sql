-- title: Runs
-- description: In the last 24 hours
-- chart: number
-- y: Runs
-- place: 16 0 4 5
SELECT count(*) AS "Runs"
FROM medallion.run_history
WHERE started_at > now() - interval '1 day'
  [[AND pipeline IN ({{pipeline}})]]
