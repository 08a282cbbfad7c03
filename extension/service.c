/*
 * service.c
 *		What the wrappers openweather and webhook share: who may use a server, and which addresses will do.
 */
#include "postgres.h"

#include "service.h"

#include "common/compat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/syscache.h"

static bool
has_mapping(Oid role, Oid server)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role), ObjectIdGetDatum(server))
		|| SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid), ObjectIdGetDatum(server));
}

ForeignServer *
service_server(const char *name, const char *wrapper, Oid role, const char *option)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult	allowed = compat_server_aclcheck(server->serverid, role, ACL_USAGE);
	const char *role_name = GetUserNameFromId(role, false);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_SERVER, server->servername);
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, wrapper) != 0)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("server \"%s\" is not a server of %s", server->servername, wrapper));
	if (!has_mapping(role, server->serverid))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				errmsg("role \"%s\" has no %s for server \"%s\"", role_name,
					   strcmp(option, "api_key") == 0 ? "key" : option, server->servername),
				errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (%s '...')",
						quote_identifier(role_name), quote_identifier(server->servername), option));
	return server;
}

/* The host of a URL, without its port, in lower case; NULL where there is none. */
static char *
url_host(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t		length = *host == '[' ? strcspn(host, "]/") + 1 : strcspn(host, ":/?");

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

static bool
is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0;
}

bool
service_url_valid(const char *url, const char *characters)
{
	return (is_https(url) || strncmp(url, "http://", 7) == 0)
		&& url_host(url) != NULL && strspn(url, characters) == strlen(url);
}

bool
service_url_exposed(const char *url)
{
	return !is_https(url) && !is_loopback(url_host(url));
}
