/*
 * client.c
 *		Servers and user mappings into clients, engines by their names, listings page by page.
 *
 * Here an endpoint is taken apart and checked. Requests are the engines'.
 */
#include "postgres.h"

#include "fdw_s3/client.h"

#include "common/connection.h"
#include "fdw_s3/native.h"
#include "fdw_s3/option.h"
#include "fdw_s3/pending.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* ---- settings ---- */

static void
reject_setting(const char *server, const char *problem, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			errmsg("cannot use server \"%s\": %s", server, problem),
			errhint("%s", hint));
}

/* The host of http://host[:port][/], without the port that the scheme implies. */
static char *
endpoint_host(const char *server, const char *endpoint, bool https)
{
	const char *usual = https ? ":443" : ":80";
	char	   *host = pstrdup(endpoint + (https ? strlen("https://") : strlen("http://")));
	size_t		length = strlen(host);

	if (strchr(host, '@') != NULL)
		reject_setting(server, "its endpoint holds a user name",
					   "Keys belong into the user mapping; the endpoint is scheme, host and port.");
	if (length > 0 && host[length - 1] == '/')
		host[--length] = '\0';
	if (length == 0 || strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") != length)
		reject_setting(server, "its endpoint is not a host and a port",
					   "An endpoint looks like https://s3.eu-central-1.amazonaws.com or http://127.0.0.1:9000.");
	if (length > strlen(usual) && host[length - strlen(usual)] == ':' && strcmp(host + length - strlen(usual), usual) == 0)
		host[length - strlen(usual)] = '\0';
	return host;
}

static void
check_keys(const char *server, const S3Settings *settings)
{
	bool		access = settings->access_key != NULL && *settings->access_key != '\0';
	bool		secret = settings->secret_key != NULL && *settings->secret_key != '\0';

	if (access != secret)
		reject_setting(server, "the user mapping has only one of access_key and secret_key",
					   "Set both, or neither for anonymous requests.");
	if (settings->session_token != NULL && !access)
		reject_setting(server, "the user mapping has a session_token, but no keys", "Set access_key and secret_key too.");
	if ((access && strpbrk(settings->access_key, "\r\n/, ") != NULL)
		|| (settings->session_token != NULL && strpbrk(settings->session_token, "\r\n") != NULL))
		reject_setting(server, "the user mapping's access_key or session_token holds a character that none has",
					   "Check the user mapping's options.");
}

/* ---- engines ---- */

/* The other engine is loaded when it is first asked for: most sessions never need its libraries. */
static const S3Transport *
load_libs3(void)
{
	const S3Transport *(*get) (void) = (const S3Transport *(*) (void))
		load_external_function("$libdir/fdw_s3_libs3", "fdw_s3_libs3_transport", true, NULL);

	return get();
}

static const S3Transport *
engine_of(const S3Settings *settings)
{
	return settings->engine == S3_ENGINE_LIBS3 ? load_libs3() : &native_transport;
}

/* ---- clients ---- */

static void
client_fill(S3Client *client, UserMapping *mapping)
{
	ForeignServer *server = GetForeignServer(mapping->serverid);

	client->server = pstrdup(server->servername);
	client->settings = s3_server_options(server, mapping)->settings;
	client->https = pg_strncasecmp(client->settings.endpoint, "https://", strlen("https://")) == 0;
	if (!client->https && pg_strncasecmp(client->settings.endpoint, "http://", strlen("http://")) != 0)
		reject_setting(client->server, "its endpoint is neither http:// nor https://", "Set the server option \"endpoint\".");
	client->host = endpoint_host(client->server, client->settings.endpoint, client->https);
	check_keys(client->server, &client->settings);
	if (client->settings.access_key != NULL && *client->settings.access_key == '\0')
		client->settings.access_key = NULL; /* anonymous */
	client->transport = engine_of(&client->settings);
	client->native = &native_transport;
}

static S3Client *
client_open(UserMapping *mapping)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "S3 client", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	S3Client   *client = palloc0(sizeof(S3Client));

	client->context = context;
	client_fill(client, mapping);
	MemoryContextSwitchTo(caller);
	/* Until here an ERROR frees it all; from here on the cache does. */
	MemoryContextSetParent(context, TopMemoryContext);
	return client;
}

static void
client_close(void *handle)
{
	S3Client   *client = (S3Client *) handle;

	pending_abandon(client);
	client->transport->disconnect(client);
	if (client->settings.secret_key != NULL)
		explicit_bzero(client->settings.secret_key, strlen(client->settings.secret_key));
	MemoryContextDelete(client->context);
}

static void
client_aborted(Connection *connection)
{
	client_limit((S3Client *) connection->handle, DEADLINE_NONE, false);
}

static const ConnectionClass client_class = {
	.name = "fdw_s3",
	.close = client_close,
	.aborted = client_aborted,
};

void
client_init(void)
{
	connection_init(&client_class);
}

S3Client *
client_get(Oid serverid, Oid userid)
{
	UserMapping *mapping = GetUserMapping(userid, serverid);
	Connection *connection = connection_get(mapping);

	if (connection->handle == NULL)
		connection->handle = client_open(mapping);
	return (S3Client *) connection->handle;
}

void
client_limit(S3Client *client, Deadline deadline, bool quiet)
{
	client->deadline = deadline;
	client->quiet = quiet;
	if (client->pool != NULL)
		http_pool_limit(client->pool, deadline, quiet);
}

/* ---- what scans call ---- */

struct S3Listing
{
	S3Client   *client;
	MemoryContext context;		/* of the listing and of what it returns */
	MemoryContext page_context;
	S3ListPage	page;
	bool		started;
	int			next;			/* in page.objects */
	char	   *last;			/* key of the last object returned */
};

S3Listing *
s3_list_begin(S3Client *client, const char *bucket, const char *prefix)
{
	S3Listing  *listing = palloc0(sizeof(S3Listing));

	listing->client = client;
	listing->context = CurrentMemoryContext;
	listing->page_context = AllocSetContextCreate(CurrentMemoryContext, "S3 page of a listing", ALLOCSET_DEFAULT_SIZES);
	listing->page.bucket = pstrdup(bucket);
	listing->page.prefix = pstrdup(prefix);
	return listing;
}

/* Fetch the next page; false after the last. */
static bool
next_page(S3Listing *listing)
{
	char	   *token = listing->page.token ? pstrdup(listing->page.token) : NULL;
	MemoryContext caller;

	if (listing->started && token == NULL)
		return false;
	MemoryContextReset(listing->page_context);
	caller = MemoryContextSwitchTo(listing->page_context);
	listing->page.token = token ? pstrdup(token) : NULL;
	listing->page.objects = NIL;
	listing->client->transport->list(listing->client, &listing->page);
	MemoryContextSwitchTo(caller);
	listing->started = true;
	listing->next = 0;
	return true;
}

/* Keys come in byte order of UTF-8: one that does not would mean a page read twice or left out. "shown" is for messages. */
static void
check_order(S3Listing *listing, const char *key, const char *shown)
{
	if (listing->last != NULL && strcmp(key, listing->last) <= 0)
		ereport(ERROR,
				errcode(ERRCODE_FDW_ERROR),
				errmsg("could not list bucket \"%s\"", listing->page.bucket),
				errdetail("The listing is not in order: \"%s\" came after a greater name.", shown));
	if (strncmp(shown, listing->page.prefix, strlen(listing->page.prefix)) != 0)
		ereport(ERROR,
				errcode(ERRCODE_FDW_ERROR),
				errmsg("could not list bucket \"%s\"", listing->page.bucket),
				errdetail("The listing holds \"%s\", which does not begin with \"%s\".", shown, listing->page.prefix));
	if (listing->last != NULL)
		pfree(listing->last);
	listing->last = MemoryContextStrdup(listing->context, key);
}

S3Object *
s3_list_next(S3Listing *listing)
{
	S3Object   *found;
	S3Object   *object;
	MemoryContext caller;

	while (!listing->started || listing->next >= list_length(listing->page.objects))
		if (!next_page(listing))
			return NULL;
	found = list_nth(listing->page.objects, listing->next++);
	caller = MemoryContextSwitchTo(listing->context);
	object = palloc(sizeof(S3Object));
	*object = *found;
	object->key = pg_any_to_server(found->key, strlen(found->key), PG_UTF8);
	if (object->key == found->key)
		object->key = pstrdup(found->key);
	object->etag = pstrdup(found->etag);
	check_order(listing, found->key, object->key);
	MemoryContextSwitchTo(caller);
	return object;
}

bool
s3_head(S3Client *client, const char *bucket, const char *key, S3Object *object)
{
	return client->transport->head(client, bucket, key, object);
}

S3Stream *
s3_open(S3Client *client, const char *bucket, const S3Object *object)
{
	return client->transport->open(client, bucket, object);
}

size_t
s3_read(S3Stream *stream, char *buffer, size_t size)
{
	return stream->client->transport->read(stream, buffer, size);
}

void
s3_close(S3Stream *stream)
{
	stream->client->transport->close(stream);
}
