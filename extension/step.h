/*
 * step.h
 *		One try of a step of a run, from its fingerprint to the commit of its outcome.
 */
#ifndef MEDALLION_STEP_H
#define MEDALLION_STEP_H

#include "postgres.h"

#include "ledger.h"

#pragma GCC visibility push(hidden)

/* How a try ended. */
typedef struct StepEnd
{
	ErrorData  *failure;		/* NULL: well */
	bool		unchanged;		/* there was nothing to do */
	bool		cancelled;		/* somebody wants the whole run to stop */
	bool		again;			/* it failed, and is to be tried again */
	TimestampTz again_at;		/* when */
} StepEnd;

/* Whether the step would be found unchanged, and why (not). */
typedef struct StepForecast
{
	bool		unchanged;
	const char *reason;
} StepForecast;

/*
 * Try the step unless nothing changed (with "force" in any case), record how it went, and commit. Counts step->try up. An
 * ERROR that is thrown means that the record itself could not be written.
 */
extern StepEnd step_perform(int64 run_id, const Pipeline *pipeline, const Scope *scope, Step *step, bool force);

/* Query cancel is held off, see attempt.h. Writes nothing but what the fingerprint's query writes. */
extern StepForecast step_forecast(const Pipeline *pipeline, const Scope *scope, const Step *step);

#pragma GCC visibility pop

#endif							/* MEDALLION_STEP_H */
