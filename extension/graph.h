/*
 * graph.h
 *		Steps and what they depend on: an order in which they can be done, and what comes after a step.
 */
#ifndef MEDALLION_GRAPH_H
#define MEDALLION_GRAPH_H

#include "postgres.h"

#include "ledger.h"

#pragma GCC visibility push(hidden)

extern bool graph_contains(const List *names, const char *name);

/* NULL if there is none of that name. */
extern Step *graph_find(const List *steps, const char *name);

/*
 * The steps, each behind those that it depends on, and otherwise in the order given. An ERROR if that cannot be, which
 * names a step of the circle.
 */
extern List *graph_order(const List *steps);

/* Those of "steps", which are in such an order, that are "from" or depend on it, directly or further on. */
extern List *graph_from(const List *steps, const char *from);

#pragma GCC visibility pop

#endif							/* MEDALLION_GRAPH_H */
