-- title: Duration of runs
-- description: The last 50 successful runs of each pipeline
-- chart: line
-- x: Started (UTC)
-- series: Pipeline
-- y: Seconds
-- place: 0 5 12 7
SELECT started_at AS "Started (UTC)", pipeline AS "Pipeline", round(extract(epoch FROM duration)::numeric, 2) AS "Seconds"
FROM (SELECT r.*, row_number() OVER (PARTITION BY pipeline ORDER BY run_id DESC) AS nth
      FROM medallion.run_history r
      WHERE state = 'succeeded'
        [[AND pipeline IN ({{pipeline}})]]) r
WHERE nth <= 50
ORDER BY started_at, pipeline
