/*
 * finish.h
 *		Have everything that a step leaves for the commit done now, while its failure can still be recorded.
 */
#ifndef MEDALLION_FINISH_H
#define MEDALLION_FINISH_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/* Fire deferred triggers and check deferred constraints, then complete the wrappers' pending writes. */
extern void finish_step(void);

#pragma GCC visibility pop

#endif							/* MEDALLION_FINISH_H */
