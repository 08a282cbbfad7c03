/*
 * current.h
 *		Which run, step and pipeline this backend is working on. Set by step.c, read by the SQL of the steps.
 */
#ifndef MEDALLION_CURRENT_H
#define MEDALLION_CURRENT_H

#include "postgres.h"

#include "ledger.h"

#include "lib/stringinfo.h"

#pragma GCC visibility push(hidden)

/* What is handed over must live until current_clear. */
extern void current_set(int64 run_id, const char *pipeline, const Step *step, const Scope *scope);
extern void current_clear(void);

/* "  172198 rows  4.8 MB", or less if less is known. */
extern void current_append_amounts(StringInfo line, const StepReport *report);

/* One INFO line for people at psql, unless medallion.progress is off. */
extern void current_tell(const char *format,...) pg_attribute_printf(1, 2);

#pragma GCC visibility pop

#endif							/* MEDALLION_CURRENT_H */
