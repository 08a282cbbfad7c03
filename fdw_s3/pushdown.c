/*
 * pushdown.c
 *		Estimates, columns needed, and conditions on metadata columns. Nothing here talks to a server.
 */
#include "postgres.h"

#include "fdw_s3/pushdown.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* A listing and the first bytes of an object, in the planner's unit (reading one page). */
#define CONNECT_COST 100.0
/* Parsing a row of text, in units of cpu_tuple_cost; file_fdw's figure. */
#define ROW_COST 10.0

void
pushdown_estimate_size(PlannerInfo *root, RelOptInfo *rel, const S3Options *options)
{
	double		tuples = rel->tuples > 0 ? rel->tuples : options->rows;

	rel->tuples = tuples;
	rel->rows = clamp_row_est(tuples * clauselist_selectivity(root, rel->baserestrictinfo, 0, JOIN_INNER, NULL));
}

void
pushdown_estimate_cost(RelOptInfo *rel, Cost *startup, Cost *total)
{
	*startup = CONNECT_COST + rel->baserestrictcost.startup;
	*total = *startup + (cpu_tuple_cost * ROW_COST + rel->baserestrictcost.per_tuple) * rel->tuples;
}

List *
pushdown_columns(RelOptInfo *rel)
{
	Bitmapset  *used = NULL;
	List	   *columns = NIL;
	ListCell   *lc;
	bool		whole_row;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &used);
	foreach(lc, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rel->relid, &used);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (AttrNumber attnum = 1; attnum <= rel->max_attr; attnum++)
		if (whole_row || bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used))
			columns = lappend_int(columns, attnum);
	return columns;
}

/* What a column's option metadata says, or NULL. */
static const char *
column_metadata(Oid relid, AttrNumber attnum)
{
	ListCell   *lc;

	if (attnum <= 0)
		return NULL;
	foreach(lc, GetForeignColumnOptions(relid, attnum))
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "metadata") == 0)
			return defGetString(option);
	}
	return NULL;
}

/* Whether an expression's columns are metadata columns, and there is one. */
static bool
is_about_objects(Node *clause, Index varno, Oid relid)
{
	Bitmapset  *used = NULL;
	int			member = -1;

	pull_varattnos(clause, varno, &used);
	while ((member = bms_next_member(used, member)) >= 0)
		if (column_metadata(relid, member + FirstLowInvalidHeapAttributeNumber) == NULL)
			return false;
	return !bms_is_empty(used);
}

List *
pushdown_object_conditions(RelOptInfo *rel, Oid relid)
{
	List	   *conditions = NIL;
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, lc);
		Node	   *clause = (Node *) info->clause;

		/* A security barrier's conditions must have been checked before others may see a value. */
		if (!info->pseudoconstant && restriction_is_securely_promotable(info, rel) &&
			!contain_volatile_functions(clause) && !contain_subplans(clause) &&
			is_about_objects(clause, rel->relid, relid))
			conditions = lappend(conditions, clause);
	}
	return conditions;
}

/* The part of a LIKE pattern before its first special character. */
static char *
like_prefix(const char *pattern)
{
	return pnstrdup(pattern, strcspn(pattern, "%_\\"));
}

/* Whether an operand is the column with metadata path. */
static bool
is_path_column(Node *operand, Oid relid)
{
	const char *metadata;

	if (IsA(operand, RelabelType))
		operand = (Node *) ((RelabelType *) operand)->arg;
	if (!IsA(operand, Var))
		return false;
	metadata = column_metadata(relid, ((Var *) operand)->varattno);
	return metadata != NULL && pg_strcasecmp(metadata, "path") == 0;
}

/* What all texts of an array begin with, or NULL where there is none. */
static char *
common_prefix(ArrayType *array)
{
	char	   *prefix = NULL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *element;
		int			same = 0;

		if (nulls[i])
			continue;
		element = TextDatumGetCString(elements[i]);
		if (prefix == NULL)
			prefix = element;
		while (prefix[same] != '\0' && prefix[same] == element[same])
			same++;
		prefix[pg_mbcliplen(prefix, strlen(prefix), same)] = '\0';
	}
	return prefix;
}

/* What texts begin with for which "text operator constant" is true, or NULL. */
static char *
constant_prefix(Oid function, const Const *constant)
{
	switch (function)
	{
		case F_TEXTEQ:
		case F_STARTS_WITH:
			return TextDatumGetCString(constant->constvalue);
		case F_TEXTLIKE:
			return like_prefix(TextDatumGetCString(constant->constvalue));
		default:
			return NULL;
	}
}

/* What the path begins with where the condition is true, or NULL. */
static char *
condition_prefix(Node *condition, Oid relid)
{
	List	   *args;
	Oid			collation;
	Const	   *constant;

	if (IsA(condition, OpExpr))
	{
		args = ((OpExpr *) condition)->args;
		collation = ((OpExpr *) condition)->inputcollid;
	}
	else if (IsA(condition, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) condition)->useOr)
	{
		args = ((ScalarArrayOpExpr *) condition)->args;
		collation = ((ScalarArrayOpExpr *) condition)->inputcollid;
	}
	else
		return NULL;
	if (list_length(args) != 2 || !is_path_column(linitial(args), relid) || !IsA(lsecond(args), Const))
		return NULL;
	constant = lsecond_node(Const, args);
	if (constant->constisnull || (OidIsValid(collation) && !get_collation_isdeterministic(collation)))
		return NULL;
	if (IsA(condition, OpExpr) && constant->consttype == TEXTOID)
		return constant_prefix(get_opcode(((OpExpr *) condition)->opno), constant);
	if (IsA(condition, ScalarArrayOpExpr) && constant->consttype == TEXTARRAYOID &&
		get_opcode(((ScalarArrayOpExpr *) condition)->opno) == F_TEXTEQ)
		return common_prefix(DatumGetArrayTypeP(constant->constvalue));
	return NULL;
}

char *
pushdown_listing(List *conditions, Oid relid, const S3Options *options)
{
	char	   *listing = options->prefix;
	ListCell   *lc;

	if (listing == NULL)
		return NULL;
	foreach(lc, conditions)
	{
		char	   *prefix = condition_prefix(lfirst(lc), relid);

		/* Only ever longer: what contradicts the table's prefix is left to the conditions. */
		if (prefix != NULL && strlen(prefix) > strlen(listing) && strncmp(prefix, listing, strlen(listing)) == 0)
			listing = prefix;
	}
	return listing;
}
