--
-- Metrics: numbers for monitoring, one to a row, as exporters want them.
--

CREATE INDEX ON medallion.run (started_at);

CREATE VIEW medallion.metrics WITH (security_barrier) AS
	SELECT 'medallion_' OPERATOR(pg_catalog.||) o.name AS name, o.labels, o.value::double precision
	  FROM (SELECT v.name, pg_catalog.jsonb_build_object('pipeline', r.pipeline) AS labels, v.value
			  FROM medallion.latest_run r
			 CROSS JOIN LATERAL (VALUES ('paused', r.paused::integer::numeric),
										('last_run_failed', (r.state OPERATOR(pg_catalog.=) 'failed')::integer),
										('last_run_seconds', EXTRACT(epoch FROM r.ended_at OPERATOR(pg_catalog.-) r.started_at))) v (name, value)
			 UNION ALL
			SELECT v.name, pg_catalog.jsonb_build_object('pipeline', s.pipeline), v.value
			  FROM medallion.last_success s
			 CROSS JOIN LATERAL (VALUES ('stale', s.stale::integer::numeric), ('last_success_timestamp_seconds', EXTRACT(epoch FROM s.ended_at))) v (name, value)
			 UNION ALL
			SELECT v.name, pg_catalog.jsonb_build_object('pipeline', f.pipeline, 'table', f.table_name), v.value
			  FROM medallion.freshness f
			 CROSS JOIN LATERAL (VALUES ('table_rows', f.rows::numeric), ('table_changed_timestamp_seconds', EXTRACT(epoch FROM f.changed_at))) v (name, value)
			 UNION ALL
			SELECT 'runs_last_day', pg_catalog.jsonb_build_object('pipeline', r.pipeline, 'state', r.state), pg_catalog.count(*)
			  FROM medallion.run_history r
			 WHERE r.started_at OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '1 day'::interval)
			 GROUP BY r.pipeline, r.state
			 UNION ALL
			SELECT 'running_seconds', pg_catalog.jsonb_build_object('pipeline', r.pipeline, 'step', r.step), EXTRACT(epoch FROM r.elapsed)
			  FROM medallion.running r
			 UNION ALL
			SELECT 'alerts', pg_catalog.jsonb_build_object('pipeline', a.pipeline, 'kind', a.kind), pg_catalog.count(*)
			  FROM medallion.alert a JOIN medallion.visible_pipeline p ON p.name OPERATOR(pg_catalog.=) a.pipeline
			 WHERE a.cleared_at IS NULL GROUP BY a.pipeline, a.kind
			 UNION ALL
			SELECT 'check_failed', pg_catalog.jsonb_build_object('pipeline', c.pipeline, 'model', c.model, 'check', c.check_name, 'severity', c.severity),
				   (c.state OPERATOR(pg_catalog.<>) 'passed')::integer
			  FROM medallion.check_status c WHERE c.checked_at IS NOT NULL
			 UNION ALL
			SELECT 'healthy', pg_catalog.jsonb_build_object('check', h.check_name), h.ok::integer FROM medallion.health h) o
	 WHERE o.value IS NOT NULL;
COMMENT ON VIEW medallion.metrics IS 'numbers for monitoring: name, labels and value, one to a row; times are seconds since 1970, truths are 0 and 1';
