/*
 * deparse.c
 *		Print names, constants, conditions and orders as MySQL reads them, under the sql_mode of session.c.
 */
#include "postgres.h"

#include "deparse.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "common/compat.h"
#include "common/shortest_dec.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* MySQL's DECIMAL has 65 digits, 30 of them after the point. */
#define DECIMAL_DIGITS 65
#define DECIMAL_SCALE 30

static void deparse_condition(Deparse *deparse, Expr *expr);

void
deparse_identifier(StringInfo sql, const char *name)
{
	char	   *utf8 = pg_server_to_any(name, strlen(name), PG_UTF8);

	appendStringInfoChar(sql, '`');
	for (; *utf8 != '\0'; utf8++)
	{
		if (*utf8 == '`')
			appendStringInfoChar(sql, '`');
		appendStringInfoChar(sql, *utf8);
	}
	appendStringInfoChar(sql, '`');
}

/* No backslash escapes: see the session's sql_mode. */
void
deparse_string(StringInfo sql, const char *bytes, size_t length)
{
	char	   *utf8 = pg_server_to_any(bytes, length, PG_UTF8);

	if (utf8 != bytes)
		length = strlen(utf8);
	appendStringInfoChar(sql, '\'');
	for (size_t i = 0; i < length; i++)
	{
		if (utf8[i] == '\'')
			appendStringInfoChar(sql, '\'');
		appendStringInfoChar(sql, utf8[i]);
	}
	appendStringInfoChar(sql, '\'');
}

void
deparse_table(StringInfo sql, const Options *options)
{
	deparse_identifier(sql, options->dbname);
	appendStringInfoChar(sql, '.');
	deparse_identifier(sql, options->table_name);
}

char *
deparse_column_name(Oid relid, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, GetForeignColumnOptions(relid, attnum))
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "column_name") == 0)
			return defGetString(option);
	}
	return get_attname(relid, attnum, false);
}

/* ---- values ---- */

/* Digits before and after the point, as numeric_out() prints them. */
static bool
decimal_fits(const char *text)
{
	const char *point = strchr(text, '.');
	int			scale = point ? (int) strlen(point + 1) : 0;

	return strspn(text, "-0123456789.") == strlen(text) && scale <= DECIMAL_SCALE &&
		(int) strspn(text + (*text == '-'), "0123456789") <= DECIMAL_DIGITS - DECIMAL_SCALE;
}

static char *
numeric_text(Datum value)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, value));
}

/* "2024-02-29", or NULL where MySQL has no such date. */
static char *
date_text(DateADT date)
{
	int			year;
	int			month;
	int			day;

	if (DATE_NOT_FINITE(date))
		return NULL;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (year < 1 || year > 9999)
		return NULL;
	return psprintf("%04d-%02d-%02d", year, month, day);
}

static char *
timestamp_text(Timestamp timestamp, Rounding rounding)
{
	struct pg_tm tm;
	fsec_t		fraction;

	if (!TIMESTAMP_NOT_FINITE(timestamp) && rounding != ROUND_NOT)
	{
		Timestamp	second = timestamp - timestamp % USECS_PER_SEC;

		if (rounding == ROUND_DOWN && second > timestamp)
			second -= USECS_PER_SEC;
		if (rounding == ROUND_UP && second < timestamp)
			second += USECS_PER_SEC;
		timestamp = second;
	}
	if (TIMESTAMP_NOT_FINITE(timestamp) || timestamp2tm(timestamp, NULL, &tm, &fraction, NULL, NULL) != 0)
		return NULL;
	if (tm.tm_year < 1 || tm.tm_year > 9999)
		return NULL;
	return psprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
					tm.tm_sec, (int) fraction);
}

/* A double's shortest form, always with an exponent: without one it would be a DECIMAL. */
static char *
double_text(float8 value)
{
	char		buffer[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(value) || isinf(value))
		return NULL;
	double_to_shortest_decimal_buf(value, buffer);
	return psprintf("%s%s", buffer, strchr(buffer, 'e') ? "" : "e0");
}

static int64
integer_value(Oid type, Datum value)
{
	return type == INT2OID ? DatumGetInt16(value) : type == INT4OID ? DatumGetInt32(value) : DatumGetInt64(value);
}

/* The value's text, without quotes; NULL where MySQL has no such value. */
static char *
value_text(Kind kind, Rounding rounding, Oid type, Datum value)
{
	char	   *digits;

	switch (kind)
	{
		case KIND_INTEGER:
			return psprintf(INT64_FORMAT, integer_value(type, value));
		case KIND_NUMERIC:
			digits = numeric_text(value);
			return decimal_fits(digits) ? digits : NULL;
		case KIND_DOUBLE:
			return double_text(DatumGetFloat8(value));
		case KIND_DATE:
			return date_text(DatumGetDateADT(value));
		case KIND_TIMESTAMP:
		case KIND_TIMESTAMPTZ:
			/* the session's time zone is UTC */
			return timestamp_text(DatumGetTimestamp(value), rounding);
		case KIND_TEXT:
			return TextDatumGetCString(value);
		default:
			return NULL;
	}
}

bool
deparse_can_print(const Const *constant, Kind kind)
{
	/* rounding up may leave the range of years */
	return constant->constisnull ||
		(value_text(kind, ROUND_DOWN, constant->consttype, constant->constvalue) != NULL &&
		 value_text(kind, ROUND_UP, constant->consttype, constant->constvalue) != NULL);
}

static int
text_scale(const char *digits)
{
	const char *point = strchr(digits, '.');
	int			scale = point ? strlen(point + 1) : 0;

	while (scale > 0 && point[scale] == '0')
		scale--;
	return scale;
}

int
deparse_scale(const Const *constant)
{
	return constant->constisnull ? 0 : text_scale(numeric_text(constant->constvalue));
}

void
deparse_elements(ArrayType *array, Datum **values, bool **nulls, int *count)
{
	int16		length;
	bool		byvalue;
	char		align;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &byvalue, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, byvalue, align, values, nulls, count);
}

static void
deparse_value(StringInfo sql, Kind kind, Rounding rounding, Oid type, Datum value, bool null)
{
	char	   *text = null ? NULL : value_text(kind, rounding, type, value);

	if (null)
		appendStringInfoString(sql, "NULL");
	else if (text == NULL)
		elog(ERROR, "constant of kind %d cannot be printed", (int) kind);
	else if (kind == KIND_TEXT)
		deparse_string(sql, text, strlen(text));
	else if (kind == KIND_DATE)
		appendStringInfo(sql, "DATE'%s'", text);
	else if (kind == KIND_TIMESTAMP || kind == KIND_TIMESTAMPTZ)
		appendStringInfo(sql, "TIMESTAMP'%s'", text);
	else
		appendStringInfoString(sql, text);
}

bool
deparse_param(Kind kind, Rounding rounding, Oid type, Datum value, bool null, ClientParam *param, int *scale)
{
	char	   *text;

	memset(param, 0, sizeof(*param));
	*scale = 0;
	if (null)
		return true;
	if (kind == KIND_INTEGER)
	{
		param->type = PARAM_IS_INTEGER;
		param->integer = integer_value(type, value);
		return true;
	}
	text = value_text(kind, rounding, type, value);
	if (text == NULL)
		return false;
	if (kind == KIND_NUMERIC)
		*scale = text_scale(text);
	if (kind == KIND_DOUBLE)
	{
		param->type = PARAM_IS_DOUBLE;
		param->number = DatumGetFloat8(value);
		return true;
	}
	param->type = PARAM_IS_STRING;
	param->string = pg_server_to_any(text, strlen(text), PG_UTF8);
	param->length = strlen(param->string);
	return true;
}

/* Strings become what they stand for before they are compared. */
static const char *
placeholder(Kind kind)
{
	switch (kind)
	{
		case KIND_NUMERIC:
			return "CAST(? AS DECIMAL(65,30))";
		case KIND_DATE:
			return "CAST(? AS DATE)";
		case KIND_TIMESTAMP:
		case KIND_TIMESTAMPTZ:
			return "CAST(? AS DATETIME(6))";
		default:
			return "?";
	}
}

/* ---- conditions ---- */

static void
add_proof(Deparse *deparse, AttrNumber attnum, Kind kind, int bits)
{
	deparse->proofs = lappend_int(deparse->proofs, attnum);
	deparse->proofs = lappend_int(deparse->proofs, kind);
	deparse->proofs = lappend_int(deparse->proofs, bits);
}

static void
deparse_column(Deparse *deparse, Var *column, Kind kind)
{
	add_proof(deparse, column->varattno, kind, 0);
	deparse_identifier(&deparse->sql, deparse_column_name(deparse->relid, column->varattno));
}

/* A constant, or a parameter; "column" is what it is compared with. */
static void
deparse_operand_value(Deparse *deparse, Expr *expr, Kind kind, Rounding rounding, Var *column)
{
	Const	   *constant = (Const *) expr;

	if (IsA(expr, Const))
	{
		if (kind == KIND_NUMERIC)
			add_proof(deparse, column->varattno, pushdown_kind(column->vartype), deparse_scale(constant) << PROOF_SCALE_SHIFT);
		deparse_value(&deparse->sql, kind, rounding, constant->consttype, constant->constvalue, constant->constisnull);
		return;
	}
	deparse->params = lappend(deparse->params, expr);
	deparse->param_kinds = lappend_int(deparse->param_kinds, kind);
	deparse->param_kinds = lappend_int(deparse->param_kinds, rounding);
	deparse->param_kinds = lappend_int(deparse->param_kinds, column->varattno);
	appendStringInfoString(&deparse->sql, placeholder(kind));
}

/* With a rounded value, what is equal to it must come through. */
static const char *
operator_name(const Operator *operator, Rounding rounding)
{
	if (rounding == ROUND_NOT)
		return operator->name;
	return operator->name[0] == '<' ? "<=" : ">=";
}

static void
deparse_operator(Deparse *deparse, OpExpr *expr)
{
	const Operator *operator = pushdown_operator(expr->opfuncid);
	Expr	   *left = linitial(expr->args);
	Expr	   *right = lsecond(expr->args);
	Var		   *left_column = pushdown_column(deparse->rel, left);
	Var		   *right_column = pushdown_column(deparse->rel, right);
	Rounding	rounding = ROUND_NOT;

	if (left_column == NULL || right_column == NULL)
		rounding = pushdown_rounding(operator, left_column ? right : left, left_column == NULL);
	if (left_column != NULL)
		deparse_column(deparse, left_column, pushdown_kind(left_column->vartype));
	else
		deparse_operand_value(deparse, left, operator->left, rounding, right_column);
	appendStringInfo(&deparse->sql, " %s ", operator_name(operator, rounding));
	if (right_column != NULL)
		deparse_column(deparse, right_column, pushdown_kind(right_column->vartype));
	else
		deparse_operand_value(deparse, right, operator->right, rounding, left_column);
}

static void
deparse_list(Deparse *deparse, ScalarArrayOpExpr *expr)
{
	const Operator *operator = pushdown_operator(expr->opfuncid);
	Var		   *column = pushdown_column(deparse->rel, linitial(expr->args));
	ArrayType  *elements = DatumGetArrayTypeP(lsecond_node(Const, expr->args)->constvalue);
	Const		element = *lsecond_node(Const, expr->args);
	Datum	   *values;
	bool	   *nulls;
	int			n;

	element.consttype = ARR_ELEMTYPE(elements);
	deparse_elements(elements, &values, &nulls, &n);
	deparse_column(deparse, column, pushdown_kind(column->vartype));
	appendStringInfoString(&deparse->sql, expr->useOr ? " IN (" : " NOT IN (");
	for (int i = 0; i < n; i++)
	{
		element.constvalue = values[i];
		element.constisnull = nulls[i];
		if (i > 0)
			appendStringInfoString(&deparse->sql, ", ");
		deparse_operand_value(deparse, (Expr *) &element, operator->right, ROUND_NOT, column);
	}
	appendStringInfoChar(&deparse->sql, ')');
}

static void
deparse_bool(Deparse *deparse, BoolExpr *expr)
{
	const char *word = expr->boolop == AND_EXPR ? " AND " : " OR ";
	ListCell   *lc;

	if (expr->boolop == NOT_EXPR)
	{
		appendStringInfoString(&deparse->sql, "NOT ");
		deparse_condition(deparse, linitial(expr->args));
		return;
	}
	foreach(lc, expr->args)
	{
		if (lc != list_head(expr->args))
			appendStringInfoString(&deparse->sql, word);
		deparse_condition(deparse, lfirst(lc));
	}
}

static void
deparse_null_test(Deparse *deparse, NullTest *expr)
{
	Var		   *column = pushdown_column(deparse->rel, expr->arg);

	/* MySQL's NOT (d IS NOT NULL) is its d IS NULL, which a zero date is. */
	deparse_column(deparse, column, pushdown_is_date(pushdown_kind(column->vartype)) ? KIND_ANY : KIND_TIMELESS);
	appendStringInfoString(&deparse->sql, expr->nulltesttype == IS_NULL ? " IS NULL" : " IS NOT NULL");
}

/* In parentheses, so that no precedence matters. */
static void
deparse_condition(Deparse *deparse, Expr *expr)
{
	appendStringInfoChar(&deparse->sql, '(');
	switch (nodeTag(expr))
	{
		case T_OpExpr:
			deparse_operator(deparse, (OpExpr *) expr);
			break;
		case T_ScalarArrayOpExpr:
			deparse_list(deparse, (ScalarArrayOpExpr *) expr);
			break;
		case T_BoolExpr:
			deparse_bool(deparse, (BoolExpr *) expr);
			break;
		case T_NullTest:
			deparse_null_test(deparse, (NullTest *) expr);
			break;
		case T_Var:
			deparse_column(deparse, (Var *) expr, KIND_BOOL);
			appendStringInfoString(&deparse->sql, " <> 0");
			break;
		default:
			elog(ERROR, "unexpected node %d in a remote condition", (int) nodeTag(expr));
	}
	appendStringInfoChar(&deparse->sql, ')');
}

void
deparse_where(Deparse *deparse, List *conditions)
{
	ListCell   *lc;

	foreach(lc, conditions)
	{
		appendStringInfoString(&deparse->sql, lc == list_head(conditions) ? " WHERE " : " AND ");
		deparse_condition(deparse, lfirst_node(RestrictInfo, lc)->clause);
	}
}

/* ---- order ---- */

static bool
sorts_alike(Kind kind)
{
	switch (kind)
	{
		case KIND_INTEGER:
		case KIND_NUMERIC:
		case KIND_DOUBLE:
		case KIND_DATE:
		case KIND_TIMESTAMP:
		case KIND_TIMESTAMPTZ:
			return true;
		default:
			return false;
	}
}

static bool
is_declared_not_null(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum));
	bool		not_null = HeapTupleIsValid(tuple) && ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return not_null;
}

/* MySQL puts NULL below every value. */
static Var *
order_column(RelOptInfo *rel, PathKey *pathkey, Var *column, int *proof)
{
	RemoteTable *table = rel->fdw_private;
	Kind		kind = pushdown_kind(column->vartype);

	if (!sorts_alike(kind) || (kind >= KIND_DATE && pushdown_zero_dates(table, column)))
		return NULL;
	*proof = PROOF_SORTED;
	if (pathkey->pk_nulls_first == !compat_pathkey_descending(pathkey))
		return column;
	*proof |= PROOF_NOT_NULL;
	return is_declared_not_null(table->relid, column->varattno) ? column : NULL;
}

Var *
deparse_order_column(PlannerInfo *root, RelOptInfo *rel, PathKey *pathkey, int *proof)
{
	EquivalenceClass *class = pathkey->pk_eclass;
	ListCell   *lc;

	/* An order of somebody's own is not MySQL's. */
	if (class->ec_has_volatile || pathkey->pk_opfamily >= FirstNormalObjectId)
		return NULL;
	foreach(lc, class->ec_members)
	{
		EquivalenceMember *member = lfirst_node(EquivalenceMember, lc);
		Var		   *column = (Var *) member->em_expr;

		if (member->em_is_child || !IsA(column, Var) || !bms_equal(member->em_relids, rel->relids))
			continue;
		if (column->varattno > 0 && (column = order_column(rel, pathkey, column, proof)) != NULL)
			return column;
	}
	return NULL;
}

void
deparse_order(Deparse *deparse, List *pathkeys)
{
	ListCell   *lc;

	foreach(lc, pathkeys)
	{
		PathKey    *pathkey = lfirst_node(PathKey, lc);
		int			proof = 0;
		Var		   *column = deparse_order_column(deparse->root, deparse->rel, pathkey, &proof);

		if (column == NULL)
			elog(ERROR, "sort key without a column");
		appendStringInfoString(&deparse->sql, lc == list_head(pathkeys) ? " ORDER BY " : ", ");
		add_proof(deparse, column->varattno, pushdown_kind(column->vartype), proof);
		deparse_identifier(&deparse->sql, deparse_column_name(deparse->relid, column->varattno));
		if (compat_pathkey_descending(pathkey))
			appendStringInfoString(&deparse->sql, " DESC");
	}
}
