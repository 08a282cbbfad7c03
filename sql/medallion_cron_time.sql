-- Next times of cron schedules.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SELECT f, medallion.cron_field(f, 0, 10, '{sun,mon,tue}') FROM unnest('{*,*/4,3,1-3,1-9/3,"2,mon,8-9",SUN-TUE,"5,5",11,3-1,a,wed,1-,-1,*/0,1/2,""}'::text[]) f;
-- 2026-11-29 is a Sunday.
SELECT cron, medallion.next_time(cron, '2026-11-29 10:20:30+00') AS next
  FROM unnest('{
	* * * * *, */5 * * * *, 20 * * * *, 21 * * * *, 0 * * * *, 0 10 * * *, 0 2 * * *, 30 10-12/2 * * *, "0,30 9,11 * * *",
	0 0 * * 0, 0 0 * * 7, 0 0 * * sun, 0 0 * * mon, 15 11 * * 0, 0 0 * * 1-5, 0 12 1 * *, 0 12 31 * *, 0 0 30 2 *, 0 0 29 2 *, 0 0 29 2 1,
	0 0 13 * fri, 0 0 1 jan *, 0 0 */2 * 1, 0 0 1 * */2, 59 23 31 12 *, 0 0 $ * *, 0 0 $ 2 *, " 0   6 * * * ",
	@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, @reboot, 30 seconds, 1 second, 0 24 * * *, 0 0 * *, nonsense, 61 * * * *}'::text[]) WITH ORDINALITY u (cron, n) ORDER BY n;
-- In a time zone: before, in and after the changes to and from summer time.
SELECT after, medallion.next_time('30 2 * * *', after, 'Europe/Berlin') AS next, medallion.next_time('0 12 * * *', after, 'Europe/Berlin') AS noon
  FROM unnest('{2026-03-28 00:00+00,2026-03-28 12:00+00,2026-03-29 12:00+00,2026-10-24 12:00+00,2026-10-25 12:00+00}'::timestamptz[]) after;
-- Midnight and the turn of the year.
SELECT medallion.next_time('* * * * *', '2026-12-31 23:59:59+00'), medallion.next_time('0 0 1 1 *', '2027-01-01 00:00:00+00');
-- What is due next is due: each of the next 300 times is a time of the schedule, and none between is.
WITH RECURSIVE due AS (
	SELECT medallion.next_time('7-40/11 */5 1-10 2,6 mon', '2026-01-01') AS at, 1 AS n
	UNION ALL
	SELECT medallion.next_time('7-40/11 */5 1-10 2,6 mon', at), n + 1 FROM due WHERE n < 300)
SELECT count(*), (SELECT count(*) FROM generate_series((SELECT min(at) FROM due), (SELECT max(at) FROM due), '1 minute') g (at)
	WHERE EXTRACT(minute FROM at) IN (7, 18, 29, 40) AND EXTRACT(hour FROM at) IN (0, 5, 10, 15, 20) AND EXTRACT(month FROM at) IN (2, 6)
	  AND (EXTRACT(day FROM at) <= 10 OR EXTRACT(dow FROM at) = 1)) AS by_counting FROM due;
DROP EXTENSION medallion, fdw_mysql, fdw_s3, fdw_kafka;
