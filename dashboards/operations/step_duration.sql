-- title: Duration of steps
-- description: Average over the last 7 days, of steps that had something to do
-- chart: row
-- x: Step
-- y: Seconds
-- place: 12 5 12 7
SELECT pipeline || ': ' || step AS "Step", round(avg(extract(epoch FROM duration))::numeric, 2) AS "Seconds"
FROM medallion.step_history
WHERE state = 'succeeded' AND started_at > now() - interval '7 days'
  [[AND pipeline IN ({{pipeline}})]]
GROUP BY pipeline, step
ORDER BY avg(duration) DESC, 1
LIMIT 12
