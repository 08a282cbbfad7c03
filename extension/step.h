/*
 * step.h
 *		One step of a run, from its fingerprint to the commit of its outcome.
 */
#ifndef MEDALLION_STEP_H
#define MEDALLION_STEP_H

#include "postgres.h"

#include "ledger.h"

#pragma GCC visibility push(hidden)

/*
 * Do the step unless nothing changed, record how it went, and commit. Returns NULL, or what went wrong. An ERROR that is
 * thrown means that the record itself could not be written.
 */
extern ErrorData *step_perform(int64 run_id, const Pipeline *pipeline, const Step *step);

#pragma GCC visibility pop

#endif							/* MEDALLION_STEP_H */
