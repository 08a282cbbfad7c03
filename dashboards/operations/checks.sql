-- title: Checks
-- description: What came last of each check of the data, those that failed first
-- chart: table
-- empty: No check is defined.
-- place: 0 35 24 9
SELECT pipeline AS "Pipeline", model AS "Table", check_name AS "Check", severity AS "Severity", state AS "State",
       failing AS "Failing rows", checked_at AS "Checked"
FROM medallion.check_status
[[WHERE pipeline IN ({{pipeline}})]]
ORDER BY array_position('{failed,unknown,passed}', state), pipeline, model, check_name
