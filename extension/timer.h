/*
 * timer.h
 *		The time that one try of a step may take.
 *
 * When it is over, the backend is interrupted as by a cancel; the caller asks which of the two it was.
 */
#ifndef MEDALLION_TIMER_H
#define MEDALLION_TIMER_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/* 0 ms: no limit. An ERROR only where the backend has too many timers. */
extern void timer_start(int ms);

/* Whether it has gone off; a cancel that is still pending for that reason is dropped. Does not throw. */
extern bool timer_stop(void);

#pragma GCC visibility pop

#endif							/* MEDALLION_TIMER_H */
