/*
 * run.h
 *		One run of a pipeline: its steps in their order, and the verdict.
 */
#ifndef MEDALLION_RUN_H
#define MEDALLION_RUN_H

#include "postgres.h"

#include "common/compat.h"
#include "ledger.h"

#pragma GCC visibility push(hidden)

typedef struct Run
{
	const Pipeline *pipeline;
	const Scope *scope;
	int64		id;				/* 0: not begun */
	bool		everything;		/* of a run that is gone on with: also what has failed for good */
	List	   *failed;			/* names of steps */
	List	   *blocked;
	List	   *waiting;		/* failed, and to be tried again */
	List	   *redone;			/* had ended well in an earlier pass, and were done again in this one */
	ErrorData  *failure;		/* the first, or the cancel, or NULL */
	char	   *failed_step;	/* whose failure that is */
	bool		cancelled;
	TimestampTz retry_at;		/* 0: the run is over */
	char	   *residue;		/* what the session may keep */
} Run;

/*
 * Begin a run, or go on with one that ledger_continue_run() has taken up (then run->id and scope say which), and do its
 * steps. The caller holds the pipeline's lock and has held off query cancel, see attempt.h. Transactions end in here; "run"
 * and what hangs from it must outlive them. Failures of steps are left in "run"; an ERROR means that they could not be
 * recorded.
 */
extern void run_perform(Run *run);

/* The ERROR for a run that failed; "others": how many more runs of the same call failed. */
pg_noreturn extern void run_throw(const Run *run, int others);

#pragma GCC visibility pop

#endif							/* MEDALLION_RUN_H */
