-- title: Failures
-- description: The last 20 steps that failed in the last 7 days
-- chart: table
-- empty: No step has failed.
-- place: 12 12 12 7
SELECT started_at AS "Started", pipeline AS "Pipeline", step AS "Step", sqlstate AS "SQLSTATE", message AS "Message", hint AS "Hint"
FROM medallion.step_history
WHERE state = 'failed' AND started_at > now() - interval '7 days'
  [[AND pipeline IN ({{pipeline}})]]
ORDER BY started_at DESC
LIMIT 20
