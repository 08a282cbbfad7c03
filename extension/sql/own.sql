--
-- Own: which schemas and tables a pipeline takes for its own. Its steps run with the rights of its owner, who may be a
-- superuser, so they must not meet there what somebody else made: neither functions nor triggers nor tables.
--

CREATE FUNCTION medallion.owner_of(pipeline text) RETURNS oid
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT r.oid FROM medallion.pipeline p JOIN pg_roles r ON r.rolname = p.owner WHERE p.name = pipeline $$;
COMMENT ON FUNCTION medallion.owner_of(text) IS 'role that owns a pipeline';

-- What is made belongs to its maker, and steps run as the owner. A superuser, too, has to act as the owner: queries and
-- triggers that the owner has stored must not run with more rights than the owner's.
CREATE FUNCTION medallion.check_maker(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	IF medallion.owner_of($1) IS DISTINCT FROM (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user) THEN
		RAISE EXCEPTION 'only the owner of pipeline "%" can make its tables', $1
			USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I', (SELECT p.owner FROM medallion.pipeline p WHERE p.name = $1));
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_maker(text) IS 'an ERROR unless the current role is the owner of the pipeline';

-- Whoever owns a schema can replace what is in it. Superusers may do so anyway; "public", which may be the database
-- owner's, is taken because own_table() looks at every table again before it is used.
CREATE FUNCTION medallion.make_schema(pipeline text, name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holder pg_roles;
BEGIN
	IF to_regnamespace(quote_ident(name)) IS NULL THEN
		PERFORM medallion.check_maker($1);
		EXECUTE format('CREATE SCHEMA %I', name);
		RETURN;
	END IF;
	SELECT r.* INTO holder FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = name;
	IF NOT (holder.oid = medallion.owner_of($1) OR holder.rolsuper OR (name = 'public' AND holder.rolname = 'pg_database_owner')) THEN
		RAISE EXCEPTION 'schema "%" belongs to role "%"', name, holder.rolname
			USING ERRCODE = 'duplicate_schema', DETAIL = format('The tables of pipeline "%s" need a schema of its owner.', $1),
				HINT = format('Drop or rename that schema, or as that role: ALTER SCHEMA %I OWNER TO ...', name);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.make_schema(text, name) IS 'make a schema of a pipeline; an ERROR if it is somebody else''s';

-- Before PostgreSQL 18, AFTER triggers run as whoever is current when they fire: those of a table that refers to this one
-- ON DELETE CASCADE would run as the owner of this one.
CREATE FUNCTION medallion.check_triggers(pipeline text, relation regclass) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid := medallion.owner_of($1);
	stranger oid;
	thing text;
BEGIN
	SELECT s.role, s.thing INTO stranger, thing
	FROM (SELECT p.proowner, format('trigger "%s"', t.tgname) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = relation
		  UNION ALL
		  SELECT c.relowner, format('foreign key "%s" of table %s', f.conname, f.conrelid::regclass)
			FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid WHERE f.confrelid = relation AND f.contype = 'f') s (role, thing)
	JOIN pg_roles r ON r.oid = s.role
	WHERE s.role <> owner AND NOT r.rolsuper LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'table % has a % that belongs to another role', relation, thing
			USING ERRCODE = 'insufficient_privilege', DETAIL = format('What role "%s" has put there would run with the rights of the owner of pipeline "%s".',
																	  pg_get_userbyid(stranger), $1), HINT = 'Drop it.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_triggers(text, regclass) IS 'an ERROR if somebody but the owner or a superuser has put triggers on a table, or keys that refer to it';

-- Look at it with the table locked where others could replace it.
CREATE FUNCTION medallion.own_table(pipeline text, name text) RETURNS regclass
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass := to_regclass(name);
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'table % of pipeline "%" does not exist', name, $1
			USING ERRCODE = 'undefined_table', HINT = format('SELECT medallion.repair(%L) makes it again.', $1);
	ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relowner = medallion.owner_of($1) AND c.relkind IN ('r', 'f')) THEN
		RAISE EXCEPTION '% is no table of the owner of pipeline "%"', relation, $1
			USING ERRCODE = 'insufficient_privilege', HINT = 'Its triggers and functions would run with the owner''s rights.';
	END IF;
	PERFORM medallion.check_maker($1);
	PERFORM medallion.check_triggers($1, relation);
	RETURN relation;
END
$$;
COMMENT ON FUNCTION medallion.own_table(text, text) IS 'a table of a pipeline; an ERROR if it is missing or belongs to somebody else';

-- Foreign tables carry the name of their pipeline in their comment, tables in a trigger: see note_edit().
CREATE FUNCTION medallion.made_for(pipeline text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT format(' (pipeline %s)', pipeline) $$;
COMMENT ON FUNCTION medallion.made_for(text) IS 'end of the comments on the foreign tables that a pipeline makes';

CREATE FUNCTION medallion.refuse_table(pipeline text, name text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'table % exists already', name
		USING ERRCODE = 'duplicate_table', DETAIL = format('Pipeline "%s" did not make it, or it belongs to another role.', $1),
			HINT = 'Rename, move or drop it.';
END
$$;
COMMENT ON FUNCTION medallion.refuse_table(text, text) IS 'the ERROR for a table that stands where a pipeline''s should';

-- A table that is made anew, to have other columns, is lent to those to whom it was.
CREATE FUNCTION medallion.grants_on(name text) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(format('GRANT %s ON TABLE %s TO %s%s', a.privilege_type, name,
							CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
							CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END))
	  FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
	 WHERE c.oid = to_regclass(name) AND a.grantee <> c.relowner
$$;
COMMENT ON FUNCTION medallion.grants_on(text) IS 'the statements that grant what is granted on a table, or NULL';

CREATE FUNCTION medallion.grant_again(grants text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statement text;
BEGIN
	FOREACH statement IN ARRAY COALESCE(grants, '{}') LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.grant_again(text[]) IS 'runs what grants_on() has returned';

-- What an earlier install of the pipeline made is made anew.
CREATE FUNCTION medallion.clear_foreign_table(pipeline text, name text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass := to_regclass(name);
	mark text := medallion.made_for($1);
BEGIN
	PERFORM medallion.check_maker($1);
	IF relation IS NULL THEN
		RETURN;
	ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relkind = 'f' AND c.relowner = medallion.owner_of($1)
					  AND right(obj_description(c.oid, 'pg_class'), length(mark)) = mark) THEN
		PERFORM medallion.refuse_table($1, name);
	END IF;
	EXECUTE format('DROP FOREIGN TABLE %s', name);
END
$$;
COMMENT ON FUNCTION medallion.clear_foreign_table(text, text) IS 'drop a foreign table that the pipeline made; any other is an ERROR';

-- The queries of the models look for tables in the work schema under their bare names.
CREATE FUNCTION medallion.check_table_name(name name) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF starts_with(name, '_') OR to_regclass(format('pg_catalog.%I', name)) IS NOT NULL THEN
		RAISE EXCEPTION 'table name "%" is reserved', name USING ERRCODE = 'reserved_name';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_table_name(name) IS 'an ERROR for names of catalogs and for those that the work schema keeps for itself';

CREATE FUNCTION medallion.check_input_name(pipeline text, name name) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind text := CASE WHEN EXISTS (SELECT FROM medallion.source s WHERE (s.pipeline, s.name) = ($1, $2)) THEN 'source table'
					  WHEN EXISTS (SELECT FROM medallion.model m WHERE (m.pipeline, m.name) = ($1, $2)) THEN 'model' END;
BEGIN
	PERFORM medallion.check_table_name($2);
	IF kind IS NOT NULL THEN
		RAISE EXCEPTION 'pipeline "%" has a % "%" already', $1, kind, $2
			USING ERRCODE = 'duplicate_table', DETAIL = 'Queries of models name sources and models alike, without a schema.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_input_name(text, name) IS 'an ERROR for a name that a source or model cannot have, or that another one has';
