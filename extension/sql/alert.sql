--
-- Alerts: what people should know of without looking. An alert is raised once and cleared once; both are told by NOTIFY,
-- and by the pipeline's SQL hook and webhook, where it has them.
--

CREATE TABLE medallion.alert (
	alert_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	kind text NOT NULL CHECK (kind IN ('failure', 'stale', 'late', 'check')),
	subject text NOT NULL DEFAULT '',
	message text NOT NULL,
	run_id bigint,
	raised_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	cleared_at timestamptz,
	UNIQUE (alert_id, pipeline)
);
CREATE UNIQUE INDEX ON medallion.alert (pipeline, kind, subject) WHERE cleared_at IS NULL;
COMMENT ON TABLE medallion.alert IS 'what went wrong and whether it is over';
COMMENT ON COLUMN medallion.alert.alert_id IS 'number of the alert';
COMMENT ON COLUMN medallion.alert.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.alert.kind IS
'failure: a run failed for good; stale: no success for longer than max_age; late: it runs, but its newest event is older than max_age; '
'check: a check with severity warn failed';
COMMENT ON COLUMN medallion.alert.subject IS 'which of several: begin of the data interval, or name of the check; else empty';
COMMENT ON COLUMN medallion.alert.message IS 'what happened';
COMMENT ON COLUMN medallion.alert.run_id IS 'run in which it happened, or NULL';
COMMENT ON COLUMN medallion.alert.raised_at IS 'when it was raised';
COMMENT ON COLUMN medallion.alert.cleared_at IS 'when it was over; NULL while it is not';

CREATE TABLE medallion.alert_route (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	command text,
	webhook name,
	CHECK (command IS NOT NULL OR webhook IS NOT NULL)
);
COMMENT ON TABLE medallion.alert_route IS 'where the alerts of a pipeline go, besides NOTIFY';
COMMENT ON COLUMN medallion.alert_route.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.alert_route.command IS 'SQL that is run as the owner of the pipeline, with the alert (jsonb) as $1';
COMMENT ON COLUMN medallion.alert_route.webhook IS 'server of the wrapper webhook to which the alert is posted';

CREATE TABLE medallion.alert_delivery (
	alert_id bigint NOT NULL,
	event text NOT NULL CHECK (event IN ('raised', 'cleared')),
	pipeline text NOT NULL,
	tries integer NOT NULL DEFAULT 0,
	next_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	delivered_at timestamptz,
	error text,
	PRIMARY KEY (alert_id, event),
	FOREIGN KEY (alert_id, pipeline) REFERENCES medallion.alert (alert_id, pipeline) ON DELETE CASCADE
);
CREATE INDEX ON medallion.alert_delivery (next_at) WHERE delivered_at IS NULL;
COMMENT ON TABLE medallion.alert_delivery IS 'alerts on their way along the routes';
COMMENT ON COLUMN medallion.alert_delivery.alert_id IS 'the alert';
COMMENT ON COLUMN medallion.alert_delivery.event IS 'raised or cleared';
COMMENT ON COLUMN medallion.alert_delivery.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.alert_delivery.tries IS 'how often it was tried';
COMMENT ON COLUMN medallion.alert_delivery.next_at IS 'when it is tried next, if it was not delivered; infinity: it was given up';
COMMENT ON COLUMN medallion.alert_delivery.delivered_at IS 'when it was delivered';
COMMENT ON COLUMN medallion.alert_delivery.error IS 'why the last try failed';

-- Fits into the 8,000 bytes of NOTIFY, whatever the message says.
CREATE FUNCTION medallion.alert_payload(alert_id bigint, event text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
	SELECT jsonb_build_object('alert_id', a.alert_id, 'event', $2, 'database', current_database(), 'pipeline', a.pipeline, 'kind', a.kind,
							  'subject', a.subject, 'message', left(a.message, 1000), 'run_id', a.run_id,
							  'raised_at', a.raised_at, 'cleared_at', a.cleared_at)
	  FROM medallion.alert a WHERE a.alert_id = $1
$$;
COMMENT ON FUNCTION medallion.alert_payload(bigint, text) IS 'an alert as it is told';

CREATE FUNCTION medallion.tell_alert(alert_id bigint, event text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_notify('medallion', medallion.alert_payload($1, $2)::text);
	INSERT INTO medallion.alert_delivery (alert_id, event, pipeline)
	SELECT a.alert_id, $2, a.pipeline FROM medallion.alert a JOIN medallion.alert_route r ON r.pipeline = a.pipeline WHERE a.alert_id = $1;
END
$$;
COMMENT ON FUNCTION medallion.tell_alert(bigint, text) IS 'NOTIFY an alert, and put it on its way along the route of its pipeline';

CREATE FUNCTION medallion.raise_alert(pipeline text, kind text, subject text, message text, run_id bigint DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	INSERT INTO medallion.alert (pipeline, kind, subject, message, run_id) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT DO NOTHING RETURNING alert.alert_id INTO id;
	IF FOUND THEN
		PERFORM medallion.tell_alert(id, 'raised');
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.raise_alert(text, text, text, text, bigint) IS 'raise an alert, unless it is raised already';

CREATE FUNCTION medallion.clear_alert(pipeline text, kind text, subject text DEFAULT NULL) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH cleared AS (
		UPDATE medallion.alert a SET cleared_at = clock_timestamp()
		WHERE a.pipeline = $1 AND a.kind = $2 AND a.subject = COALESCE($3, a.subject) AND a.cleared_at IS NULL
		RETURNING a.alert_id)
	SELECT medallion.tell_alert(c.alert_id, 'cleared') FROM cleared c
$$;
COMMENT ON FUNCTION medallion.clear_alert(text, text, text) IS 'an alert is over; without a subject, all of that kind';

CREATE FUNCTION medallion.on_alert(pipeline text, command text DEFAULT NULL, webhook name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.check_webhook($3) WHERE $3 IS NOT NULL;
	DELETE FROM medallion.alert_route r WHERE r.pipeline = $1;
	INSERT INTO medallion.alert_route (pipeline, command, webhook) SELECT $1, $2, $3 WHERE COALESCE($2, $3) IS NOT NULL;
END
$$;
COMMENT ON FUNCTION medallion.on_alert(text, text, name) IS
'have SQL run as the owner of the pipeline for each of its alerts (the alert is $1, jsonb), or have it posted to a server of the wrapper '
'webhook; with neither, only NOTIFY tells of them';

-- In a worker that is the owner's session, which has counted the try. What the hook did is undone where the post fails.
CREATE FUNCTION medallion.deliver_alert(alert_id bigint, event text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	payload jsonb := medallion.alert_payload($1, $2);
	r medallion.alert_route;
	problem text;
BEGIN
	SELECT o.* INTO r FROM medallion.alert_delivery l JOIN medallion.alert_route o ON o.pipeline = l.pipeline
	  JOIN medallion.pipeline p ON p.name = l.pipeline
	 WHERE (l.alert_id, l.event) = ($1, $2) AND p.owner = current_user;
	BEGIN
		IF r.command IS NOT NULL THEN
			EXECUTE r.command USING payload;
		END IF;
		PERFORM medallion.post_json(r.webhook, payload) WHERE r.webhook IS NOT NULL;
	EXCEPTION WHEN OTHERS THEN
		problem := SQLERRM;
	END;
	UPDATE medallion.alert_delivery l SET error = problem, delivered_at = CASE WHEN problem IS NULL THEN clock_timestamp() END
	 WHERE (l.alert_id, l.event) = ($1, $2);
END
$$;
COMMENT ON FUNCTION medallion.deliver_alert(bigint, text) IS 'take an alert of one of the caller''s pipelines along its route, and write down whether it arrived';

-- What a run that has ended means for others. In the transaction that records its end. Returns the owners of pipelines that
-- are to be started now.
CREATE FUNCTION medallion.after_run(ended bigint) RETURNS oid[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r medallion.run := (SELECT n FROM medallion.run n WHERE n.run_id = ended);
	subject text := COALESCE(to_char(r.interval_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '');
BEGIN
	PERFORM medallion.note_interval(ended);
	IF r.state = 'failed' THEN
		PERFORM medallion.raise_alert(r.pipeline, 'failure', subject, format('step "%s": %s', r.failed_step, r.message), ended);
	ELSIF r.state = 'succeeded' AND r.mode = 'run' THEN
		PERFORM medallion.clear_alert(r.pipeline, 'failure', subject);
		PERFORM medallion.clear_alert(r.pipeline, 'stale') WHERE r.reason <> 'backfill';
		INSERT INTO medallion.request (pipeline, reason, requested_by)
		SELECT s.next, format('after pipeline "%s"', r.pipeline), p.owner
		  FROM medallion.successor s JOIN medallion.pipeline p ON p.name = s.next
		 WHERE s.pipeline = r.pipeline AND NOT p.paused
		ON CONFLICT DO NOTHING;
	END IF;
	RETURN ARRAY(SELECT DISTINCT o.oid FROM medallion.successor s JOIN medallion.pipeline p ON p.name = s.next
				 JOIN pg_roles o ON o.rolname = p.owner WHERE s.pipeline = r.pipeline AND r.state = 'succeeded' AND r.mode = 'run');
END
$$;
COMMENT ON FUNCTION medallion.after_run(bigint) IS 'raise and clear the alerts of a run that has ended, and ask for the pipelines that come after it';
