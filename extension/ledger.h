/*
 * ledger.h
 *		The tables pipeline, step, run, step_run and step_log, as the runner reads and writes them.
 *
 * Every function acts as the tables' owner and needs a transaction; none ends it. Results live in the caller's memory
 * context.
 */
#ifndef MEDALLION_LEDGER_H
#define MEDALLION_LEDGER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

typedef struct Pipeline
{
	int32		id;				/* names the lock */
	char	   *name;
	char	   *owner_name;
	Oid			owner;			/* InvalidOid: the role does not exist */
} Pipeline;

typedef struct Step
{
	char	   *name;
	List	   *depends_on;		/* names */
	char	   *plan;			/* or NULL */
	char	   *apply;
	char	   *fingerprint;	/* or NULL */
	char	   *definition;
} Step;

/* One call of report(), or the sum of several. */
typedef struct StepReport
{
	const char *object;
	const char *note;			/* or NULL */
	bool		has_rows;
	bool		has_bytes;
	int64		rows;
	int64		bytes;
} StepReport;

/* What a step's last try left behind. */
typedef struct StepPast
{
	bool		done;			/* it ended well, with the same definition */
	char	   *fingerprint;	/* or NULL */
} StepPast;

/* An ERROR if there is none of that name. */
extern Pipeline *ledger_pipeline(const char *name);

/* In an order that honours their dependencies. */
extern List *ledger_steps(const char *pipeline);

/* Close the runs of a process that is gone. The caller holds the pipeline's lock, so every other one is. */
extern void ledger_close_dead_runs(const char *pipeline);

extern int64 ledger_begin_run(const char *pipeline);
extern int64 ledger_skip_run(const char *pipeline);

/* "failure" and "step" are NULL if all went well. */
extern void ledger_end_run(int64 run_id, const char *step, const ErrorData *failure);

extern StepPast ledger_step_past(const char *pipeline, const Step *step);
extern void ledger_begin_step(int64 run_id, const Step *step);
extern void ledger_end_step(int64 run_id, const char *step, const char *state, const char *fingerprint,
							const ErrorData *failure);
extern void ledger_block_step(int64 run_id, const Step *step, const char *why);

/* What the step has reported, summed up; the object is the step. */
extern StepReport ledger_step_total(int64 run_id, const char *step);

extern void ledger_report(int64 run_id, const char *step, const StepReport *report);

/*
 * Run one statement of ours as the tables' owner. Arguments are text, NULL is NULL. Returns the first column of the
 * first row as text, or NULL.
 */
extern char *ledger_execute(const char *sql, int nargs, const char *const *args);

#pragma GCC visibility pop

#endif							/* MEDALLION_LEDGER_H */
