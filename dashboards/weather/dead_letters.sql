-- title: Dead letters
-- description: Records that could not be used and wait for somebody
-- chart: number
-- y: Records
-- place: 19 0 5 5
SELECT coalesce(sum(waiting), 0)::bigint AS "Records"
FROM weather.dead_letters_by_reason
