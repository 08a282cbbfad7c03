--
-- Requests: runs that are to be started by somebody else than the caller. Background workers serve them, see
-- extension/worker.c; watch() sees to those that could not be served at once.
--

CREATE TABLE medallion.request (
	request_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	run_id bigint,
	params jsonb NOT NULL DEFAULT '{}',
	reason text NOT NULL,
	requested_by name NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	pid integer,
	started_at timestamptz
);
-- What is asked for twice before it begins is done once.
CREATE UNIQUE INDEX ON medallion.request (pipeline, COALESCE(run_id, 0), params) WHERE pid IS NULL;
COMMENT ON TABLE medallion.request IS 'runs that are to be started by a background worker; served ones are gone';
COMMENT ON COLUMN medallion.request.request_id IS 'number of the request';
COMMENT ON COLUMN medallion.request.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.request.run_id IS 'run that is to be gone on with, or NULL for a new one';
COMMENT ON COLUMN medallion.request.params IS 'parameters of the new run';
COMMENT ON COLUMN medallion.request.reason IS 'why: see medallion.run.reason';
COMMENT ON COLUMN medallion.request.requested_by IS 'role that asked for it';
COMMENT ON COLUMN medallion.request.requested_at IS 'when';
COMMENT ON COLUMN medallion.request.pid IS 'worker that has taken it, or NULL';
COMMENT ON COLUMN medallion.request.started_at IS 'when it was taken';

CREATE FUNCTION medallion.return_requests(taken bigint[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM medallion.request q
	 WHERE q.request_id = ANY (taken)
	   AND EXISTS (SELECT FROM medallion.request o WHERE o.pid IS NULL
				   AND (o.pipeline, COALESCE(o.run_id, 0), o.params) = (q.pipeline, COALESCE(q.run_id, 0), q.params));
	DELETE FROM medallion.request q USING medallion.request o
	 WHERE q.request_id = ANY (taken) AND o.request_id = ANY (taken) AND o.request_id < q.request_id
	   AND (o.pipeline, COALESCE(o.run_id, 0), o.params) = (q.pipeline, COALESCE(q.run_id, 0), q.params);
	UPDATE medallion.request q SET pid = NULL, started_at = NULL WHERE q.request_id = ANY (taken);
END
$$;
COMMENT ON FUNCTION medallion.return_requests(bigint[]) IS 'have requests that were taken and not served wait again, once, and not where the same has been asked for meanwhile';

CREATE TABLE medallion.successor (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	next text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	PRIMARY KEY (pipeline, next),
	CHECK (pipeline OPERATOR(pg_catalog.<>) next)
);
COMMENT ON TABLE medallion.successor IS 'pipelines that are started when another one has succeeded';
COMMENT ON COLUMN medallion.successor.pipeline IS 'the pipeline that succeeds';
COMMENT ON COLUMN medallion.successor.next IS 'the pipeline that is started then';

CREATE FUNCTION medallion.trigger(pipeline text, params jsonb DEFAULT '{}') RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_trigger';
COMMENT ON FUNCTION medallion.trigger(text, jsonb) IS
'have a pipeline run in the background, as its owner, once this transaction has committed; returns the number of the request. '
'Where the same is asked for already, and has not begun, it is done once';

CREATE FUNCTION medallion.run_after(pipeline text, after text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	around text;
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.check_owner(after);
	WITH RECURSIVE behind (name) AS (
		SELECT $1
		UNION
		SELECT s.next FROM behind b JOIN medallion.successor s ON s.pipeline = b.name
	)
	SELECT b.name INTO around FROM behind b WHERE b.name = after;
	IF FOUND THEN
		RAISE EXCEPTION 'pipeline "%" cannot run after pipeline "%"', $1, after
			USING ERRCODE = 'invalid_recursion', DETAIL = format('Pipeline "%s" runs after "%s" already.', after, $1);
	END IF;
	INSERT INTO medallion.successor (pipeline, next) VALUES (after, $1) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION medallion.run_after(text, text) IS
'have a pipeline run whenever a run of another one has succeeded; the caller needs the rights of both owners';

CREATE FUNCTION medallion.no_longer_after(pipeline text, after text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	DELETE FROM medallion.successor s WHERE (s.pipeline, s.next) = (after, $1);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION medallion.no_longer_after(text, text) IS 'undo run_after(); false if there was nothing to undo';

-- Called by the workers and by nobody else.
CREATE PROCEDURE medallion.serve(request_id bigint, INOUT run_id bigint DEFAULT NULL, INOUT state text DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'medallion_serve';
COMMENT ON PROCEDURE medallion.serve(bigint, bigint, text) IS 'do the run that a request asks for, in this session';
