-- The role that Metabase connects as: it reads what the pipelines make, and how they do.
SELECT medallion.create_roles() \g /dev/null
SELECT 'CREATE ROLE metabase LOGIN' WHERE to_regrole('metabase') IS NULL \gexec
GRANT medallion_reader TO metabase;
-- The demo's pipelines belong to the role that made them, not to medallion_loader: its readers may look at those as well.
INSERT INTO medallion.observer (owner, reader) SELECT DISTINCT owner, 'medallion_reader'::name FROM medallion.pipeline ON CONFLICT DO NOTHING;
