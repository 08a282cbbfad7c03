/*
 * pushdown.c
 *		The table of proven operators, and the walker that holds a condition against it. Printing is deparse.c's.
 *
 * What is left out is left out on purpose: text comparisons other than = (collations), LIKE, arithmetic (integer division,
 * overflow), float4 (MySQL compares a FLOAT column with a rounded constant differently with and without an index),
 * functions, and bpchar (padding).
 */
#include "postgres.h"

#include "pushdown.h"

#include "catalog/pg_type.h"
#include "deparse.h"
#include "foreign/foreign.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Beyond this a list is cheaper to check here than to parse there. */
#define MAX_LIST 10000

#define SIX(prefix, left, right) \
	{F_##prefix##EQ, "=", left, right, SHIP_EXACT}, \
	{F_##prefix##NE, "<>", left, right, SHIP_EXACT}, \
	{F_##prefix##LT, "<", left, right, SHIP_EXACT}, \
	{F_##prefix##LE, "<=", left, right, SHIP_EXACT}, \
	{F_##prefix##GT, ">", left, right, SHIP_EXACT}, \
	{F_##prefix##GE, ">=", left, right, SHIP_EXACT}

#define SIX_MIXED(prefix, suffix, left, right) \
	{F_##prefix##_EQ_##suffix, "=", left, right, SHIP_EXACT}, \
	{F_##prefix##_NE_##suffix, "<>", left, right, SHIP_EXACT}, \
	{F_##prefix##_LT_##suffix, "<", left, right, SHIP_EXACT}, \
	{F_##prefix##_LE_##suffix, "<=", left, right, SHIP_EXACT}, \
	{F_##prefix##_GT_##suffix, ">", left, right, SHIP_EXACT}, \
	{F_##prefix##_GE_##suffix, ">=", left, right, SHIP_EXACT}

static const Operator operators[] = {
	SIX(INT2, KIND_INTEGER, KIND_INTEGER),
	SIX(INT24, KIND_INTEGER, KIND_INTEGER),
	SIX(INT28, KIND_INTEGER, KIND_INTEGER),
	SIX(INT4, KIND_INTEGER, KIND_INTEGER),
	SIX(INT42, KIND_INTEGER, KIND_INTEGER),
	SIX(INT48, KIND_INTEGER, KIND_INTEGER),
	SIX(INT8, KIND_INTEGER, KIND_INTEGER),
	SIX(INT82, KIND_INTEGER, KIND_INTEGER),
	SIX(INT84, KIND_INTEGER, KIND_INTEGER),
	SIX(NUMERIC_, KIND_NUMERIC, KIND_NUMERIC),
	SIX(FLOAT8, KIND_DOUBLE, KIND_DOUBLE),
	SIX(DATE_, KIND_DATE, KIND_DATE),
	SIX(TIMESTAMP_, KIND_TIMESTAMP, KIND_TIMESTAMP),
	SIX(TIMESTAMPTZ_, KIND_TIMESTAMPTZ, KIND_TIMESTAMPTZ),
	SIX_MIXED(DATE, TIMESTAMP, KIND_DATE, KIND_TIMESTAMP),
	SIX_MIXED(TIMESTAMP, DATE, KIND_TIMESTAMP, KIND_DATE),
	/* Collations may find more equal than the bytes are, never less. */
	{F_TEXTEQ, "=", KIND_TEXT, KIND_TEXT, SHIP_SUPERSET},
};

/* Casts that keep the value, and its order. */
static const Oid plain_casts[] = {
	F_INT4_INT2, F_INT8_INT2, F_INT8_INT4, F_NUMERIC_INT2, F_NUMERIC_INT4, F_NUMERIC_INT8,
};

static const struct
{
	Oid			type;
	Kind		kind;
} kinds[] = {
	{BOOLOID, KIND_BOOL},
	{INT2OID, KIND_INTEGER},
	{INT4OID, KIND_INTEGER},
	{INT8OID, KIND_INTEGER},
	{NUMERICOID, KIND_NUMERIC},
	{FLOAT8OID, KIND_DOUBLE},
	{DATEOID, KIND_DATE},
	{TIMESTAMPOID, KIND_TIMESTAMP},
	{TIMESTAMPTZOID, KIND_TIMESTAMPTZ},
	{TEXTOID, KIND_TEXT},
	{VARCHAROID, KIND_TEXT},
};

const Operator *
pushdown_operator(Oid function)
{
	for (int i = 0; i < lengthof(operators); i++)
		if (operators[i].function == function)
			return &operators[i];
	return NULL;
}

Kind
pushdown_kind(Oid type)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (kinds[i].type == type)
			return kinds[i].kind;
	return KIND_NONE;
}

static bool
is_plain_cast(Oid function)
{
	for (int i = 0; i < lengthof(plain_casts); i++)
		if (plain_casts[i] == function)
			return true;
	return false;
}

static Expr *
strip_casts(Expr *expr)
{
	for (;;)
	{
		if (IsA(expr, RelabelType) && pushdown_kind(((RelabelType *) expr)->resulttype) == KIND_TEXT)
			expr = ((RelabelType *) expr)->arg;
		else if (IsA(expr, FuncExpr) && is_plain_cast(((FuncExpr *) expr)->funcid))
			expr = linitial(((FuncExpr *) expr)->args);
		else
			return expr;
	}
}

Var *
pushdown_column(const RelOptInfo *rel, Expr *expr)
{
	Var		   *var = (Var *) strip_casts(expr);

	if (IsA(var, Var) && bms_is_member(var->varno, rel->relids) && var->varlevelsup == 0 && var->varattno > 0)
		return var;
	return NULL;
}

bool
pushdown_zero_dates(const RemoteTable *table, const Var *var)
{
	Options		options = options_of_column(table->options, GetForeignColumnOptions(table->relid, var->varattno));

	return options.zero_date == ZERO_DATE_NULL;
}

bool
pushdown_is_date(Kind kind)
{
	return kind == KIND_DATE || kind == KIND_TIMESTAMP || kind == KIND_TIMESTAMPTZ;
}

/* A zero date makes it through MySQL's comparison, but is NULL here. */
static Shipping
cap_for_dates(RelOptInfo *rel, const Var *var, Shipping shipping)
{
	if (pushdown_is_date(pushdown_kind(var->vartype)) && pushdown_zero_dates(rel->fdw_private, var))
		return Min(shipping, SHIP_SUPERSET);
	return shipping;
}

/* Something that is computed here, once per execution, and sent. */
static bool
is_value(PlannerInfo *root, RelOptInfo *rel, Expr *expr, Kind kind)
{
	if (pushdown_kind(exprType((Node *) expr)) != kind)
		return false;
	if (IsA(expr, Const))
		return deparse_can_print((Const *) expr, kind);
	return !bms_overlap(pull_varnos(root, (Node *) expr), rel->relids) &&
		!contain_volatile_functions((Node *) expr) && !contain_subplans((Node *) expr);
}

/* May this column stand where the operator wants that kind? */
static bool
column_suits(const Var *var, Kind kind)
{
	Kind		own = pushdown_kind(var->vartype);

	return own == kind || (own == KIND_INTEGER && kind == KIND_NUMERIC);
}

static bool
is_moment(Kind kind)
{
	return kind == KIND_TIMESTAMP || kind == KIND_TIMESTAMPTZ;
}

static bool
is_whole_second(Expr *value)
{
	Const	   *constant = (Const *) value;

	return IsA(value, Const) && !constant->constisnull && DatumGetTimestamp(constant->constvalue) % USECS_PER_SEC == 0;
}

Rounding
pushdown_rounding(const Operator *operator, Expr *value, bool left)
{
	if (!is_moment(left ? operator->left : operator->right) || is_whole_second(value))
		return ROUND_NOT;
	/* column > value, value < column */
	return (operator->name[0] == '>') != left ? ROUND_DOWN : ROUND_UP;
}

/* Digits after the point that the local column can have, -1 for any number. */
static int
column_scale(const Var *column)
{
	if (pushdown_kind(column->vartype) == KIND_INTEGER)
		return 0;
	return column->vartypmod >= (int32) VARHDRSZ ? (column->vartypmod - VARHDRSZ) & 0x7ff : -1;
}

/*
 * A comparison of a column with a value, which stands on the left or the right. MySQL rounds a number that is finer than
 * the column before it looks into an index (i = 5.5 finds 6): the statement's metadata must show that it is not.
 */
static Shipping
classify_value(const Operator *operator, const Var *column, Expr *value, bool left)
{
	Kind		kind = left ? operator->left : operator->right;
	bool		is_range = operator->name[0] != '=' && strcmp(operator->name, "<>") != 0;

	if (is_moment(kind) && pushdown_kind(column->vartype) == KIND_DATE)
		return SHIP_NO;
	if (pushdown_rounding(operator, value, left) != ROUND_NOT)
		return is_range ? SHIP_SUPERSET : SHIP_NO;
	if (kind == KIND_NUMERIC && IsA(value, Const) && column_scale(column) >= 0 &&
		deparse_scale((Const *) value) > column_scale(column))
		return SHIP_NO;
	return operator->shipping;
}

static Shipping
classify_columns(RelOptInfo *rel, const Operator *operator, const Var *left, const Var *right)
{
	/* Two texts of different collations are an error there. */
	if (operator->left == KIND_TEXT || !column_suits(left, operator->left) || !column_suits(right, operator->right))
		return SHIP_NO;
	return cap_for_dates(rel, left, cap_for_dates(rel, right, operator->shipping));
}

static Shipping
classify_operands(PlannerInfo *root, RelOptInfo *rel, const Operator *operator, Expr *left, Expr *right)
{
	Var		   *left_column = pushdown_column(rel, left);
	Var		   *right_column = pushdown_column(rel, right);

	if (left_column != NULL && right_column != NULL)
		return classify_columns(rel, operator, left_column, right_column);
	if (left_column != NULL && column_suits(left_column, operator->left) && is_value(root, rel, right, operator->right))
		return cap_for_dates(rel, left_column, classify_value(operator, left_column, right, false));
	if (right_column != NULL && column_suits(right_column, operator->right) && is_value(root, rel, left, operator->left))
		return cap_for_dates(rel, right_column, classify_value(operator, right_column, left, true));
	return SHIP_NO;
}

/* Under such a collation PostgreSQL may find more equal than MySQL does. */
static bool
is_unusual_collation(Oid collation)
{
	return OidIsValid(collation) && !get_collation_isdeterministic(collation);
}

static Shipping
classify_operator(PlannerInfo *root, RelOptInfo *rel, OpExpr *expr)
{
	const Operator *operator = pushdown_operator(expr->opfuncid);

	if (operator == NULL || is_unusual_collation(expr->inputcollid))
		return SHIP_NO;
	return classify_operands(root, rel, operator, linitial(expr->args), lsecond(expr->args));
}

/* Can every element be sent, in a form that is no finer than the column? */
static bool
can_send_elements(const Operator *operator, const Var *column, const Const *array)
{
	ArrayType  *elements = DatumGetArrayTypeP(array->constvalue);
	Const		element = *array;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	element.consttype = ARR_ELEMTYPE(elements);
	if (pushdown_kind(element.consttype) != operator->right)
		return false;
	deparse_elements(elements, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		element.constvalue = values[i];
		element.constisnull = nulls[i];
		if (!deparse_can_print(&element, operator->right))
			return false;
		if (!nulls[i] && classify_value(operator, column, (Expr *) &element, false) == SHIP_NO)
			return false;
	}
	return n > 0 && n <= MAX_LIST;
}

/* column IN (...), column NOT IN (...) over constants. */
static Shipping
classify_list(RelOptInfo *rel, ScalarArrayOpExpr *expr)
{
	const Operator *operator = pushdown_operator(expr->opfuncid);
	Var		   *column = pushdown_column(rel, linitial(expr->args));
	Const	   *array = lsecond(expr->args);

	if (operator == NULL || column == NULL || is_unusual_collation(expr->inputcollid))
		return SHIP_NO;
	if (strcmp(operator->name, expr->useOr ? "=" : "<>") != 0 || !column_suits(column, operator->left))
		return SHIP_NO;
	if (!IsA(array, Const) || array->constisnull || !can_send_elements(operator, column, array))
		return SHIP_NO;
	return cap_for_dates(rel, column, operator->shipping);
}

static Shipping
classify_bool(PlannerInfo *root, RelOptInfo *rel, BoolExpr *expr)
{
	Shipping	shipping = SHIP_EXACT;
	ListCell   *lc;

	foreach(lc, expr->args)
		shipping = Min(shipping, pushdown_classify(root, rel, lfirst(lc)));
	/* What lets too much through, negated, lets too little. */
	if (expr->boolop == NOT_EXPR && shipping != SHIP_EXACT)
		return SHIP_NO;
	return shipping;
}

static Shipping
classify_null_test(RelOptInfo *rel, NullTest *expr)
{
	Var		   *column = pushdown_column(rel, expr->arg);

	if (column == NULL || expr->argisrow)
		return SHIP_NO;
	if (!pushdown_is_date(pushdown_kind(column->vartype)))
		return SHIP_EXACT;

	/*
	 * MySQL itself takes a zero date for NULL where the column is NOT NULL. IS NOT NULL lets through what is read as
	 * NULL; IS NULL could hold it back. (Over a date that is declared as something else here, see deparse_null_test().)
	 */
	return expr->nulltesttype == IS_NULL ? SHIP_NO : cap_for_dates(rel, column, SHIP_SUPERSET);
}

Shipping
pushdown_classify(PlannerInfo *root, RelOptInfo *rel, Expr *expr)
{
	Var		   *column;

	switch (nodeTag(expr))
	{
		case T_OpExpr:
			return classify_operator(root, rel, (OpExpr *) expr);
		case T_ScalarArrayOpExpr:
			return classify_list(rel, (ScalarArrayOpExpr *) expr);
		case T_BoolExpr:
			return classify_bool(root, rel, (BoolExpr *) expr);
		case T_NullTest:
			return classify_null_test(rel, (NullTest *) expr);
		case T_Var:
			column = pushdown_column(rel, expr);
			return column && column->vartype == BOOLOID ? SHIP_EXACT : SHIP_NO;
		default:
			return SHIP_NO;
	}
}

#define W(type) (1 << (type))
/* Not YEAR: MySQL reads a number below 100 as a year of this century or the last. */
#define INTEGERS (W(WIRE_TINY) | W(WIRE_SHORT) | W(WIRE_LONG) | W(WIRE_LONGLONG))

static const int held_by[] = {
	[KIND_BOOL] = INTEGERS,
	[KIND_INTEGER] = INTEGERS,
	[KIND_NUMERIC] = INTEGERS | W(WIRE_DECIMAL),
	[KIND_DOUBLE] = W(WIRE_DOUBLE),
	[KIND_DATE] = W(WIRE_DATE),
	[KIND_TIMESTAMP] = W(WIRE_DATETIME),
	[KIND_TIMESTAMPTZ] = W(WIRE_TIMESTAMP),
	[KIND_TEXT] = W(WIRE_STRING) | W(WIRE_BYTES),
	[KIND_ANY] = -1,
	[KIND_TIMELESS] = ~(W(WIRE_DATE) | W(WIRE_DATETIME) | W(WIRE_TIMESTAMP)),
};

/* What MySQL says of a DOUBLE without a fixed number of decimals. */
#define ANY_DECIMALS 31

bool
pushdown_holds(Kind kind, const ClientField *field)
{
	/* DOUBLE(10,2) rounds what it is compared with */
	if (kind == KIND_DOUBLE && field->decimals < ANY_DECIMALS)
		return false;
	return (held_by[kind] & W(field->type)) != 0;
}

/* A numeric's scale is 11 bits with a sign. */
static int
numeric_scale(int32 typmod)
{
	return (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
}

bool
pushdown_narrows(const Column *local, const ClientField *field)
{
	if (local->typmod < 0)
		return false;
	switch (local->typid)
	{
		case NUMERICOID:
			return numeric_scale(local->typmod) < (int) field->decimals;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return local->typmod < (int) field->decimals;
		default:
			return false;
	}
}

bool
pushdown_sorts(Kind kind, const ClientField *field)
{
	return pushdown_holds(kind, field) || (kind == KIND_INTEGER && field->type == WIRE_YEAR);
}
