-- title: Next runs
-- description: When each pipeline is due, and why
-- chart: table
-- place: 16 19 8 7
SELECT pipeline AS "Pipeline", next_at AS "Next", reason AS "Why"
FROM medallion.next_run
[[WHERE pipeline IN ({{pipeline}})]]
ORDER BY next_at NULLS LAST, pipeline
