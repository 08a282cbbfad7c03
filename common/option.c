/*
 * option.c
 *		Validate, read and list options by a module's table. What an option means is the module's affair.
 */
#include "postgres.h"

#include "common/option.h"

#include <math.h>

#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#define MAX_HINT_DISTANCE 4

/* The places, in the order in which documentation lists them. */
static const struct
{
	int			place;
	const char *name;			/* as documentation says it */
	const char *phrase;			/* as an error message says it */
} place_names[] = {
	{OPTION_SERVER, "server", "a server"},
	{OPTION_MAPPING, "user mapping", "a user mapping"},
	{OPTION_TABLE, "table", "a foreign table"},
	{OPTION_COLUMN, "column", "a column"},
	{OPTION_IMPORT, "import", "IMPORT FOREIGN SCHEMA"},
};

static const char *const type_names[] = {
	[OPTION_STRING] = "string",
	[OPTION_BOOL] = "boolean",
	[OPTION_INT] = "integer",
	[OPTION_BYTES] = "size",
	[OPTION_TIME] = "time",
	[OPTION_ENUM] = "enum",
	[OPTION_CHAR] = "character",
	[OPTION_IGNORED] = "ignored",
	[OPTION_REFUSED] = "refused",
};

static int
place_of_catalog(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return OPTION_SERVER;
		case UserMappingRelationId:
			return OPTION_MAPPING;
		case ForeignTableRelationId:
			return OPTION_TABLE;
		case AttributeRelationId:
			return OPTION_COLUMN;
		default:
			return 0;			/* the wrapper itself takes no options */
	}
}

static const char *
place_phrase(int place)
{
	for (int i = 0; i < lengthof(place_names); i++)
		if (place_names[i].place & place)
			return place_names[i].phrase;
	return "a foreign data wrapper";
}

static const OptionDef *
option_find(const OptionDef *defs, const char *name)
{
	for (; defs->name != NULL; defs++)
		if (strcmp(defs->name, name) == 0)
			return defs;
	return NULL;
}

/* The option that stands at "place" and is spelled most like "name", or NULL when nothing is near. */
static const char *
option_nearest(const OptionDef *defs, const char *name, int place)
{
	const char *best = NULL;
	int			best_distance = MAX_HINT_DISTANCE + 1;
	int			length = strlen(name);

	if (length > 63)
		return NULL;
	for (; defs->name != NULL; defs++)
	{
		int			distance;

		if ((defs->places & place) == 0 || defs->type == OPTION_REFUSED || defs->type == OPTION_IGNORED)
			continue;
		distance = varstr_levenshtein_less_equal(name, length, defs->name, strlen(defs->name),
												 1, 1, 1, best_distance - 1, true);
		if (distance < best_distance && distance <= Max(length, 2) / 2)
		{
			best = defs->name;
			best_distance = distance;
		}
	}
	return best;
}

/* Names of all options of a place, for the HINT of a name that is near to none. */
static char *
option_names(const OptionDef *defs, int place)
{
	StringInfoData names;

	initStringInfo(&names);
	for (; defs->name != NULL; defs++)
		if ((defs->places & place) && defs->type != OPTION_REFUSED && defs->type != OPTION_IGNORED)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", defs->name);
	return names.data;
}

static void
reject_unknown(const OptionDef *defs, const char *name, int place)
{
	const char *nearest = option_nearest(defs, name, place);
	char	   *names = option_names(defs, place);

	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			errmsg("invalid option \"%s\"", name),
			nearest ? errhint("Perhaps you meant the option \"%s\".", nearest)
			: names[0] ? errhint("Valid options of %s are: %s.", place_phrase(place), names)
			: errhint("There are no valid options of %s.", place_phrase(place)));
}

static void
reject_place(const OptionDef *def, int place)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			errmsg("option \"%s\" cannot be set on %s", def->name, place_phrase(place)),
			errhint("It is an option of %s.", place_phrase(def->places)));
}

/* A file of the server's may be named only by those who could read it anyway. */
static void
reject_file(const OptionDef *def)
{
	if (!(def->flags & OPTION_FILE) || has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		return;
	ereport(ERROR,
			errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("permission denied to set option \"%s\"", def->name),
			errdetail("Only roles with privileges of the role \"%s\" may name a file of the server.",
					  "pg_read_server_files"));
}

static void
reject_value(const OptionDef *def, const char *value, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			def->flags & OPTION_SECRET ? errmsg("invalid value for option \"%s\"", def->name)
			: errmsg("invalid value for option \"%s\": \"%s\"", def->name, value),
			hint ? errhint("%s", hint) : 0);
}

static char *
choice_names(const OptionDef *def)
{
	StringInfoData names;

	initStringInfo(&names);
	for (const OptionChoice *choice = def->choices; choice->name != NULL; choice++)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", choice->name);
	return names.data;
}

static int
parse_enum(const OptionDef *def, const char *value)
{
	for (const OptionChoice *choice = def->choices; choice->name != NULL; choice++)
		if (pg_strcasecmp(choice->name, value) == 0)
			return choice->value;
	reject_value(def, value, psprintf("Valid values are: %s.", choice_names(def)));
	return 0;					/* not reached */
}

static bool
parse_boolean(const OptionDef *def, const char *value)
{
	bool		result;

	if (!parse_bool(value, &result))
		reject_value(def, value, "Valid values are: true, false.");
	return result;
}

/* A number, with units for sizes and times, within the option's bounds. */
static double
parse_number(const OptionDef *def, const char *value)
{
	double		max = def->max;
	double		number;
	const char *hint = NULL;
	int			units = def->type == OPTION_BYTES ? GUC_UNIT_BYTE : def->type == OPTION_TIME ? GUC_UNIT_MS : 0;

	/* Times without a unit are seconds, as in the wrappers that users come from. */
	if (def->type == OPTION_TIME && value[0] != '\0' && strspn(value, "0123456789.") == strlen(value))
		value = psprintf("%ss", value);
	if (max == 0 && def->min == 0)
		max = def->type == OPTION_BYTES ? (double) PG_INT64_MAX / 2 : PG_INT32_MAX;
	if (!parse_real(value, &number, units, &hint) || isnan(number))
		reject_value(def, value, hint ? hint : "The value must be a number.");
	if (number < def->min || number > max)
		reject_value(def, value,
					 psprintf("The value must be between %.0f and %.0f%s.", def->min, max,
							  def->type == OPTION_BYTES ? " bytes" : def->type == OPTION_TIME ? " ms" : ""));
	return number;
}

static char
parse_char(const OptionDef *def, const char *value)
{
	if (strcmp(value, "\\t") == 0)
		return '\t';
	if (strlen(value) != 1)
		reject_value(def, value, "The value must be a single one-byte character.");
	return value[0];
}

/* Parse one value into its field; a NULL target only checks it. */
static void
option_store(const OptionDef *def, char *value, void *target)
{
	char	   *field = target ? (char *) target + def->offset : NULL;

	switch (def->type)
	{
		case OPTION_STRING:
			if (field)
				*(char **) field = value;
			break;
		case OPTION_BOOL:
			{
				bool		v = parse_boolean(def, value);

				if (field)
					*(bool *) field = v;
				break;
			}
		case OPTION_INT:
		case OPTION_TIME:
			{
				int			v = (int) rint(parse_number(def, value));

				if (field)
					*(int *) field = v;
				break;
			}
		case OPTION_BYTES:
			{
				int64		v = (int64) rint(parse_number(def, value));

				if (field)
					*(int64 *) field = v;
				break;
			}
		case OPTION_ENUM:
			{
				int			v = parse_enum(def, value);

				if (field)
					*(int *) field = v;
				break;
			}
		case OPTION_CHAR:
			{
				char		v = parse_char(def, value);

				if (field)
					*(char *) field = v;
				break;
			}
		case OPTION_IGNORED:
		case OPTION_REFUSED:
			break;
	}
}

static void
option_check(const OptionDef *defs, DefElem *elem, int place)
{
	const OptionDef *def = option_find(defs, elem->defname);

	if (def == NULL)
		reject_unknown(defs, elem->defname, place);
	if ((def->places & place) == 0)
		reject_place(def, place);
	if (def->type == OPTION_REFUSED)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				errmsg("option \"%s\" is not supported", def->name),
				errhint("%s", def->help));
	if (def->type == OPTION_IGNORED)
		ereport(WARNING,
				errcode(ERRCODE_WARNING),
				errmsg("option \"%s\" has no effect", def->name),
				errhint("%s", def->help));
	reject_file(def);
	option_store(def, defGetString(elem), NULL);
}

static void
option_check_required(const OptionDef *defs, List *options, int place)
{
	for (; defs->name != NULL; defs++)
	{
		ListCell   *lc;
		bool		found = false;

		if (!(defs->flags & OPTION_REQUIRED) || !(defs->places & place))
			continue;
		foreach(lc, options)
			if (strcmp(lfirst_node(DefElem, lc)->defname, defs->name) == 0)
				found = true;
		if (!found)
			ereport(ERROR,
					errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
					errmsg("option \"%s\" is required for %s", defs->name, place_phrase(place)));
	}
}

static void
option_check_list(const OptionDef *defs, List *options, int place)
{
	ListCell   *lc;

	foreach(lc, options)
		option_check(defs, lfirst_node(DefElem, lc), place);
	option_check_required(defs, options, place);
}

void
option_validate(const OptionDef *defs, List *options, Oid catalog)
{
	option_check_list(defs, options, place_of_catalog(catalog));
}

void
option_validate_import(const OptionDef *defs, List *options)
{
	option_check_list(defs, options, OPTION_IMPORT);
}

void
option_defaults(const OptionDef *defs, void *target)
{
	for (; defs->name != NULL; defs++)
		if (defs->default_value != NULL)
			option_store(defs, (char *) defs->default_value, target);
}

void
option_read(const OptionDef *defs, List *options, void *target)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *elem = lfirst_node(DefElem, lc);
		const OptionDef *def = option_find(defs, elem->defname);

		if (def != NULL)
			option_store(def, pstrdup(defGetString(elem)), target);
	}
}

static char *
places_text(int places)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < lengthof(place_names); i++)
		if (places & place_names[i].place)
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", place_names[i].name);
	return text.data;
}

Datum
option_rows(FunctionCallInfo fcinfo, const OptionDef *defs)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (; defs->name != NULL; defs++)
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = CStringGetTextDatum(defs->name);
		values[1] = CStringGetTextDatum(places_text(defs->places));
		values[2] = CStringGetTextDatum(defs->type == OPTION_ENUM ? choice_names(defs) : type_names[defs->type]);
		if (defs->default_value != NULL)
			values[3] = CStringGetTextDatum(defs->default_value);
		else
			nulls[3] = true;
		values[4] = CStringGetTextDatum(defs->help);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
