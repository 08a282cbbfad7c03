/*
 * webhook.c
 *		The wrapper "webhook": servers without tables, to which post_json() sends one JSON document.
 *
 * Addresses of webhooks are secrets, as who knows one can post: they stand in the user mapping, and no message has them.
 */
#include "postgres.h"

#include "service.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "common/http.h"
#include "common/option.h"
#include "common/remote.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#define WRAPPER "webhook"
/* What of an answer's body is kept for the message of an error. */
#define ANSWER_MAX 200
#define URL_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%"

typedef struct WebhookOptions
{
	int			timeout;		/* ms */
	char	   *ca_file;		/* NULL: the system's certificates */
	bool		allow_plaintext_url;
	char	   *url;
	char	   *authorization;	/* NULL: no such header */
} WebhookOptions;

#define FIELD(name) offsetof(WebhookOptions, name)

static const OptionDef options[] = {
	{"timeout", OPTION_SERVER, OPTION_TIME, FIELD(timeout), "10s",
	 "How long one post may take, from the connection to the last byte of the answer.", 100, 600000},
	{"ca_file", OPTION_SERVER, OPTION_STRING, FIELD(ca_file), NULL,
	 "File of certificates (PEM) that the service's certificate must lead to; without it, the system's.",
	 .flags = OPTION_FILE},
	{"allow_plaintext_url", OPTION_SERVER, OPTION_BOOL, FIELD(allow_plaintext_url), "false",
	 "Post to an address that begins with http:// on another machine too: it can be read on the way there."},
	{"url", OPTION_MAPPING, OPTION_STRING, FIELD(url), NULL, "Address to which alerts are posted.",
	 .flags = OPTION_REQUIRED | OPTION_SECRET},
	{"authorization", OPTION_MAPPING, OPTION_STRING, FIELD(authorization), NULL,
	 "Value of the header Authorization, such as Bearer and a token.", .flags = OPTION_SECRET},
	{NULL}};

static void
check_mapping(List *list)
{
	WebhookOptions o = {0};

	option_read(options, list, &o);
	if (!service_url_valid(o.url, URL_CHARACTERS))
		ereport(ERROR,
				errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				errmsg("invalid value for option \"url\""),
				errhint("It is an address that begins with https://."));
	if (o.authorization != NULL && strpbrk(o.authorization, "\r\n") != NULL)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				errmsg("invalid value for option \"authorization\""),
				errhint("It is one line."));
}

PG_FUNCTION_INFO_V1(medallion_webhook_validator);
Datum
medallion_webhook_validator(PG_FUNCTION_ARGS)
{
	List	   *list = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);

	option_validate(options, list, catalog);
	if (catalog == UserMappingRelationId)
		check_mapping(list);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_webhook_options);
Datum
medallion_webhook_options(PG_FUNCTION_ARGS)
{
	return option_rows(fcinfo, options);
}

static WebhookOptions *
webhook_options(const char *name, Oid role)
{
	ForeignServer *server = service_server(name, WRAPPER, role, "url");
	WebhookOptions *o = palloc0(sizeof(WebhookOptions));

	option_defaults(options, o);
	option_read(options, server->options, o);
	option_read(options, GetUserMapping(role, server->serverid)->options, o);
	if (service_url_exposed(o->url) && !o->allow_plaintext_url)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				errmsg("the address of server \"%s\" begins with http://: it could be read on the way", name),
				errhint("Use https://, or set allow_plaintext_url of the server to true."));
	return o;
}

PG_FUNCTION_INFO_V1(medallion_check_webhook);
Datum
medallion_check_webhook(PG_FUNCTION_ARGS)
{
	(void) webhook_options(NameStr(*PG_GETARG_NAME(0)), GetUserId());
	PG_RETURN_VOID();
}

/* The beginning of what the service answered. */
static char *
read_answer(HttpRequest *request)
{
	StringInfoData answer;
	char		buffer[1024];
	size_t		read;

	initStringInfo(&answer);
	while ((read = http_read(request, buffer, sizeof(buffer))) > 0)
		if (answer.len < ANSWER_MAX)
			appendBinaryStringInfo(&answer, buffer, Min(read, ANSWER_MAX - answer.len));
	return answer.data;
}

static void
check_answer(const char *server, const WebhookOptions *o, HttpRequest *request)
{
	const char *secrets[] = {o->url, o->authorization};
	char	   *answer = http_answered(request) ? read_answer(request) : NULL;
	int			status = http_status(request);

	if (http_outcome(request) != HTTP_COMPLETE)
		ereport(ERROR,
				errcode(ERRCODE_CONNECTION_FAILURE),
				errmsg("could not post to server \"%s\"", server),
				errdetail_internal("%s", http_outcome(request) == HTTP_EXPIRED
								   ? psprintf("There was no answer within %g s.", o->timeout / 1000.0)
								   : remote_message(http_message(request), secrets, lengthof(secrets))));
	if (status < 200 || status > 299)
		ereport(ERROR,
				errcode(status >= 500 || status == 429 ? ERRCODE_CONNECTION_FAILURE : ERRCODE_FDW_ERROR),
				errmsg("server \"%s\" answered with HTTP status %d", server, status),
				*answer ? errdetail_internal("%s", remote_message(answer, secrets, lengthof(secrets))) : 0);
}

static void
post(const char *server, const WebhookOptions *o, const char *body, HttpPool *pool)
{
	char	   *authorization = o->authorization ? psprintf("Authorization: %s", o->authorization) : NULL;
	const char *headers[] = {"Content-Type: application/json", "User-Agent: pg_medallion", authorization, NULL};
	HttpSpec	spec = {.method = "POST",.url = o->url,.headers = headers,.body = body,.body_length = strlen(body),
		.ca_file = o->ca_file,.window = 64 * 1024};
	HttpRequest *request;

	http_pool_limit(pool, deadline_in(o->timeout), false);
	request = http_start(pool, &spec);
	check_answer(server, o, request);
	http_close(request);
}

PG_FUNCTION_INFO_V1(medallion_post_json);
Datum
medallion_post_json(PG_FUNCTION_ARGS)
{
	const char *server = NameStr(*PG_GETARG_NAME(0));
	WebhookOptions *o = webhook_options(server, GetUserId());
	Jsonb	   *document = PG_GETARG_JSONB_P(1);
	char	   *body = JsonbToCString(NULL, &document->root, VARSIZE(document));
	HttpPool   *pool = http_pool_create();

	PG_TRY();
	{
		post(server, o, pg_server_to_any(body, strlen(body), PG_UTF8), pool);
	}
	PG_FINALLY();
	{
		http_pool_destroy(pool);
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}
