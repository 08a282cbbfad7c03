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

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

typedef struct Pipeline
{
	int32		id;				/* names the lock */
	char	   *name;
	char	   *owner_name;
	Oid			owner;			/* InvalidOid: the role does not exist */
	bool		paused;
} Pipeline;

typedef struct Step
{
	char	   *name;
	List	   *depends_on;		/* names */
	char	   *plan;			/* or NULL */
	char	   *apply;
	char	   *fingerprint;	/* or NULL */
	char	   *definition;
	int			retries;		/* tries after the first */
	double		retry_delay;	/* ms before the second try */
	double		backoff;		/* factor for each later one */
	bool		retry_any;		/* after every failure, not only transient ones */
	int			timeout;		/* ms for one try, or 0 */

	int			try;			/* number of the present or last try in this run; 0: none */
	char	   *state;			/* of that try when the run was taken up, or NULL */
	ErrorData  *failure;		/* if it had failed then: SQLSTATE and message */
	int			failures;		/* of the tries in this run, those that failed */
} Step;

/* What a run is asked to do. */
typedef struct Scope
{
	const char *mode;			/* run, rebuild, step */
	const char *from_step;		/* NULL with mode run */
	const char *params;			/* a JSON object */
	const char *interval_start; /* timestamptz; both are NULL without a data interval */
	const char *interval_end;
	bool		force;			/* whether or not inputs have changed */
	const char *reason;			/* for people */
	const char *triggered_by;	/* role */
} Scope;

typedef struct DataInterval
{
	char	   *start;			/* timestamptz */
	char	   *end;
} DataInterval;

/* What a background worker is to do. */
typedef struct Request
{
	char	   *pipeline;
	int64		run_id;			/* to go on with; 0: a new run */
	char	   *params;
	char	   *reason;
	char	   *requested_by;
} Request;

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

/*
 * Close the runs of processes that are gone. The caller holds the pipeline's lock, so every other one is. Those that wait
 * for their next try are closed too where they have the data interval of "scope": it does what they were to do.
 */
extern void ledger_close_runs(const char *pipeline, const Scope *scope);

extern int64 ledger_begin_run(const char *pipeline, const Scope *scope);
extern int64 ledger_skip_run(const char *pipeline, const Scope *scope);

/*
 * The runs (int64 pointers) that failed or wait, oldest first, without those that a later run of the same data interval
 * has made good. Runs that died are closed first. The caller holds the lock.
 */
extern List *ledger_runs_to_retry(const char *pipeline);

/* Take up a run again: NULL if it is no longer "waiting", or with "failed" also if it has not failed. */
extern Scope *ledger_continue_run(const char *pipeline, int64 run_id, bool failed);

extern bool ledger_has_intervals(const char *pipeline);

/*
 * The DataIntervals that backfill_plan() names: from and to are microseconds since 2000, or NULL. An ERROR where the pipeline
 * has none, or "which" is no choice.
 */
extern List *ledger_intervals(const char *pipeline, const char *from, const char *to, const char *which,
							  const char *newest_first);

/* A request that this process has marked as its own; NULL if there is none. */
extern Request *ledger_request(int64 request_id);
extern void ledger_drop_request(int64 request_id);

/* It waits again, unless the same has been asked for meanwhile. */
extern void ledger_return_request(int64 request_id);

/* What the end of a run means for others: alerts, and pipelines that come after it. They start when this commits. */
extern void ledger_after_run(int64 run_id);

/* Fill in try, state and failure of the steps from what the run has done so far. */
extern void ledger_read_tries(int64 run_id, List *steps);

/* "failure" and "step" are NULL if all went well. With "retry_at" (0: none) the run is not over but waits. */
extern void ledger_end_run(int64 run_id, const char *step, const ErrorData *failure, TimestampTz retry_at);

/* How the step went the last time that it was tried for the same parameters and data interval. */
extern StepPast ledger_step_past(const char *pipeline, const Scope *scope, const Step *step);

/* The try that step->try names. One before it that waited for this one has failed. */
extern void ledger_begin_step(int64 run_id, const Step *step);
extern void ledger_end_step(int64 run_id, const Step *step, const char *state, const char *fingerprint,
							const ErrorData *failure);
extern void ledger_block_step(int64 run_id, const Step *step, const char *why);

/* What the step has reported in this try, summed up; the object is the step. */
extern StepReport ledger_step_total(int64 run_id, const Step *step);

extern void ledger_report(int64 run_id, const char *step, int try, const StepReport *report);

/*
 * Run one statement of ours as the tables' owner. Arguments are text, NULL is NULL. Returns the first column of the
 * first row as text, or NULL.
 */
extern char *ledger_execute(const char *sql, int nargs, const char *const *args);

#pragma GCC visibility pop

#endif							/* MEDALLION_LEDGER_H */
