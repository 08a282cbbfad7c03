/*
 * residue.c
 *		Find and drop what a step has left in the session. Settings and roles are undone in identity.c.
 */
#include "postgres.h"

#include "ledger.h"
#include "residue.h"

#include "executor/spi.h"

char *
residue_mark(void)
{
	char	   *objects = ledger_execute("SELECT pg_catalog.array_agg(o.oid) FROM"
										 " (SELECT c.oid FROM pg_catalog.pg_class c"
										 "   WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()"
										 "  UNION ALL SELECT t.oid FROM pg_catalog.pg_type t"
										 "   WHERE t.typnamespace = pg_catalog.pg_my_temp_schema()) o",
										 0, NULL);

	return objects ? objects : pstrdup("{}");
}

/*
 * Statements that drop what is new, or NULL. Functions and operators in pg_temp can stay: they are not found without
 * naming the schema. What was PREPAREd or DECLAREd in this CALL bears its start time.
 */
static char *
sweeping(const char *mark)
{
	return ledger_execute(
						  "SELECT pg_catalog.string_agg(r.command, '; ') FROM"
						  " (SELECT pg_catalog.format('DROP %s IF EXISTS pg_temp.%I CASCADE', CASE c.relkind WHEN 'v' THEN "
						  "'VIEW'"
						  "     WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, "
						  "c.relname)"
						  "   FROM pg_catalog.pg_class c WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()"
						  "    AND c.relkind IN ('r', 'p', 'v', 'S', 'f', 'c') AND c.oid <> ALL ($1::oid[])"
						  "  UNION ALL SELECT pg_catalog.format('DROP TYPE IF EXISTS pg_temp.%I CASCADE', t.typname)"
						  "   FROM pg_catalog.pg_type t WHERE t.typnamespace = pg_catalog.pg_my_temp_schema()"
						  "    AND t.typtype IN ('b', 'd', 'e', 'r') AND t.typelem = 0 AND t.oid <> ALL ($1::oid[])"
						  "  UNION ALL SELECT pg_catalog.format('DEALLOCATE %I', p.name) FROM "
						  "pg_catalog.pg_prepared_statements p"
						  "   WHERE p.from_sql AND p.prepare_time >= pg_catalog.statement_timestamp()"
						  "  UNION ALL SELECT pg_catalog.format('CLOSE %I', p.name) FROM pg_catalog.pg_cursors p"
						  "   WHERE p.is_holdable AND p.creation_time >= pg_catalog.statement_timestamp()) r (command)",
						  1, &mark);
}

void
residue_sweep(const char *mark)
{
	char	   *commands = sweeping(mark);

	if (commands == NULL)
		return;
	ledger_execute(commands, 0, NULL);
	SPI_commit();
}
