-- Rights: who may define and run, whose rights a step has, and that it cannot get others.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
CREATE ROLE regress_owner;
CREATE ROLE regress_member IN ROLE regress_owner;
CREATE ROLE regress_bare NOINHERIT IN ROLE regress_owner;
CREATE ROLE regress_other;
CREATE SCHEMA own AUTHORIZATION regress_owner;
CREATE SCHEMA secret;
CREATE TABLE secret.jewels AS SELECT 'crown' AS what;
GRANT USAGE ON SCHEMA medallion TO regress_owner, regress_other;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO regress_owner, regress_other;
RESET client_min_messages;
SET medallion.progress = off;

SET ROLE regress_owner;
SELECT medallion.create_pipeline('theirs');
INSERT INTO medallion.pipeline (name, owner) VALUES ('forged', 'postgres');    -- ERROR
UPDATE medallion.step SET apply = 'SELECT 1';                                  -- ERROR
CREATE TABLE own.seen (id serial, who name, what text);
-- Tries to run a statement; what came of it, and as whom.
CREATE FUNCTION own.try(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	INSERT INTO own.seen (who, what) VALUES (current_user, command || ': done');
EXCEPTION WHEN OTHERS THEN
	INSERT INTO own.seen (who, what) VALUES (current_user, command || ': ' || SQLSTATE);
END $$;
SELECT medallion.add_step('theirs', 'escape', $$
	SELECT own.try('SELECT * FROM secret.jewels');
	SELECT own.try('RESET ROLE');
	SELECT own.try('SET ROLE postgres');
	SELECT own.try('SET LOCAL ROLE NONE');
	SELECT own.try('SET SESSION AUTHORIZATION DEFAULT');
	SELECT own.try('RESET SESSION AUTHORIZATION');
	SELECT own.try('SELECT set_config(''role'', ''postgres'', false)');
	SELECT own.try('ALTER ROLE regress_owner SUPERUSER');
	SELECT own.try('RESET ALL');
	SELECT own.try('UPDATE medallion.pipeline SET owner = ''postgres''');
	SELECT own.try('INSERT INTO medallion.step_log VALUES (1, ''x'', 1, ''forged'')')$$);

-- Others may neither run nor change it.
RESET ROLE;
SET ROLE regress_other;
CALL medallion.run('theirs');                                                  -- ERROR
SELECT medallion.add_step('theirs', 'mine', 'SELECT 1');                       -- ERROR
SELECT medallion.drop_step('theirs', 'escape');                                -- ERROR
SELECT medallion.drop_pipeline('theirs');                                      -- ERROR
SELECT medallion.alter_pipeline_owner('theirs', 'regress_other');              -- ERROR
SELECT medallion.schedule('theirs', '* * * * *');                              -- ERROR
SELECT medallion.add_endpoint('theirs', 's', 'mysql');                         -- ERROR
SELECT count(*) FROM medallion.run_history;
-- Membership without its rights does not do.
RESET ROLE;
SET ROLE regress_bare;
CALL medallion.run('theirs');                                                  -- ERROR
RESET ROLE;
GRANT USAGE ON SCHEMA medallion TO regress_bare;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO regress_bare;
SET ROLE regress_bare;
CALL medallion.run('theirs');                                                  -- ERROR
-- A pipeline is given away only to a role whose rights one has.
RESET ROLE;
SET ROLE regress_owner;
SELECT medallion.alter_pipeline_owner('theirs', 'postgres');                   -- ERROR
RESET ROLE;

-- A superuser runs it with the owner's rights, no more.
CALL medallion.run('theirs');
SELECT current_user = session_user AS back;
SELECT who, what FROM own.seen ORDER BY id;
SELECT state, triggered_by = session_user AS by_caller FROM medallion.run;
TRUNCATE own.seen;
-- So does a member.
SET ROLE regress_member;
CALL medallion.run('theirs');
SELECT DISTINCT who FROM own.seen;
SELECT count(*) FROM medallion.run_history;
RESET ROLE;
SELECT medallion.drop_step('theirs', 'escape');

-- Triggers that wait for the commit are the owner's too, and so is a fingerprint.
SET ROLE regress_owner;
CREATE TABLE own.deferred (id int);
CREATE FUNCTION own.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 1 THEN
		SET CONSTRAINTS ALL DEFERRED;
		INSERT INTO own.deferred VALUES (2);
	END IF;
	INSERT INTO own.seen (who, what) VALUES (current_user, 'trigger ' || NEW.id);
	PERFORM own.try('RESET ROLE');
	PERFORM own.try('TABLE secret.jewels');
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON own.deferred DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION own.at_commit();
CREATE FUNCTION own.version() RETURNS text LANGUAGE sql AS $$
	INSERT INTO own.seen (who, what) VALUES (current_user, 'fingerprint') RETURNING 'v1' $$;
SELECT medallion.add_step('theirs', 'later', $$INSERT INTO own.deferred VALUES (1)$$, fingerprint => 'SELECT own.version()');
TRUNCATE own.seen;
RESET ROLE;
CALL medallion.run('theirs');
SELECT who, what FROM own.seen ORDER BY id;
SELECT current_user = session_user AS back;
SELECT medallion.drop_step('theirs', 'later');

-- What lives in the session ends with the step: a superuser who looks for "jewels" later finds his own.
SET ROLE regress_owner;
SELECT medallion.add_step('theirs', 'trap', $$
	CREATE TEMP VIEW jewels AS SELECT own.try('ALTER ROLE regress_owner SUPERUSER') IS NULL AS what;
	CREATE TEMP TABLE gone (id int) ON COMMIT DROP;
	CREATE TEMP TABLE parts (id serial) PARTITION BY RANGE (id);
	CREATE TYPE pg_temp.mood AS ENUM ('bad');
	CREATE DOMAIN pg_temp.int4 AS text CHECK (own.try(VALUE) IS NULL);
	PREPARE jewels AS SELECT own.try('ALTER ROLE regress_owner SUPERUSER');
	DECLARE jewels CURSOR WITH HOLD FOR SELECT 1;
	SELECT set_config('search_path', 'own', false)$$);
RESET ROLE;
CREATE TEMP TABLE mine (id int);
PREPARE mine AS SELECT 1;
SET search_path = secret;
CALL medallion.run('theirs');
SELECT what FROM jewels;
SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() ORDER BY 1;
SELECT typname FROM pg_type WHERE typnamespace = pg_my_temp_schema() ORDER BY 1;
SELECT name FROM pg_prepared_statements;
SELECT name FROM pg_cursors;
RESET search_path;
DROP TABLE mine;
DEALLOCATE mine;

-- Functions and operators of the same name, found first in the caller's path, are not called by the runner.
CREATE FUNCTION own.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'caught %', current_user;
END $$;
CREATE OPERATOR own.= (LEFTARG = text, RIGHTARG = text, FUNCTION = own.equal);
CREATE FUNCTION public.fdw_s3_finish(VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT 1/0';
SET search_path = own, pg_catalog;
CALL medallion.run('theirs');
SELECT medallion.drop_step('theirs', 'trap');
RESET search_path;
DROP FUNCTION public.fdw_s3_finish(text[]);

-- Nobody has others' pipelines started after his own, or stands in the way of their alerts.
INSERT INTO medallion.alert (pipeline, kind, message) VALUES ('theirs', 'stale', 'old') RETURNING alert_id AS victim \gset
SET ROLE regress_other;
SELECT medallion.create_pipeline('mine');
INSERT INTO medallion.successor (pipeline, next) VALUES ('mine', 'theirs');    -- ERROR
\set VERBOSITY sqlstate
INSERT INTO medallion.alert_delivery (alert_id, event, pipeline) VALUES (:victim, 'cleared', 'mine');  -- ERROR
\set VERBOSITY default
SELECT medallion.drop_pipeline('mine');
RESET ROLE;
-- What stands in a table's place is planned with nobody's rights but the owner's.
\set VERBOSITY terse
SELECT medallion.add_check('theirs', 'own.t', 'c', 'not_null', '{"column": "a"}');  -- ERROR
\set VERBOSITY default

-- The owner is gone.
SET client_min_messages = warning;
ALTER ROLE regress_owner RENAME TO regress_renamed;
RESET client_min_messages;
CALL medallion.run('theirs');                                                  -- ERROR
SELECT pipeline, owner, state FROM medallion.latest_run;
SET ROLE regress_other;
CALL medallion.run('theirs');                                                  -- ERROR
RESET ROLE;
SELECT medallion.alter_pipeline_owner('theirs', 'regress_renamed');
CALL medallion.run('theirs');
SELECT medallion.resume('theirs');
CALL medallion.run('theirs');

-- Given to a role that may do more, it waits until somebody has read it; given to one that may do less, it does not.
SELECT medallion.alter_pipeline_owner('theirs', 'postgres');
CALL medallion.run('theirs');
SELECT medallion.trigger('theirs');                                            -- ERROR
SELECT * FROM medallion.dry_run('theirs');                                     -- ERROR
SELECT medallion.resume('theirs');
SELECT medallion.alter_pipeline_owner('theirs', 'regress_renamed');
CALL medallion.run('theirs');

SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3;
DROP SCHEMA own, secret CASCADE;
DROP OWNED BY regress_renamed, regress_member, regress_bare, regress_other;
DROP ROLE regress_renamed, regress_member, regress_bare, regress_other;
