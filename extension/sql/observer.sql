--
-- Observers: roles that may look at what concerns the pipelines of an owner, although they have not its rights. The views
-- for people and dashboards show what visible_pipeline does; create_roles() enters the readers.
--

CREATE TABLE medallion.observer (
	owner name NOT NULL,
	reader name NOT NULL,
	PRIMARY KEY (owner, reader)
);
COMMENT ON TABLE medallion.observer IS 'roles that may look at the runs and tables of an owner''s pipelines';
COMMENT ON COLUMN medallion.observer.owner IS 'owner of pipelines; a name, as in medallion.pipeline';
COMMENT ON COLUMN medallion.observer.reader IS 'role that may look at them, with those that have its rights';

-- 10 is the first superuser: a pipeline whose owner was dropped is shown to superusers.
CREATE VIEW medallion.visible_pipeline WITH (security_barrier) AS
	SELECT p.name, p.id, p.owner, p.description, p.paused, pg_catalog.pg_has_role(COALESCE(o.oid, 10), 'USAGE') AS operated
	  FROM medallion.pipeline p
	  LEFT JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner
	 WHERE pg_catalog.pg_has_role(COALESCE(o.oid, 10), 'USAGE')
		OR EXISTS (SELECT FROM medallion.observer b JOIN pg_catalog.pg_roles r ON r.rolname OPERATOR(pg_catalog.=) b.reader
					WHERE b.owner OPERATOR(pg_catalog.=) p.owner AND pg_catalog.pg_has_role(r.oid, 'USAGE'));
COMMENT ON VIEW medallion.visible_pipeline IS 'the pipelines that the current role may look at; operated: it has the rights of the owner as well';
