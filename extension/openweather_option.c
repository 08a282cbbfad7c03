/*
 * openweather_option.c
 *		The option table of the wrapper "openweather", its validator, and who may use a server.
 *
 * The wrapper has no handler: its servers hold an address, its user mappings a key, and medallion.openweather() uses them.
 */
#include "postgres.h"

#include "openweather_option.h"
#include "service.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "access/reloptions.h"
#include "common/compat.h"
#include "common/option.h"

#define WRAPPER "openweather"
/* OpenWeather's keys have 32; the test is for what cannot be hidden in a message because it is a word. */
#define MIN_KEY 8
#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define URL_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]%"

#define FIELD(name) offsetof(WeatherOptions, name)

static const OptionDef options[] = {
	{"url", OPTION_SERVER, OPTION_STRING, FIELD(url), "https://api.openweathermap.org/data/2.5/weather",
	 "Address of the current weather service, without a query."},
	{"units", OPTION_SERVER, OPTION_STRING, FIELD(units), "standard",
	 "Units that are asked for: standard (kelvin, m/s), metric (Celsius, m/s) or imperial (Fahrenheit, mph)."},
	{"lang", OPTION_SERVER, OPTION_STRING, FIELD(lang), NULL,
	 "Language of the descriptions, such as de or pt_br; without it, the service's default."},
	{"ca_file", OPTION_SERVER, OPTION_STRING, FIELD(ca_file), NULL,
	 "File of certificates (PEM) that the service's certificate must lead to; without it, the system's.",
	 .flags = OPTION_FILE},
	{"allow_plaintext_key", OPTION_SERVER, OPTION_BOOL, FIELD(allow_plaintext_key), "false",
	 "Let the url be http:// on another machine too: the key can be read on the way there."},
	{"timeout", OPTION_SERVER, OPTION_TIME, FIELD(timeout), "30s",
	 "How long asking for all cities may take, repetitions included.", 100, 3600000},
	{"request_timeout", OPTION_SERVER, OPTION_TIME, FIELD(request_timeout), "10s",
	 "How long one request may take, from the connection to the last byte of its answer.", 100, 3600000},
	{"retries", OPTION_SERVER, OPTION_INT, FIELD(retries), "3",
	 "How often a request is repeated after a passing failure (5xx, a lost connection, 429 with Retry-After).", 0, 100},
	{"api_key", OPTION_MAPPING, OPTION_STRING, FIELD(api_key), NULL, "Key of an OpenWeather account.",
	 .flags = OPTION_REQUIRED | OPTION_SECRET},
	{NULL}};

static void
reject_options(const char *message, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			errmsg("%s", message),
			errhint("%s", hint));
}

/* ---- what options may hold ---- */

/* Nothing in it may end the path, or name another host than it seems to. */
static void
check_url(const WeatherOptions *o)
{
	if (strncmp(o->url, "http", 4) != 0)
		reject_options("invalid value for option \"url\"", "It begins with https://.");
	if (!service_url_valid(o->url, URL_CHARACTERS))
		reject_options("invalid value for option \"url\"",
					   "It is scheme, host and path, such as https://api.openweathermap.org/data/2.5/weather; city, "
					   "units and key are added to it.");
	if (service_url_exposed(o->url) && !o->allow_plaintext_key)
		reject_options("the url begins with http://: the key could be read on the way",
					   "Use https://, or set allow_plaintext_key to true.");
}

static void
check_server(List *list)
{
	WeatherOptions o = {0};

	option_defaults(options, &o);
	option_read(options, list, &o);
	check_url(&o);
	if (strcmp(o.units, "standard") != 0 && strcmp(o.units, "metric") != 0 && strcmp(o.units, "imperial") != 0)
		reject_options("invalid value for option \"units\"", "Valid values are: standard, metric, imperial.");
	if (o.lang != NULL && (strlen(o.lang) < 2 || strlen(o.lang) > 8
						   || strspn(o.lang, "abcdefghijklmnopqrstuvwxyz_") != strlen(o.lang)))
		reject_options("invalid value for option \"lang\"", "It is a code of the service's, such as de or pt_br.");
}

/* The value is in no message. */
static void
check_mapping(List *list)
{
	WeatherOptions o = {0};

	option_read(options, list, &o);
	if (strlen(o.api_key) < MIN_KEY || strspn(o.api_key, KEY_CHARACTERS) != strlen(o.api_key))
		reject_options("invalid value for option \"api_key\"",
					   "A key has 32 letters and digits: see the page \"API keys\" of the OpenWeather account.");
}

PG_FUNCTION_INFO_V1(medallion_openweather_validator);
Datum
medallion_openweather_validator(PG_FUNCTION_ARGS)
{
	List	   *list = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);

	option_validate(options, list, catalog);
	if (catalog == ForeignServerRelationId)
		check_server(list);
	else if (catalog == UserMappingRelationId)
		check_mapping(list);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_openweather_options);
Datum
medallion_openweather_options(PG_FUNCTION_ARGS)
{
	return option_rows(fcinfo, options);
}

/* ---- a server for a role ---- */

WeatherOptions *
openweather_options(const char *name, Oid role)
{
	ForeignServer *server = service_server(name, WRAPPER, role, "api_key");
	WeatherOptions *o = palloc0(sizeof(WeatherOptions));

	option_defaults(options, o);
	option_read(options, server->options, o);
	option_read(options, GetUserMapping(role, server->serverid)->options, o);
	return o;
}
