-- title: Freshness of tables
-- description: When each published table last changed, and when a successful run last looked
-- chart: table
-- place: 0 26 24 9
SELECT table_name AS "Table", rows AS "Rows", changed_at AS "Changed", checked_at AS "Looked at",
       round(extract(epoch FROM age)::numeric / 60, 1) AS "Age (minutes)", round(extract(epoch FROM max_age)::numeric / 60) AS "At most (minutes)",
       CASE WHEN stale THEN 'stale' WHEN max_age IS NULL THEN 'no limit' ELSE 'fresh' END AS "State"
FROM medallion.freshness
ORDER BY stale DESC NULLS LAST, table_name
