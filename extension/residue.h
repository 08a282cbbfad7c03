/*
 * residue.h
 *		What a step must not leave in the caller's session: temporary objects, prepared statements, held cursors.
 *
 * Names resolve to temporary tables and types first: those of a pipeline's owner would have a superuser who has called
 * run() execute the owner's code later on.
 */
#ifndef MEDALLION_RESIDUE_H
#define MEDALLION_RESIDUE_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/* What the session has now, and may keep. Palloc'd. */
extern char *residue_mark(void);

/* Drop what came after the mark and commit that. */
extern void residue_sweep(const char *mark);

#pragma GCC visibility pop

#endif							/* MEDALLION_RESIDUE_H */
