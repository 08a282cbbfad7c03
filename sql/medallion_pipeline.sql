-- Defining pipelines: bad definitions first.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;

SELECT medallion.create_pipeline('');                                          -- ERROR
SELECT medallion.create_pipeline(NULL);                                        -- ERROR
SELECT medallion.create_pipeline(E'a\nb');                                     -- ERROR
SELECT medallion.create_pipeline(repeat('x', 53));                             -- ERROR
SELECT medallion.create_pipeline(repeat('x', 52));
SELECT medallion.create_pipeline('demo', 'shows how');
SELECT medallion.create_pipeline('demo');                                      -- ERROR

SELECT medallion.add_step('nope', 'a', 'SELECT 1');                            -- ERROR
SELECT medallion.add_step('demo', '', 'SELECT 1');                             -- ERROR
SELECT medallion.add_step('demo', 'a', NULL);                                  -- ERROR
SELECT medallion.add_step('demo', 'a', '');                                    -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1; SELEKT 2');                  -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1; COMMIT');                    -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', plan => 'ROLLBACK');        -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', fingerprint => 'DELETE FROM t'); -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', fingerprint => 'SELECT 1; SELECT 2'); -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', depends_on => '{a}');       -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', depends_on => '{b}');       -- ERROR

SELECT medallion.add_step('demo', 'a', 'SELECT 1');
SELECT medallion.add_step('demo', 'a', 'SELECT 1');                            -- ERROR
SELECT medallion.add_step('demo', 'b', 'SELECT 2', plan => 'SELECT 0', depends_on => '{a}', fingerprint => $$SELECT 'x'$$);
SELECT name, position, depends_on, plan, apply, fingerprint, length(definition) FROM medallion.step ORDER BY position;
SELECT medallion.drop_step('demo', 'a');                                       -- ERROR
SELECT medallion.drop_step('demo', 'c');                                       -- ERROR
SELECT medallion.drop_step('demo', 'b');
SELECT medallion.drop_step('demo', 'a');

SELECT medallion.add_endpoint('demo', 'nowhere', 'ftp');                       -- ERROR
SELECT medallion.add_endpoint('demo', 'nowhere', 's3');                        -- ERROR
SELECT medallion.add_endpoint('demo', 'nowhere', 'kafka');                     -- ERROR
SELECT medallion.add_endpoint('demo', 'nowhere', 'openweather', 'London');     -- ERROR
SELECT medallion.add_endpoint('demo', 'nowhere', 'mysql');
SELECT medallion.add_endpoint('demo', 'nowhere', 'mysql');
SELECT * FROM medallion.endpoint;
SELECT check_name, ok, detail, fix FROM medallion.doctor() WHERE check_name NOT LIKE 'pg_cron%';

SELECT medallion.drop_pipeline('nope');                                        -- ERROR
SELECT medallion.drop_pipeline('demo');
SELECT count(*) FROM medallion.pipeline WHERE name = 'demo';

-- Everything is explained, and nothing is open to PUBLIC but what shows or does only the caller's own things.
SELECT c.oid::regclass FROM pg_class c
 WHERE c.relnamespace = 'medallion'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT p.oid::regprocedure FROM pg_proc p
 WHERE p.pronamespace = 'medallion'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT p.oid::regprocedure::text COLLATE "C" AS public_routine FROM pg_proc p, aclexplode(p.proacl) a
 WHERE p.pronamespace = 'medallion'::regnamespace AND a.grantee = 0 ORDER BY 1;
SELECT c.oid::regclass AS open_table, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.relnamespace = 'medallion'::regnamespace AND a.grantee = 0 AND c.relkind <> 'v' AND NOT c.relrowsecurity
   AND c.oid <> 'medallion.endpoint'::regclass;
SELECT has_schema_privilege('public', 'medallion', 'USAGE');
-- Every table and sequence is dumped.
SELECT c.oid::regclass FROM pg_class c JOIN pg_extension e ON e.extname = 'medallion'
 WHERE c.relnamespace = 'medallion'::regnamespace AND c.relkind IN ('r', 'S') AND c.oid <> ALL (e.extconfig);

SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3;
