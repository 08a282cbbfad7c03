--
-- Runs that wait and are gone on with: which a new run takes the place of, and what it remembers.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET timezone = 'UTC';
SET medallion.progress = off;
CREATE EXTENSION medallion CASCADE;
CREATE SCHEMA own;
CREATE TABLE own.trace (n integer GENERATED ALWAYS AS IDENTITY, what text);
CREATE TABLE own.state (fails text);
INSERT INTO own.state VALUES (NULL);
CREATE FUNCTION own.work(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO own.trace (what) VALUES (what);
	IF EXISTS (SELECT FROM own.state WHERE fails = what) THEN
		RAISE EXCEPTION '% fails', what USING ERRCODE = '40001';
	END IF;
END $$;
CREATE FUNCTION own.done() RETURNS text LANGUAGE sql AS $$ WITH t AS (DELETE FROM own.trace RETURNING n, what) SELECT string_agg(what, ' ' ORDER BY n) FROM t $$;

-- What a step depends on has a name.
SELECT medallion.create_pipeline('p');
SELECT medallion.add_step('p', 'load', $$SELECT own.work('load')$$, fingerprint => $$SELECT 'same'$$);
SELECT medallion.add_step('p', 'odd', 'SELECT 1', depends_on => ARRAY[NULL]);  -- ERROR
SELECT medallion.alter_step('p', 'load', depends_on => ARRAY[NULL]);           -- ERROR
SELECT medallion.add_step('p', 'total', $$SELECT own.work('total')$$, depends_on => '{load}', retries => 2);
SELECT medallion.add_step('p', 'report', $$SELECT own.work('report')$$);

-- Waiting for its next try, a run is given up for one that does the same, and for no other.
UPDATE own.state SET fails = 'total';
CALL medallion.run('p', params => '{"country": "NZ"}');                        -- ERROR
CALL medallion.run('p', step => 'report');
SELECT run_id, mode, params, state FROM medallion.run ORDER BY run_id;
CALL medallion.run('p');                                                       -- ERROR
SELECT run_id, mode, params, state FROM medallion.run ORDER BY run_id;
SELECT count(*) FROM medallion.alert;
CALL medallion.run('p', params => '{"country": "NZ"}');                        -- ERROR
SELECT run_id, mode, params, state, message FROM medallion.run ORDER BY run_id;
SELECT kind, message, run_id, cleared_at IS NULL AS raised FROM medallion.alert;
UPDATE own.state SET fails = NULL;
CALL medallion.run('p');
CALL medallion.run('p', params => '{"country": "NZ"}');
SELECT state, count(*) FROM medallion.run GROUP BY 1 ORDER BY 1;
SELECT count(*) FILTER (WHERE cleared_at IS NULL) AS raised FROM medallion.alert;

-- Tries that did nothing are none: of retries => 2, both are left.
SELECT own.done() IS NOT NULL;
UPDATE own.state SET fails = 'load';
SELECT medallion.alter_step('p', 'load', apply => $$SELECT own.work('load') /* again */$$);
CALL medallion.run('p');                                                       -- ERROR
CALL medallion.retry('p');                                                     -- ERROR
UPDATE own.state SET fails = 'total';
CALL medallion.retry('p');                                                     -- ERROR
SELECT state FROM medallion.run ORDER BY run_id DESC LIMIT 1;
SELECT step, try, s.state FROM medallion.step_run s WHERE run_id = (SELECT max(run_id) FROM medallion.run) ORDER BY 1, 2;
UPDATE own.state SET fails = NULL;
CALL medallion.retry('p');
SELECT medallion.drop_pipeline('p');

-- All steps, whether or not inputs have changed: also when the run was broken off.
SELECT medallion.create_pipeline('daily');
SELECT medallion.set_interval('daily', '1 day', '2026-01-01', 'UTC');
SELECT medallion.add_step('daily', 'first', $$SELECT own.work('first')$$);
SELECT medallion.add_step('daily', 'then', $$SELECT own.work('then')$$, fingerprint => $$SELECT 'same'$$, depends_on => '{first}');
CALL medallion.backfill('daily', '2026-01-01', '2026-01-02', 'all');
SELECT own.done();
UPDATE own.state SET fails = 'first';
CALL medallion.backfill('daily', '2026-01-01', '2026-01-02', 'all');           -- ERROR
UPDATE own.state SET fails = NULL;
CALL medallion.retry('daily');
SELECT own.done();
SELECT forced, state FROM medallion.run ORDER BY run_id DESC LIMIT 1;

-- The step from which a waiting run was to go on is gone: it fails.
SELECT medallion.create_pipeline('g');
SELECT medallion.add_step('g', 'gone', $$SELECT own.work('gone')$$, retries => 3);
UPDATE own.state SET fails = 'gone';
CALL medallion.rebuild('g', 'gone');                                           -- ERROR
SELECT medallion.drop_step('g', 'gone');
CALL medallion.retry('g');                                                     -- ERROR
SELECT state, message FROM medallion.run ORDER BY run_id DESC LIMIT 1;

DROP EXTENSION medallion CASCADE;
DROP SCHEMA own CASCADE;
