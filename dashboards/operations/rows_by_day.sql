-- title: Rows by day
-- description: Rows that steps read or wrote, by day of the run, in the last 30 days
-- chart: bar
-- x: Day
-- series: Pipeline
-- y: Rows
-- place: 0 12 12 7
SELECT to_char(started_at, 'YYYY-MM-DD') AS "Day", pipeline AS "Pipeline", coalesce(sum(rows), 0)::bigint AS "Rows"
FROM medallion.run_history
WHERE started_at > now() - interval '30 days'
  [[AND pipeline IN ({{pipeline}})]]
GROUP BY 1, 2
ORDER BY 1, 2
