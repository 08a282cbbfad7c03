-- title: Latest run of each pipeline
-- description: Runs that were skipped do not count
-- chart: table
-- place: 0 0 16 5
SELECT pipeline AS "Pipeline", state AS "State", run_id::text AS "Run", started_at AS "Started",
       round(extract(epoch FROM ended_at - started_at)::numeric, 1) AS "Took (s)", failed_step AS "Failed step", message AS "Message"
FROM medallion.latest_run
[[WHERE pipeline IN ({{pipeline}})]]
ORDER BY pipeline
