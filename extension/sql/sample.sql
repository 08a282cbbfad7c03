--
-- The tutorial's pipeline: a CSV file on the server -> object raw-data/sample_data.csv -> public.transactions.
--

CREATE FUNCTION medallion.install_sample(lake name, file text, bucket text DEFAULT 'raw-data') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	arguments text := format('file %s, lake %s, bucket %s', file, lake, bucket);
BEGIN
	IF medallion.is_installed('sample', arguments) THEN
		PERFORM public.fdw_s3_create_bucket(lake, bucket);
		PERFORM medallion.make_sample_file();
		PERFORM medallion.repair('sample');
		RETURN;
	END IF;

	PERFORM medallion.check_installer(lake);
	PERFORM medallion.create_pipeline('sample', arguments);
	PERFORM public.fdw_s3_create_bucket(lake, bucket);
	PERFORM medallion.create_layer('sample', 'raw', 'bronze', lake, bucket);
	PERFORM medallion.create_layer('sample', 'public', 'public');
	PERFORM medallion.add_endpoint('sample', lake, 's3', bucket);

	PERFORM medallion.make_sample_file();
	PERFORM medallion.add_source('sample', 'sample_data', 'work_sample.file', '{id}', path => 'sample_data.csv');
	PERFORM medallion.add_model('sample', 'public', 'transactions', 'The tutorial''s transactions, amounts raised by 10 %',
		'{id}', ARRAY[
			['id', 'integer', 'The transaction'],
			['name', 'text', 'Who paid'],
			['amount', 'numeric(12,2)', 'Amount, 10 % above that of the file']],
		'SELECT id, name, amount * 1.10 AS amount FROM sample_data');

	PERFORM medallion.add_check('sample', 'transactions', 'name', 'not_null', '{"column": "name"}', 'warn');
	PERFORM medallion.add_step('sample', 'read', format('SELECT medallion.read_sample(%L)', file));
	PERFORM medallion.add_model_steps('sample', depends_on => '{read}');
END
$$;
COMMENT ON FUNCTION medallion.install_sample(name, text, text) IS
'make the pipeline "sample": a CSV file (id, name, amount) on the server -> an object -> public.transactions';

CREATE FUNCTION medallion.make_sample_file() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.create_work_schema('sample');
	IF to_regclass('work_sample.file') IS NULL THEN
		PERFORM medallion.check_maker('sample');
		CREATE UNLOGGED TABLE work_sample.file (id integer, name text, amount numeric);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.make_sample_file() IS 'make the work table that takes the tutorial''s file, where it is missing';

-- COPY checks that the caller may read files of the server.
CREATE FUNCTION medallion.read_sample(file text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_sample_file();
	TRUNCATE work_sample.file;
	EXECUTE format('COPY work_sample.file FROM %L (FORMAT csv, HEADER true)', file);
END
$$;
COMMENT ON FUNCTION medallion.read_sample(text) IS 'reads the tutorial''s file into a work table';
