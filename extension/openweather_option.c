/*
 * openweather_option.c
 *		The option table of the wrapper "openweather", its validator, and who may use a server.
 *
 * The wrapper has no handler: its servers hold an address, its user mappings a key, and medallion.openweather() uses them.
 */
#include "postgres.h"

#include "openweather_option.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "access/reloptions.h"
#include "common/compat.h"
#include "common/option.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/syscache.h"

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

/* The host of a URL, without its port, in lower case; NULL where there is none. */
static char *
url_host(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t		length = *host == '[' ? strcspn(host, "]/") + 1 : strcspn(host, ":/");

	if (length == 0 || (*host == '[' && host[length - 1] != ']'))
		return NULL;
	return asc_tolower(host, length);
}

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0
		|| (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

/* Nothing in it may end the path, or name another host than it seems to. */
static void
check_url(const WeatherOptions *o)
{
	bool		https = strncmp(o->url, "https://", 8) == 0;
	char	   *host;

	if (!https && strncmp(o->url, "http://", 7) != 0)
		reject_options("invalid value for option \"url\"", "It begins with https://.");
	host = url_host(o->url);
	if (host == NULL || strspn(o->url, URL_CHARACTERS) != strlen(o->url))
		reject_options("invalid value for option \"url\"",
					   "It is scheme, host and path, such as https://api.openweathermap.org/data/2.5/weather; city, "
					   "units and key are added to it.");
	if (!https && !is_loopback(host) && !o->allow_plaintext_key)
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

static void
check_wrapper(const ForeignServer *server)
{
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, WRAPPER) != 0)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("server \"%s\" is not a server of " WRAPPER, server->servername));
}

static bool
has_mapping(Oid role, Oid server)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role), ObjectIdGetDatum(server))
		|| SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid), ObjectIdGetDatum(server));
}

WeatherOptions *
openweather_options(const char *name, Oid role)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult	allowed = compat_server_aclcheck(server->serverid, role, ACL_USAGE);
	WeatherOptions *o = palloc0(sizeof(WeatherOptions));

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_SERVER, server->servername);
	check_wrapper(server);
	if (!has_mapping(role, server->serverid))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				errmsg("role \"%s\" has no key for server \"%s\"", GetUserNameFromId(role, false), server->servername),
				errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (api_key '...')",
						quote_identifier(GetUserNameFromId(role, false)), quote_identifier(server->servername)));
	option_defaults(options, o);
	option_read(options, server->options, o);
	option_read(options, GetUserMapping(role, server->serverid)->options, o);
	return o;
}
