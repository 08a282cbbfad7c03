--
-- Roles: one that defines pipelines, one that owns them and runs them, one that reads what they made. create_roles() makes
-- the three; nothing here is done by CREATE EXTENSION.
--

CREATE FUNCTION medallion.make_role(name name, login boolean, comment text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = name) THEN
		EXECUTE format('CREATE ROLE %I %s', name, CASE WHEN login THEN 'LOGIN' ELSE 'NOLOGIN' END);
		EXECUTE format('COMMENT ON ROLE %I IS %L', name, comment);
	ELSIF (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.rolname = name) THEN
		RAISE EXCEPTION 'role "%" has rights that it must not have', name
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS;', name);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.make_role(name, boolean, text) IS 'make a role where it is missing; an ERROR if it is more than an ordinary one';

-- Functions of the wrappers that a role needs to make pipelines, and to have their steps run.
CREATE FUNCTION medallion.wrapper_functions() RETURNS SETOF regprocedure
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.oid::regprocedure
	  FROM pg_extension e
	  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
	  JOIN pg_proc p ON p.oid = d.objid
	 WHERE e.extname IN ('fdw_mysql', 'fdw_kafka', 'fdw_s3') AND p.prorettype <> 'fdw_handler'::regtype
$$;
COMMENT ON FUNCTION medallion.wrapper_functions() IS 'the functions of the foreign data wrappers, but for their handlers';

-- Columns that the readers of a new table are not to have, though a default privilege has given them all of it. The caller
-- owns the table.
CREATE FUNCTION medallion.withhold(tab regclass, columns name[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shown text := (SELECT medallion.column_list(array_agg(c ORDER BY n)) FROM unnest(medallion.data_columns(tab)) WITH ORDINALITY u (c, n)
				   WHERE c <> ALL (columns));
	g record;
BEGIN
	FOR g IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role
			   FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
			  WHERE c.oid = tab AND a.grantee <> c.relowner AND a.privilege_type = 'SELECT' LOOP
		EXECUTE format('REVOKE SELECT ON %s FROM %s', tab, g.role);
		EXECUTE format('GRANT SELECT (%s) ON %s TO %s', shown, tab, g.role);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.withhold(regclass, name[]) IS 'take columns of a table from those who may read all of it, and leave them the others';

-- What the tables of weather keep as it was received.
CREATE FUNCTION medallion.withhold_payloads() RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT medallion.withhold(to_regclass(t.name), t.columns)
	  FROM (VALUES ('weather.dead_letter', '{key,value}'::name[]), ('weather.api_error', '{record}')) t (name, columns)
	 WHERE to_regclass(t.name) IS NOT NULL
$$;
COMMENT ON FUNCTION medallion.withhold_payloads() IS 'take the records that could not be used from the readers of weather';

CREATE FUNCTION medallion.grant_loader(loader name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f regprocedure;
BEGIN
	EXECUTE format('GRANT CREATE ON DATABASE %I TO %I', current_database(), loader);
	EXECUTE format('GRANT USAGE ON SCHEMA medallion TO %I', loader);
	EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO %I', loader);
	FOR f IN SELECT * FROM medallion.wrapper_functions() LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f, loader);
	END LOOP;
	IF medallion.has_cron() THEN
		EXECUTE format('GRANT USAGE ON SCHEMA cron TO %I', loader);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.grant_loader(name) IS 'what a role needs to own pipelines, but for servers and user mappings';

-- REFERENCES, or information_schema would not show the keys, which is where dashboards look for them.
CREATE FUNCTION medallion.grant_reader(reader name, loader name, schema name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
	EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', schema, loader);
	EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema, reader);
	EXECUTE format('GRANT SELECT, REFERENCES ON ALL TABLES IN SCHEMA %I TO %I', schema, reader);
	EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT, REFERENCES ON TABLES TO %I', loader, schema, reader);
END
$$;
COMMENT ON FUNCTION medallion.grant_reader(name, name, name) IS 'let a role read a schema that pipelines fill: the tables that are there, and those that its owner will make';

-- The loader logs in without a password, that is, where pg_hba.conf trusts it: pg_cron and background workers refuse
-- roles that may not.
CREATE FUNCTION medallion.create_roles(prefix name DEFAULT 'medallion', schemas name[] DEFAULT '{silver,gold,weather}') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	admin name := prefix || '_admin';
	loader name := prefix || '_loader';
	reader name := prefix || '_reader';
BEGIN
	IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
		RAISE EXCEPTION 'must be superuser to create the roles of the pipelines' USING ERRCODE = 'insufficient_privilege';
	ELSIF octet_length(prefix) > 56 THEN
		RAISE EXCEPTION 'prefix "%" is too long', prefix USING ERRCODE = 'name_too_long';
	END IF;
	PERFORM medallion.make_role(admin, false, 'Defines pipelines: makes servers and user mappings, and acts as ' || loader);
	PERFORM medallion.make_role(loader, true, 'Owns pipelines, their schemas and their user mappings; their steps and jobs run as it');
	PERFORM medallion.make_role(reader, false, 'Reads what the pipelines of ' || loader || ' publish, and how they do');
	EXECUTE format('GRANT %I, %I TO %I', loader, reader, admin);
	EXECUTE format('GRANT USAGE ON FOREIGN DATA WRAPPER fdw_mysql, fdw_kafka, fdw_s3, openweather, webhook TO %I', admin);
	PERFORM medallion.grant_loader(loader);
	EXECUTE format('GRANT USAGE ON SCHEMA medallion TO %I', reader);
	PERFORM medallion.grant_reader(reader, loader, s) FROM unnest(schemas) s;
	PERFORM medallion.withhold_payloads();
	INSERT INTO medallion.observer (owner, reader) VALUES (loader, reader) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION medallion.create_roles(name, name[]) IS
'make the roles <prefix>_admin, <prefix>_loader and <prefix>_reader and give them their rights, on these schemas and what will be in '
'them; to be called again after an update of the extension, or for further schemas';

-- Whoever has REFERENCES on a table and can make one of his own can have functions run with the rights of the table's owner:
-- as casts of a foreign key, and as triggers behind ON DELETE CASCADE. So a reader must not be able to make anything.
CREATE FUNCTION medallion.can_create(role oid) RETURNS TABLE (place text, remedy text)
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('schema "%s"', n.nspname),
		   CASE WHEN n.nspowner = role THEN format('ALTER SCHEMA %I OWNER TO ...;', n.nspname)
		   ELSE format('REVOKE CREATE ON SCHEMA %I FROM %s;', n.nspname,
					   (SELECT string_agg(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', ')
						  FROM aclexplode(n.nspacl) a
						 WHERE a.privilege_type = 'CREATE' AND (a.grantee = 0 OR pg_has_role(role, a.grantee, 'USAGE')))) END
	  FROM pg_namespace n
	 WHERE has_schema_privilege(role, n.oid, 'CREATE') AND n.nspname !~ '^pg_'
	 UNION ALL
	SELECT format('database "%s"', current_database()), format('REVOKE CREATE ON DATABASE %I FROM %s;', current_database(), role::regrole)
	 WHERE has_database_privilege(role, current_database(), 'CREATE')
$$;
COMMENT ON FUNCTION medallion.can_create(oid) IS 'where in this database a role may make things, and how to take that from it';

-- The reader and those who have its rights, but for those who have the loader's too.
CREATE FUNCTION medallion.probe_readers(reader name, loader name, prefix name) RETURNS SETOF medallion.finding
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('role %s: makes nothing', r.rolname), false,
		   format('it may create in %s, and has REFERENCES on the tables of role "%s"', c.place, loader), c.remedy
	  FROM pg_roles r CROSS JOIN LATERAL medallion.can_create(r.oid) c
	 WHERE pg_has_role(r.oid, reader, 'USAGE') AND NOT pg_has_role(r.oid, loader, 'MEMBER')
	 UNION ALL
	SELECT format('role %s: schema %s', reader, l.schema_name), false, 'it sees the objects and sources behind the published tables',
		   format('REVOKE USAGE ON SCHEMA %I FROM %I;', l.schema_name, reader)
	  FROM (SELECT DISTINCT y.schema_name FROM medallion.layer y WHERE y.name = 'raw') l
	 WHERE has_schema_privilege(reader, to_regnamespace(quote_ident(l.schema_name))::oid, 'USAGE')
	 UNION ALL
	SELECT format('role %s: reads %s', reader, c.oid::regclass), false, format('it may not; role "%s" made the table later', pg_get_userbyid(c.relowner)),
		   format('SELECT medallion.create_roles(%L, %L);', prefix, ARRAY[n.nspname])
	  FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace JOIN pg_class c ON c.relnamespace = d.defaclnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
	 WHERE d.defaclrole = to_regrole(quote_ident(loader)) AND d.defaclobjtype = 'r' AND NOT has_any_column_privilege(reader, c.oid, 'SELECT')
$$;
COMMENT ON FUNCTION medallion.probe_readers(name, name, name) IS 'what readers can do that they should not, and cannot that they should';

CREATE FUNCTION medallion.probe_loader(loader name, prefix name) RETURNS SETOF medallion.finding
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r pg_roles := (SELECT o FROM pg_roles o WHERE o.rolname = loader);
	again text := format('SELECT medallion.create_roles(%L);', prefix);
	problem text;
BEGIN
	RETURN NEXT (format('role %s: ordinary', loader), NOT (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole),
				 CASE WHEN r.rolsuper OR r.rolbypassrls OR r.rolcreaterole THEN 'it has more rights than it needs' ELSE 'no superuser' END,
				 CASE WHEN r.rolsuper OR r.rolbypassrls OR r.rolcreaterole THEN
				 format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE;', loader) END)::medallion.finding;
	RETURN NEXT (format('role %s: login', loader), r.rolcanlogin,
				 CASE WHEN r.rolcanlogin THEN 'jobs and background workers can start' ELSE 'neither pg_cron nor background workers can start as it' END,
				 CASE WHEN NOT r.rolcanlogin THEN format('ALTER ROLE %I LOGIN;', loader) END)::medallion.finding;
	problem := (SELECT format('it may not execute %s', f) FROM (
					SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'medallion'::regnamespace
					UNION ALL SELECT * FROM medallion.wrapper_functions()) f (f)
				 WHERE NOT has_function_privilege(r.oid, f, 'EXECUTE') LIMIT 1);
	problem := COALESCE(problem, (SELECT 'it may not use schema "medallion"' WHERE NOT has_schema_privilege(r.oid, 'medallion', 'USAGE')),
						(SELECT 'it may not make schemas' WHERE NOT has_database_privilege(r.oid, current_database(), 'CREATE')),
						(SELECT 'it may not use pg_cron' WHERE medallion.has_cron() AND NOT has_schema_privilege(r.oid, to_regnamespace('cron')::oid, 'USAGE')));
	RETURN NEXT (format('role %s: rights', loader), problem IS NULL, COALESCE(problem, 'it may own and schedule pipelines'),
				 CASE WHEN problem IS NOT NULL THEN again END)::medallion.finding;
END
$$;
COMMENT ON FUNCTION medallion.probe_loader(name, name) IS 'what the role that owns pipelines lacks, or has too much';

-- A superuser's pipeline is the exception: everything it does, it does with all rights.
CREATE FUNCTION medallion.probe_owners(loader name) RETURNS SETOF medallion.finding
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('pipeline %s: owner', p.name), NOT o.rolsuper, CASE WHEN o.rolsuper THEN format('role "%s" is a superuser', p.owner)
		   ELSE format('role "%s"', p.owner) END,
		   CASE WHEN o.rolsuper THEN format('As %I, drop its tables, drop_pipeline(), and install it again.', loader) END
	  FROM medallion.pipeline p JOIN pg_roles o ON o.rolname = p.owner
	 UNION ALL
	SELECT format('schema %s: owner', n.nspname), n.nspowner = d.defaclrole, format('role "%s"', pg_get_userbyid(n.nspowner)),
		   CASE WHEN n.nspowner <> d.defaclrole THEN format('ALTER SCHEMA %I OWNER TO %I;', n.nspname, loader) END
	  FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace
	 WHERE d.defaclrole = to_regrole(quote_ident(loader)) AND d.defaclobjtype = 'r'
$$;
COMMENT ON FUNCTION medallion.probe_owners(name) IS 'to whom pipelines and published schemas belong';

CREATE FUNCTION medallion.check_roles(prefix name DEFAULT 'medallion') RETURNS TABLE (check_name text, ok boolean, detail text, fix text)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	loader name := prefix || '_loader';
	reader name := prefix || '_reader';
	missing text := (SELECT string_agg(format('"%s"', r), ', ') FROM unnest(ARRAY[prefix || '_admin', loader, reader]) r
					 WHERE to_regrole(quote_ident(r)) IS NULL);
BEGIN
	IF missing IS NOT NULL THEN
		RETURN QUERY SELECT 'roles', false, 'missing: ' || missing, format('As a superuser: SELECT medallion.create_roles(%L);', prefix);
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM medallion.probe_loader(loader, prefix);
	RETURN QUERY SELECT * FROM medallion.probe_owners(loader) f ORDER BY f.check_name;
	RETURN QUERY SELECT f.* FROM (SELECT DISTINCT e.pipeline, e.server, e.kind FROM medallion.endpoint e JOIN medallion.pipeline p ON p.name = e.pipeline
								   WHERE p.owner = loader) e
		CROSS JOIN LATERAL medallion.probe_server(e.pipeline, e.server, e.kind) f ORDER BY f.check_name;
	RETURN QUERY SELECT * FROM medallion.probe_readers(reader, loader, prefix) f ORDER BY f.check_name, f.fix;
END
$$;
COMMENT ON FUNCTION medallion.check_roles(name) IS
'whether the roles that create_roles() makes have what they need and nothing more; fix says what to do where ok is not true';
