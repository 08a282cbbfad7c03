/*
 * range.c
 *		Clauses into boxes of partition, offset and time. Where the boxes lie in a topic, scan.c finds out.
 *
 * AND intersects, OR unites, and what is not understood stands for all records: under an OR it makes the whole OR stand
 * for them. A comparison with NULL is never true.
 */
#include "postgres.h"

#include "fdw_kafka/range.h"

#include "access/stratnum.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "common/column.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* More boxes than that are not worth their making: one side of an AND then stands for both. */
#define MAX_BOXES 20000
#define UNIX_MS_AT_PG_EPOCH ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000))

typedef enum RangeKind
{
	RANGE_AND,
	RANGE_OR,
	RANGE_COMPARE,				/* column operator value */
	RANGE_ANY,					/* column operator ANY (array) */
	RANGE_NEVER					/* false or NULL */
} RangeKind;

struct RangeCondition
{
	RangeKind	kind;
	List	   *arms;			/* of RangeCondition * */
	KafkaMetadata column;
	int			strategy;		/* of a B-tree */
	Oid			type;			/* of the value, or of the array's elements */
	ExprState  *value;
};

static const RangeBox everything = {0, PG_INT64_MAX, 0, PG_INT64_MAX, RANGE_NO_TIME};

/* ---- columns ---- */

static KafkaMetadata
ranged_metadata(Oid relid, AttrNumber attnum)
{
	ListCell   *lc;
	Oid			type;
	int32		typmod;
	Oid			collation;

	foreach(lc, GetForeignColumnOptions(relid, attnum))
	{
		DefElem    *option = lfirst_node(DefElem, lc);
		KafkaMetadata metadata;

		if (strcmp(option->defname, "metadata") != 0)
			continue;
		metadata = kafka_metadata(defGetString(option));
		get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
		if (metadata == KAFKA_METADATA_PARTITION || metadata == KAFKA_METADATA_OFFSET)
			return type == INT4OID || type == INT8OID || type == INT2OID ? metadata : KAFKA_METADATA_NONE;
		/* With a precision the column is rounded, and no longer the record's time. */
		if (metadata == KAFKA_METADATA_TIMESTAMP)
			return type == TIMESTAMPTZOID && typmod < 0 ? metadata : KAFKA_METADATA_NONE;
	}
	return KAFKA_METADATA_NONE;
}

RangeColumns *
range_columns(Oid relid, int count, Index varno)
{
	RangeColumns *columns = palloc(sizeof(RangeColumns));

	columns->varno = varno;
	columns->count = count;
	columns->metadata = palloc0(sizeof(KafkaMetadata) * Max(columns->count, 1));
	for (int i = 0; i < columns->count; i++)
		columns->metadata[i] = ranged_metadata(relid, i + 1);
	return columns;
}

static KafkaMetadata
column_of(const RangeColumns *columns, Node *node)
{
	Var		   *var = (Var *) node;

	if (!IsA(node, Var) || var->varno != columns->varno || var->varlevelsup != 0 ||
		var->varattno < 1 || var->varattno > columns->count)
		return KAFKA_METADATA_NONE;
	return columns->metadata[var->varattno - 1];
}

/* ---- clauses ---- */

/* Whether a value is the same for all records of a scan. */
static bool
is_value(const RangeColumns *columns, Node *node)
{
	return !bms_is_member(columns->varno, pull_varnos(NULL, node)) && !contain_volatile_functions(node) &&
		!contain_subplans(node);
}

/* The strategy of a comparison that orders a column as records are ordered, or 0. */
static int
strategy_of(KafkaMetadata column, Oid operator, Oid type)
{
	if (column == KAFKA_METADATA_TIMESTAMP)
		return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID ?
			get_op_opfamily_strategy(operator, lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_BTREE_OPFAMILY)->btree_opf) : 0;
	return type == INT2OID || type == INT4OID || type == INT8OID ?
		get_op_opfamily_strategy(operator, INTEGER_BTREE_FAM_OID) : 0;
}

static RangeCondition *
condition(RangeKind kind, List *arms)
{
	RangeCondition *result = palloc0(sizeof(RangeCondition));

	result->kind = kind;
	result->arms = arms;
	return result;
}

/* "column operator value", as it stands or the other way round; NULL where it is something else. */
static RangeCondition *
compile_comparison(const RangeColumns *columns, OpExpr *clause, PlanState *parent)
{
	Oid			operator = clause->opno;
	RangeCondition *result;
	KafkaMetadata column;
	Node	   *value;
	int			strategy;

	if (list_length(clause->args) != 2)
		return NULL;
	column = column_of(columns, linitial(clause->args));
	value = lsecond(clause->args);
	if (column == KAFKA_METADATA_NONE)
	{
		column = column_of(columns, lsecond(clause->args));
		value = linitial(clause->args);
		operator = get_commutator(operator);
	}
	if (column == KAFKA_METADATA_NONE || !OidIsValid(operator) || !is_value(columns, value))
		return NULL;
	strategy = strategy_of(column, operator, exprType(value));
	/* There is no upper bound in time: a record's time may be any, whatever stands before it. */
	if (strategy == 0 || (column == KAFKA_METADATA_TIMESTAMP && strategy < BTEqualStrategyNumber))
		return NULL;
	result = condition(RANGE_COMPARE, NIL);
	result->column = column;
	result->strategy = strategy;
	result->type = exprType(value);
	result->value = parent ? ExecInitExpr((Expr *) value, parent) : NULL;
	return result;
}

static RangeCondition *
compile_any(const RangeColumns *columns, ScalarArrayOpExpr *clause, PlanState *parent)
{
	KafkaMetadata column = column_of(columns, linitial(clause->args));
	Node	   *array = lsecond(clause->args);
	Oid			type = get_element_type(exprType(array));
	RangeCondition *result;
	int			strategy;

	if (!clause->useOr || column == KAFKA_METADATA_NONE || !OidIsValid(type) || !is_value(columns, array))
		return NULL;
	strategy = strategy_of(column, clause->opno, type);
	if (strategy == 0 || (column == KAFKA_METADATA_TIMESTAMP && strategy < BTEqualStrategyNumber))
		return NULL;
	result = condition(RANGE_ANY, NIL);
	result->column = column;
	result->strategy = strategy;
	result->type = type;
	result->value = parent ? ExecInitExpr((Expr *) array, parent) : NULL;
	return result;
}

static RangeCondition *compile(const RangeColumns *columns, Node *clause, PlanState *parent);

static RangeCondition *
compile_and(const RangeColumns *columns, List *clauses, PlanState *parent)
{
	List	   *arms = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RangeCondition *arm = compile(columns, lfirst(lc), parent);

		if (arm != NULL)
			arms = lappend(arms, arm);
	}
	return arms == NIL ? NULL : condition(RANGE_AND, arms);
}

static RangeCondition *
compile_or(const RangeColumns *columns, List *clauses, PlanState *parent)
{
	List	   *arms = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RangeCondition *arm = compile(columns, lfirst(lc), parent);

		if (arm == NULL)
			return NULL;
		arms = lappend(arms, arm);
	}
	return condition(RANGE_OR, arms);
}

/* NULL: all records. */
static RangeCondition *
compile(const RangeColumns *columns, Node *clause, PlanState *parent)
{
	if (IsA(clause, OpExpr))
		return compile_comparison(columns, (OpExpr *) clause, parent);
	if (IsA(clause, ScalarArrayOpExpr))
		return compile_any(columns, (ScalarArrayOpExpr *) clause, parent);
	if (IsA(clause, BoolExpr) && ((BoolExpr *) clause)->boolop == AND_EXPR)
		return compile_and(columns, ((BoolExpr *) clause)->args, parent);
	if (IsA(clause, BoolExpr) && ((BoolExpr *) clause)->boolop == OR_EXPR)
		return compile_or(columns, ((BoolExpr *) clause)->args, parent);
	if (IsA(clause, Const) && (((Const *) clause)->constisnull || !DatumGetBool(((Const *) clause)->constvalue)))
		return condition(RANGE_NEVER, NIL);
	return NULL;
}

bool
range_narrows(const RangeColumns *columns, Node *clause)
{
	return compile(columns, clause, NULL) != NULL;
}

RangeCondition *
range_compile(const RangeColumns *columns, List *clauses, PlanState *parent)
{
	return compile_and(columns, clauses, parent);
}

static bool
is_executor_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind != PARAM_EXTERN)
		return true;
	if (IsA(node, FuncExpr))
		return true;			/* EXPLAIN runs nothing */
	return expression_tree_walker(node, is_executor_parameter, context);
}

bool
range_is_fixed(List *clauses)
{
	return !is_executor_parameter((Node *) clauses, NULL);
}

/* ---- values ---- */

static List *
one_box(RangeBox box)
{
	RangeBox   *copy = palloc(sizeof(RangeBox));

	if (box.first_partition > box.last_partition || box.first_offset > box.last_offset)
		return NIL;
	*copy = box;
	return list_make1(copy);
}

static int64
integer_value(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/* Narrow first .. last to what the comparison with a number lets through; false: nothing. */
static bool
narrow_integers(int64 *first, int64 *last, int strategy, int64 value)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
			if (value == PG_INT64_MIN)
				return false;
			*last = value - 1;
			break;
		case BTLessEqualStrategyNumber:
			*last = value;
			break;
		case BTEqualStrategyNumber:
			*first = Max(*first, value);
			*last = value;
			break;
		case BTGreaterEqualStrategyNumber:
			*first = Max(*first, value);
			break;
		case BTGreaterStrategyNumber:
			if (value == PG_INT64_MAX)
				return false;
			*first = Max(*first, value + 1);
			break;
	}
	return *first <= *last;
}

static TimestampTz
time_value(Datum value, Oid type)
{
	int			overflow = 0;

	if (type == DATEOID)
		return date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
	if (type == TIMESTAMPOID)
		return timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
	return DatumGetTimestampTz(value);
}

/* The first millisecond that is at, or with "after" behind, a point in time. */
static int64
first_millisecond(TimestampTz time, bool after)
{
	int64		ms = time / 1000;
	int64		rest = time % 1000;

	if (rest < 0)
	{
		ms--;
		rest += 1000;
	}
	if (rest > 0 || after)
		ms++;
	return ms + UNIX_MS_AT_PG_EPOCH;
}

static List *
time_boxes(int strategy, TimestampTz time)
{
	RangeBox	box = everything;

	if (TIMESTAMP_IS_NOBEGIN(time))
		return strategy == BTEqualStrategyNumber ? NIL : one_box(box);
	if (TIMESTAMP_IS_NOEND(time))
		return NIL;
	if (strategy == BTEqualStrategyNumber && time % 1000 != 0)
		return NIL;				/* Kafka's times are whole milliseconds */
	box.first_time = first_millisecond(time, strategy == BTGreaterStrategyNumber);
	if (box.first_time <= 0)
		box.first_time = RANGE_NO_TIME;
	return one_box(box);
}

static List *
value_boxes(const RangeCondition *condition, Datum value)
{
	RangeBox	box = everything;
	bool		some;

	if (condition->column == KAFKA_METADATA_TIMESTAMP)
		return time_boxes(condition->strategy, time_value(value, condition->type));
	if (condition->column == KAFKA_METADATA_PARTITION)
		some = narrow_integers(&box.first_partition, &box.last_partition, condition->strategy,
							   integer_value(value, condition->type));
	else
		some = narrow_integers(&box.first_offset, &box.last_offset, condition->strategy,
							   integer_value(value, condition->type));
	return some ? one_box(box) : NIL;
}

static List *
array_boxes(const RangeCondition *condition, Datum array)
{
	List	   *boxes = NIL;
	Datum	   *values;
	bool	   *nulls;
	int			count;
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(condition->type, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(array), condition->type, length, by_value, align, &values, &nulls, &count);
	if (count > MAX_BOXES)
		return one_box(everything);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			boxes = list_concat(boxes, value_boxes(condition, values[i]));
	return boxes;
}

static List *
intersect(List *left, List *right)
{
	List	   *both = NIL;
	ListCell   *a;
	ListCell   *b;

	if ((int64) list_length(left) * list_length(right) > MAX_BOXES)
		return list_length(left) < list_length(right) ? left : right;
	foreach(a, left)
	{
		foreach(b, right)
		{
			const RangeBox *l = lfirst(a);
			const RangeBox *r = lfirst(b);
			RangeBox	box;

			box.first_partition = Max(l->first_partition, r->first_partition);
			box.last_partition = Min(l->last_partition, r->last_partition);
			box.first_offset = Max(l->first_offset, r->first_offset);
			box.last_offset = Min(l->last_offset, r->last_offset);
			box.first_time = Max(l->first_time, r->first_time);
			both = list_concat(both, one_box(box));
		}
	}
	return both;
}

List *
range_boxes(RangeCondition *condition, ExprContext *context)
{
	List	   *boxes = NIL;
	ListCell   *lc;
	Datum		value;
	bool		isnull;

	if (condition == NULL)
		return one_box(everything);
	switch (condition->kind)
	{
		case RANGE_NEVER:
			return NIL;
		case RANGE_AND:
			boxes = one_box(everything);
			foreach(lc, condition->arms)
				boxes = intersect(boxes, range_boxes(lfirst(lc), context));
			return boxes;
		case RANGE_OR:
			foreach(lc, condition->arms)
				boxes = list_concat(boxes, range_boxes(lfirst(lc), context));
			return list_length(boxes) > MAX_BOXES ? one_box(everything) : boxes;
		case RANGE_COMPARE:
		case RANGE_ANY:
			value = ExecEvalExpr(condition->value, context, &isnull);
			if (isnull)
				return NIL;
			return condition->kind == RANGE_ANY ? array_boxes(condition, value) : value_boxes(condition, value);
	}
	return one_box(everything);
}

/* ---- offsets ---- */

static int
compare_ranges(const void *a, const void *b)
{
	const OffsetRange *l = a;
	const OffsetRange *r = b;

	return l->first < r->first ? -1 : l->first > r->first;
}

int
range_normalize(OffsetRange *ranges, int count)
{
	int			kept = 0;

	qsort(ranges, count, sizeof(OffsetRange), compare_ranges);
	for (int i = 0; i < count; i++)
	{
		if (ranges[i].first >= ranges[i].end)
			continue;
		if (kept > 0 && ranges[i].first <= ranges[kept - 1].end)
			ranges[kept - 1].end = Max(ranges[kept - 1].end, ranges[i].end);
		else
			ranges[kept++] = ranges[i];
	}
	return kept;
}

/* By partitions and time, then by offset. */
static int
compare_boxes(const ListCell *a, const ListCell *b)
{
	const RangeBox *l = lfirst(a);
	const RangeBox *r = lfirst(b);

	if (l->first_partition != r->first_partition)
		return l->first_partition < r->first_partition ? -1 : 1;
	if (l->last_partition != r->last_partition)
		return l->last_partition < r->last_partition ? -1 : 1;
	if (l->first_time != r->first_time)
		return l->first_time < r->first_time ? -1 : 1;
	return l->first_offset < r->first_offset ? -1 : l->first_offset > r->first_offset;
}

/* Whether the second box goes on where the first ends, in the same partitions. */
static bool
boxes_join(const RangeBox *first, const RangeBox *second)
{
	return first->first_partition == second->first_partition && first->last_partition == second->last_partition &&
		first->first_time == second->first_time &&
		(first->last_offset == PG_INT64_MAX || second->first_offset <= first->last_offset + 1);
}

List *
range_join_boxes(List *boxes)
{
	List	   *merged = NIL;
	ListCell   *lc;

	list_sort(boxes, compare_boxes);
	foreach(lc, boxes)
	{
		RangeBox   *box = lfirst(lc);
		RangeBox   *last = merged ? llast(merged) : NULL;

		if (last != NULL && boxes_join(last, box))
			last->last_offset = Max(last->last_offset, box->last_offset);
		else
			merged = lappend(merged, box);
	}
	return merged;
}

static void
append_bounds(StringInfo out, const char *separator, const char *name, int64 first, int64 last)
{
	if (first == 0 && last == PG_INT64_MAX)
		return;
	appendStringInfo(out, "%s%s", separator, name);
	if (first == last)
		appendStringInfo(out, " " INT64_FORMAT, first);
	else if (last == PG_INT64_MAX)
		appendStringInfo(out, " from " INT64_FORMAT, first);
	else
		appendStringInfo(out, " " INT64_FORMAT " to " INT64_FORMAT, first, last);
}

char *
range_text(List *boxes)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	if (boxes == NIL)
		appendStringInfoString(&out, "none");
	foreach(lc, boxes)
	{
		const RangeBox *box = lfirst(lc);
		int			begin;

		if (foreach_current_index(lc) > 0)
			appendStringInfoString(&out, "; ");
		if (foreach_current_index(lc) == 10)
		{
			appendStringInfo(&out, "... (%d)", list_length(boxes));
			break;
		}
		begin = out.len;
		append_bounds(&out, "", "partition", box->first_partition, box->last_partition);
		append_bounds(&out, out.len > begin ? " " : "", "offset", box->first_offset, box->last_offset);
		if (box->first_time != RANGE_NO_TIME)
			appendStringInfo(&out, "%stime from %s", out.len > begin ? " " : "",
							 timestamptz_to_str((box->first_time - UNIX_MS_AT_PG_EPOCH) * 1000));
		if (out.len == begin)
			appendStringInfoString(&out, "all");
	}
	return out.data;
}
