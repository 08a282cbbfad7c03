--
-- What the install functions of the ready-made pipelines share.
--

CREATE FUNCTION medallion.server_option(server name, option text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.option_value FROM pg_foreign_server s CROSS JOIN LATERAL pg_options_to_table(s.srvoptions) o
	 WHERE s.srvname = server AND o.option_name = option
$$;
COMMENT ON FUNCTION medallion.server_option(name, text) IS 'an option of a foreign server, or NULL';

-- A pipeline remembers in its description what it was installed with. The same again is harmless, anything else an ERROR.
CREATE FUNCTION medallion.is_installed(pipeline text, arguments text) RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	installed text;
BEGIN
	SELECT p.description INTO installed FROM medallion.pipeline p WHERE p.name = $1;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM medallion.check_owner($1);
	IF installed IS DISTINCT FROM arguments THEN
		RAISE EXCEPTION 'pipeline "%" is installed with other arguments', $1
			USING ERRCODE = 'duplicate_object', DETAIL = format('Installed: %s. Asked for: %s.', installed, arguments),
				HINT = format('SELECT medallion.drop_pipeline(%L) forgets it; its tables and objects stay.', $1);
	END IF;
	RAISE NOTICE 'pipeline "%" is installed already', $1;
	RETURN true;
END
$$;
COMMENT ON FUNCTION medallion.is_installed(text, text) IS 'whether a pipeline is there; fails if it was installed with other arguments';
