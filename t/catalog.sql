-- What the extension "medallion" consists of, as one JSON object: what it is called => how it is defined. For
-- medallion_update.pl, which compares two databases.
WITH member AS (
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON (d.refclassid, d.refobjid) = ('pg_extension'::regclass, e.oid)
	 WHERE e.extname = 'medallion' AND d.deptype = 'e'
), relation AS (
	SELECT c.* FROM pg_class c JOIN member m ON (m.classid, m.objid) = ('pg_class'::regclass, c.oid)
	UNION SELECT c.* FROM pg_class c JOIN pg_type t ON t.typrelid = c.oid JOIN member m ON (m.classid, m.objid) = ('pg_type'::regclass, t.oid)
), detail (classid, objid, subid, definition) AS (
	SELECT 'pg_proc'::regclass, p.oid, 0, ARRAY[pg_get_functiondef(p.oid), p.proacl::text]
	  FROM pg_proc p JOIN member m ON (m.classid, m.objid) = ('pg_proc'::regclass, p.oid)
	UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, 0, ARRAY[f.fdwhandler::regproc::text, f.fdwvalidator::regproc::text, f.fdwacl::text]
	  FROM pg_foreign_data_wrapper f JOIN member m ON (m.classid, m.objid) = ('pg_foreign_data_wrapper'::regclass, f.oid)
	UNION ALL SELECT 'pg_class'::regclass, c.oid, 0, ARRAY[c.relkind::text, c.relpersistence::text, c.reloptions::text, c.relacl::text,
		   format('row security %s %s', c.relrowsecurity, c.relforcerowsecurity), CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END,
		   (SELECT format('dumped where %s', e.extcondition[array_position(e.extconfig, c.oid)]) FROM pg_extension e WHERE c.oid = ANY (e.extconfig))]
	  FROM relation c
	UNION ALL SELECT 'pg_class'::regclass, c.oid, a.attnum, ARRAY[format_type(a.atttypid, a.atttypmod), a.attidentity::text, a.attacl::text,
		   format('place %s, not null %s', (SELECT count(*) FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped), a.attnotnull)]
	  FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, 0, ARRAY[pg_get_expr(d.adbin, d.adrelid)] FROM pg_attrdef d JOIN relation c ON d.adrelid = c.oid
	UNION ALL SELECT 'pg_constraint'::regclass, k.oid, 0, ARRAY[pg_get_constraintdef(k.oid)] FROM pg_constraint k JOIN relation c ON k.conrelid = c.oid
	UNION ALL SELECT 'pg_class'::regclass, i.indexrelid, 0, ARRAY[pg_get_indexdef(i.indexrelid)] FROM pg_index i JOIN relation c ON i.indrelid = c.oid
	UNION ALL SELECT 'pg_trigger'::regclass, t.oid, 0, ARRAY[pg_get_triggerdef(t.oid)] FROM pg_trigger t JOIN relation c ON t.tgrelid = c.oid AND NOT t.tgisinternal
	UNION ALL SELECT 'pg_policy'::regclass, p.oid, 0, ARRAY[p.polcmd::text, p.polpermissive::text, p.polroles::regrole[]::text,
		   pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)]
	  FROM pg_policy p JOIN relation c ON p.polrelid = c.oid
	UNION ALL SELECT 'pg_class'::regclass, s.seqrelid, 0, ARRAY[concat_ws(' ', s.seqtypid::regtype, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)]
	  FROM pg_sequence s JOIN member m ON (m.classid, m.objid) = ('pg_class'::regclass, s.seqrelid)
	UNION ALL SELECT m.classid::regclass, m.objid, 0, ARRAY['belongs to the extension'] FROM member m
	UNION ALL SELECT i.classoid::regclass, i.objoid, i.objsubid, ARRAY['privileges at first ' || i.initprivs::text]
	  FROM pg_init_privs i JOIN member m ON (m.classid, m.objid) = (i.classoid, i.objoid)
	UNION ALL SELECT c.classoid::regclass, c.objoid, c.objsubid, ARRAY['comment ' || c.description]
	  FROM pg_description c JOIN (SELECT * FROM member UNION SELECT 'pg_class'::regclass, oid FROM relation) m ON (m.classid, m.objid) = (c.classoid, c.objoid)
)
SELECT json_object_agg(name, definition) FROM (
	SELECT o.type || ' ' || o.identity AS name, string_agg(l.line, E'\n' ORDER BY l.line) AS definition
	  FROM detail d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.subid) o CROSS JOIN LATERAL unnest(d.definition) l (line)
	 GROUP BY 1) object;
