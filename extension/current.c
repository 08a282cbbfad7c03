/*
 * current.c
 *		What the SQL of a step can ask and say: current_run() and its siblings, report().
 */
#include "postgres.h"

#include "current.h"
#include "ledger.h"
#include "progress.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static bool progress = true;

static int64 current_run_id = 0;	/* 0 outside a step */
static const char *current_pipeline_name;
static const Step *current_step;
static const Scope *current_scope;

void
_PG_init(void)
{
	DefineCustomBoolVariable("medallion.progress", "Tells the client, as INFO, what a run is doing.", NULL,
							 &progress, true, PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("medallion");
}

void
current_set(int64 run_id, const char *pipeline, const Step *step, const Scope *scope)
{
	current_run_id = run_id;
	current_pipeline_name = pipeline;
	current_step = step;
	current_scope = scope;
}

void
current_clear(void)
{
	current_set(0, NULL, NULL, NULL);
}

void
current_tell(const char *format,...)
{
	StringInfoData line;
	ErrorContextCallback *context = error_context_stack;

	if (!progress)
		return;
	initStringInfo(&line);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&line, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&line, needed);
	}
	/* The context would repeat the whole SQL of the step. */
	error_context_stack = NULL;
	ereport(INFO, (errmsg_internal("%s", line.data)));
	error_context_stack = context;
	pfree(line.data);
}

PG_FUNCTION_INFO_V1(medallion_current_run);
Datum
medallion_current_run(PG_FUNCTION_ARGS)
{
	if (current_run_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(current_run_id);
}

PG_FUNCTION_INFO_V1(medallion_current_step);
Datum
medallion_current_step(PG_FUNCTION_ARGS)
{
	if (current_run_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(current_step->name));
}

PG_FUNCTION_INFO_V1(medallion_current_pipeline);
Datum
medallion_current_pipeline(PG_FUNCTION_ARGS)
{
	if (current_run_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(current_pipeline_name));
}

PG_FUNCTION_INFO_V1(medallion_current_try);
Datum
medallion_current_try(PG_FUNCTION_ARGS)
{
	if (current_run_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(current_step->try);
}

PG_FUNCTION_INFO_V1(medallion_current_params);
Datum
medallion_current_params(PG_FUNCTION_ARGS)
{
	if (current_run_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(current_scope->params)));
}

static Datum
bound_datum(FunctionCallInfo fcinfo, const char *bound)
{
	if (bound == NULL)
		PG_RETURN_NULL();
	return DirectFunctionCall3(timestamptz_in, CStringGetDatum(bound), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

PG_FUNCTION_INFO_V1(medallion_interval_start);
Datum
medallion_interval_start(PG_FUNCTION_ARGS)
{
	return bound_datum(fcinfo, current_run_id ? current_scope->interval_start : NULL);
}

PG_FUNCTION_INFO_V1(medallion_interval_end);
Datum
medallion_interval_end(PG_FUNCTION_ARGS)
{
	return bound_datum(fcinfo, current_run_id ? current_scope->interval_end : NULL);
}

/* Append "  4.8 MB" or the like. */
static void
append_bytes(StringInfo line, int64 bytes)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double		value = bytes;
	int			unit = 0;

	while (value >= 1000 && unit < lengthof(units) - 1)
	{
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		appendStringInfo(line, "  " INT64_FORMAT " bytes", bytes);
	else
		appendStringInfo(line, "  %.1f %s", value, units[unit]);
}

void
current_append_amounts(StringInfo line, const StepReport *report)
{
	if (report->has_rows)
		appendStringInfo(line, "  " INT64_FORMAT " %s", report->rows, report->rows == 1 ? "row" : "rows");
	if (report->has_bytes)
		append_bytes(line, report->bytes);
}

PG_FUNCTION_INFO_V1(medallion_report);
Datum
medallion_report(PG_FUNCTION_ARGS)
{
	StepReport	report = {0};
	StringInfoData line;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the object of a report must not be null")));
	report.object = text_to_cstring(PG_GETARG_TEXT_PP(0));
	report.has_rows = !PG_ARGISNULL(1);
	report.rows = report.has_rows ? PG_GETARG_INT64(1) : 0;
	report.has_bytes = !PG_ARGISNULL(2);
	report.bytes = report.has_bytes ? PG_GETARG_INT64(2) : 0;
	report.note = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));

	if (current_run_id != 0)
	{
		ledger_report(current_run_id, current_step->name, current_step->try, &report);
		progress_report(&report);
	}

	initStringInfo(&line);
	appendStringInfo(&line, "  %s  %s", current_step ? current_step->name : "report", report.object);
	current_append_amounts(&line, &report);
	if (report.note)
		appendStringInfo(&line, "  %s", report.note);
	current_tell("%s", line.data);
	PG_RETURN_VOID();
}
