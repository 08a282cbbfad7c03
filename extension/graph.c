/*
 * graph.c
 *		The order of a pipeline's steps. Pipelines have few steps: lists will do.
 */
#include "postgres.h"

#include "graph.h"

bool
graph_contains(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

Step *
graph_find(const List *steps, const char *name)
{
	ListCell   *cell;

	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		if (strcmp(step->name, name) == 0)
			return step;
	}
	return NULL;
}

/* Whether all that the step depends on is among "done". */
static bool
is_free(const Step *step, const List *done)
{
	ListCell   *cell;

	foreach(cell, step->depends_on)
	{
		if (graph_find(done, lfirst(cell)) == NULL)
			return false;
	}
	return true;
}

static Step *
first_free(const List *steps, const List *done)
{
	ListCell   *cell;

	foreach(cell, steps)
	{
		if (is_free(lfirst(cell), done))
			return lfirst(cell);
	}
	return NULL;
}

List *
graph_order(const List *steps)
{
	List	   *left = list_copy(steps);
	List	   *ordered = NIL;

	while (left != NIL)
	{
		Step	   *next = first_free(left, ordered);

		if (next == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_RECURSION),
							errmsg("step \"%s\" depends on itself", ((Step *) linitial(left))->name),
							errdetail("The steps of a pipeline must not depend on each other in a circle.")));
		ordered = lappend(ordered, next);
		left = list_delete_ptr(left, next);
	}
	return ordered;
}

static bool
depends_on_any(const Step *step, const List *steps)
{
	ListCell   *cell;

	foreach(cell, step->depends_on)
	{
		if (graph_find(steps, lfirst(cell)) != NULL)
			return true;
	}
	return false;
}

List *
graph_from(const List *steps, const char *from)
{
	List	   *found = NIL;
	ListCell   *cell;

	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		if (strcmp(step->name, from) == 0 || depends_on_any(step, found))
			found = lappend(found, step);
	}
	return found;
}
