-- Data intervals: their bounds, the ledger of those that are done, backfill.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;
SET medallion.progress = off;
SET TimeZone = 'America/Lima';
SET DateStyle = 'SQL, DMY';

SELECT medallion.create_pipeline('daily');
SELECT medallion.set_interval('daily', '1 day', '2026-03-01', 'Europe/Nowhere');   -- ERROR
SELECT medallion.set_interval('daily', '1 day 2 hours', '2026-03-01');             -- ERROR
SELECT medallion.set_interval('daily', '1 month 1 day', '2026-03-01');             -- ERROR
SELECT medallion.set_interval('daily', '0', '2026-03-01');                         -- ERROR
SELECT medallion.set_interval('daily', '-1 day', '2026-03-01');                    -- ERROR
SELECT medallion.set_interval('daily', NULL, '2026-03-01');                        -- ERROR
SELECT medallion.set_interval('daily', '1 day', 'infinity');                       -- ERROR
SELECT medallion.set_interval('nope', '1 day', '2026-03-01');                      -- ERROR
SELECT * FROM medallion.backfill_plan('daily', NULL, NULL);                        -- ERROR
CALL medallion.backfill('daily', NULL, NULL, 'missing');                           -- ERROR

-- Days of a time zone, across the changes of its clock; months; hours, which do not care.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SELECT medallion.set_interval('daily', '1 day', '2026-03-28', 'Europe/Berlin');
SELECT interval_start, interval_end, interval_end - interval_start AS width, state FROM medallion.intervals('daily', NULL, '2026-03-31');
SELECT interval_start, interval_end - interval_start AS width FROM medallion.intervals('daily', '2026-10-24', '2026-10-26 22:00');
SELECT medallion.set_interval('daily', '1 month', '2026-01-31', 'Asia/Kolkata');
SELECT interval_start, interval_end FROM medallion.intervals('daily', NULL, '2026-06-01');
SELECT medallion.set_interval('daily', '6 hours', '2026-03-28 18:00', 'Europe/Berlin');
SELECT interval_start, interval_end - interval_start AS width FROM medallion.intervals('daily', NULL, '2026-03-29 12:00');
SELECT medallion.set_interval('daily', '1 day', (now() - interval '1 hour')::timestamp);
SELECT count(*) AS complete FROM medallion.intervals('daily');
SELECT medallion.set_interval('daily', '1 year', '2000-02-29');
SELECT count(*) > 20 AS years, count(*) = count(DISTINCT interval_start) AS each_once,
	   bool_and(next IS NULL OR interval_end = next) AS without_gaps
  FROM (SELECT *, lead(interval_start) OVER (ORDER BY interval_start) AS next FROM medallion.intervals('daily')) i;

-- Thirty days, one of which fails: 29 are done, and retry() does just that one.
SELECT medallion.set_interval('daily', '1 day', '2026-03-15', 'Europe/Berlin');
CREATE TABLE public.loaded (day date, seconds numeric);
CREATE TABLE public.bad (day date);
INSERT INTO public.bad VALUES ('2026-03-29');
SELECT medallion.add_step('daily', 'load', $$
	INSERT INTO public.loaded SELECT (medallion.interval_start() AT TIME ZONE 'Europe/Berlin')::date,
									 EXTRACT(epoch FROM medallion.interval_end() - medallion.interval_start());
	SELECT 1 / (SELECT count(*) - 1 FROM public.bad b WHERE b.day = (medallion.interval_start() AT TIME ZONE 'Europe/Berlin')::date)$$);
SELECT count(*), min(interval_start), max(interval_end) FROM medallion.backfill_plan('daily', NULL, '2026-04-13 22:00');
\set VERBOSITY terse
CALL medallion.backfill('daily', NULL, '2026-04-13 22:00', 'missing');             -- ERROR
\set VERBOSITY default
SELECT state, count(*) FROM medallion.intervals('daily', NULL, '2026-04-13 22:00') GROUP BY state ORDER BY state;
SELECT kind, subject, message, cleared_at FROM medallion.alert;
TRUNCATE public.bad;
CALL medallion.retry('daily');
SELECT state, count(*) FROM medallion.intervals('daily', NULL, '2026-04-13 22:00') GROUP BY state ORDER BY state;
SELECT count(*), count(DISTINCT day), sum(seconds) / 3600 AS hours FROM public.loaded;
SELECT state, count(*) FROM medallion.run_history GROUP BY state ORDER BY state;
SELECT kind, cleared_at IS NOT NULL AS cleared FROM medallion.alert;
CALL medallion.retry('daily');

-- Only those that are asked for, and in the order that is asked for. run() does what has become complete meanwhile.
TRUNCATE public.loaded;
CALL medallion.backfill('daily', NULL, '2026-04-13 22:00', 'failed');
CALL medallion.backfill('daily', '2026-03-28 23:00', '2026-03-30 22:00', 'all', newest_first => true);
SELECT ARRAY(SELECT day FROM public.loaded) AS order_of_days;
CALL medallion.backfill('daily', NULL, NULL, 'some');                              -- ERROR
CALL medallion.backfill('daily', NULL, NULL, NULL);                                -- ERROR
SELECT * FROM medallion.backfill('daily', NULL, NULL);                             -- ERROR
CALL medallion.run('daily', step => 'load');                                       -- ERROR
CALL medallion.rebuild('daily', 'load');                                           -- ERROR
SELECT medallion.set_interval('daily', '2 days', '2026-03-15');                    -- ERROR
SELECT medallion.set_interval('daily', '1 day', '2026-03-15', 'Europe/Berlin');
SELECT medallion.create_pipeline('behind');
SELECT medallion.add_step('behind', 'load', 'SELECT medallion.report(medallion.interval_start()::text, 1)');
SELECT medallion.set_interval('behind', '1 hour', date_trunc('hour', now() AT TIME ZONE 'UTC') - interval '3 hours');
DO $$
DECLARE
	run bigint;
	state text;
BEGIN
	CALL medallion.run('behind', run, state);
	RAISE NOTICE '%', state;
	CALL medallion.run('behind', run, state);
	RAISE NOTICE '%', state;
END $$;
SELECT state, count(*), min(interval_start) = date_trunc('hour', now()) - interval '3 hours' AS from_the_start
  FROM medallion.run WHERE pipeline = 'behind' GROUP BY state;
-- Interval by interval, what is unchanged is not done again; unless all is asked for.
SELECT medallion.add_step('behind', 'lazy', 'SELECT 1', fingerprint => $$SELECT medallion.interval_start()::text$$);
CALL medallion.backfill('behind', NULL, NULL, 'all');
SELECT s.state, count(*) FROM medallion.step_run s JOIN medallion.run r USING (run_id) WHERE r.pipeline = 'behind' AND s.step = 'lazy' GROUP BY s.state;
SELECT medallion.create_pipeline('none');
SELECT * FROM medallion.backfill('none', NULL, NULL);                              -- ERROR

DROP TABLE public.loaded, public.bad;
SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3;
