/*
 * expire.c
 *		Delete runs that are past their time.
 *
 * How long that is, and how many at once, maintain() says: see sql/maintain.sql.
 */
#include "postgres.h"

#include "ledger.h"
#include "owner.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/*
 * What must stay is what something reads: for each step and data interval the try that decides whether there is anything
 * to do (ledger_step_past) and the last success; for each interval the run that retry() would take up; the latest run, and
 * the last that brought the pipeline up to date.
 */
PG_FUNCTION_INFO_V1(medallion_expire_runs);
Datum
medallion_expire_runs(PG_FUNCTION_ARGS)
{
	const char *pipeline = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *args[] = {
		pipeline,
		DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(1))),
		psprintf("%d", PG_GETARG_INT32(2)),
	};
	const char *deleted;

	owner_check(pipeline);
	deleted = ledger_execute("WITH past AS (SELECT r.run_id, r.state AS run_state, r.mode, r.interval_start, s.step, s.try, s.state"
							 "   FROM medallion.run r LEFT JOIN medallion.step_run s ON s.run_id = r.run_id WHERE r.pipeline = $1"
							 " ), kept AS ("
							 "   (SELECT DISTINCT ON (p.step, p.interval_start) p.run_id FROM past p"
							 "     WHERE p.state NOT IN ('blocked', 'running') ORDER BY p.step, p.interval_start, p.run_id DESC)"
							 "   UNION (SELECT DISTINCT ON (p.step, p.interval_start) p.run_id FROM past p"
							 "     WHERE p.state IN ('succeeded', 'unchanged') ORDER BY p.step, p.interval_start, p.run_id DESC)"
							 "   UNION (SELECT DISTINCT ON (p.interval_start) p.run_id FROM past p"
							 "     WHERE p.run_state <> 'skipped' AND p.mode <> 'step' ORDER BY p.interval_start, p.run_id DESC)"
							 "   UNION (SELECT DISTINCT ON (c.model, c.check_name) c.run_id FROM medallion.check_result c"
							 "     WHERE c.pipeline = $1 ORDER BY c.model, c.check_name, c.result_id DESC)"
							 "   UNION SELECT pg_catalog.max(p.run_id) FROM past p"
							 "   UNION SELECT pg_catalog.max(p.run_id) FROM past p WHERE p.run_state = 'succeeded' AND p.mode = 'run'"
							 " ), gone AS (DELETE FROM medallion.run r WHERE r.run_id IN ("
							 "     SELECT o.run_id FROM medallion.run o WHERE o.pipeline = $1 AND o.state NOT IN ('running', 'waiting')"
							 "       AND o.ended_at < pg_catalog.clock_timestamp() - $2::pg_catalog.interval"
							 "       AND NOT EXISTS (SELECT FROM kept k WHERE k.run_id = o.run_id)"
							 "     ORDER BY o.run_id LIMIT $3::integer)"
							 "   RETURNING 1)"
							 " SELECT pg_catalog.count(*) FROM gone",
							 lengthof(args), args);
	PG_RETURN_INT64(pg_strtoint64(deleted));
}
