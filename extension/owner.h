/*
 * owner.h
 *		Who may define, run and drop a pipeline: those who have the rights of its owner.
 */
#ifndef MEDALLION_OWNER_H
#define MEDALLION_OWNER_H

#include "postgres.h"

#include "ledger.h"

#pragma GCC visibility push(hidden)

/* The pipeline of that name; an ERROR if there is none, its owner is gone, or the current user may not act as him. */
extern Pipeline *owner_check(const char *name);

#pragma GCC visibility pop

#endif							/* MEDALLION_OWNER_H */
