/*
 * progress.h
 *		How far a step is, for other sessions to see before it commits: application_name in pg_stat_activity, rows and bytes
 *		in pg_stat_progress_copy.
 */
#ifndef MEDALLION_PROGRESS_H
#define MEDALLION_PROGRESS_H

#include "postgres.h"

#include "ledger.h"

#pragma GCC visibility push(hidden)

extern void progress_begin(const char *pipeline, const char *step, int64 run_id, int try);
/* What a step reports adds up. */
extern void progress_report(const StepReport *report);
extern void progress_end(void);

#pragma GCC visibility pop

#endif							/* MEDALLION_PROGRESS_H */
