/*
 * progress.c
 *		What other sessions see of a step that is under way. No extension can have a progress command of its own: steps
 *		show as COPY, which is what most of them are.
 */
#include "postgres.h"

#include "progress.h"

#include "catalog/namespace.h"
#include "commands/progress.h"
#include "pgstat.h"
#include "utils/backend_progress.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

static int64 rows;
static int64 bytes;

/* A command of the step's own, ANALYZE or COPY, takes the place of ours: each report takes it back. */
static void
show(void)
{
	Oid			relation = get_relname_relid("step_run", get_namespace_oid("medallion", false));

	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, relation);
	pgstat_progress_update_param(PROGRESS_COPY_BYTES_PROCESSED, bytes);
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, rows);
}

void
progress_begin(const char *pipeline, const char *step, int64 run_id, int try)
{
	pgstat_report_appname(psprintf("medallion: %s/%s run=" INT64_FORMAT " try=%d", pipeline, step, run_id, try));
	rows = bytes = 0;
	show();
}

void
progress_report(const StepReport *report)
{
	rows += report->rows;
	bytes += report->bytes;
	show();
}

void
progress_end(void)
{
	pgstat_progress_end_command();
	pgstat_report_appname(application_name);
}
