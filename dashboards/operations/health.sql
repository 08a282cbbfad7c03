-- title: Health
-- description: Whether the machinery works; docs/operations.md says what to do
-- chart: table
-- place: 0 19 16 7
SELECT check_name AS "Check", CASE WHEN ok THEN 'ok' ELSE 'not ok' END AS "State", message AS "Message", fix AS "What to do"
FROM medallion.health
ORDER BY ok, check_name
