/*
 * transient.h
 *		Failures that may pass by themselves, told from those that will not, by their SQLSTATE.
 */
#ifndef MEDALLION_TRANSIENT_H
#define MEDALLION_TRANSIENT_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

extern bool sqlstate_is_transient(int sqlstate);

#pragma GCC visibility pop

#endif							/* MEDALLION_TRANSIENT_H */
