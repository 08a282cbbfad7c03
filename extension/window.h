/*
 * window.h
 *		The 5-minute windows of a batch of readings: counts, exact sums, least and greatest values.
 *
 * Kept in a hash table up to a limit of memory, beyond it in a tuplestore: what comes out may name a window more than
 * once. Hours and days are sums of these.
 */
#ifndef MEDALLION_WINDOW_H
#define MEDALLION_WINDOW_H

#include "postgres.h"

#include "reading.h"

#include "utils/resowner.h"
#include "utils/tuplestore.h"

#pragma GCC visibility push(hidden)

#define WINDOW_WIDTH (5 * USECS_PER_MINUTE)

typedef struct Windows Windows;

/*
 * In a context of its own below "parent"; with a tuplestore that takes what is beyond "limit" kilobytes. Both go with parent
 * and owner: nothing need be closed.
 */
extern Windows *windows_create(MemoryContext parent, ResourceOwner owner, int limit);

extern void windows_add(Windows *windows, const Reading *reading);

/* One row for each window, or several: city, window_start, readings, then sum, min and max of temp and of humidity. */
extern void windows_read(Windows *windows, Tuplestorestate *out);

/* A tuplestore that lives as long as context and owner, whatever portal or subtransaction is running now. */
extern Tuplestorestate *window_store(MemoryContext context, ResourceOwner owner, int kilobytes);

#pragma GCC visibility pop

#endif							/* MEDALLION_WINDOW_H */
