\echo Use "ALTER EXTENSION medallion UPDATE" to load this file. \quit
--
-- From 0.1 to 0.2: what becomes of the tables, types and indexes that are there, and of functions and views that change in
-- a way which OR REPLACE does not take. What is dropped here the parts, which follow, make again (CONTRIBUTING.md).
--

-- Policies are made again, by the part "operator".
DO $$
DECLARE
	t pg_catalog.regclass;
BEGIN
	FOR t IN
		SELECT p.polrelid
		  FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.polrelid
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) 'medallion'::pg_catalog.regnamespace
		   AND p.polname OPERATOR(pg_catalog.=) 'operator'
	LOOP
		EXECUTE pg_catalog.format('DROP POLICY operator ON %s', t);
	END LOOP;
END
$$;
