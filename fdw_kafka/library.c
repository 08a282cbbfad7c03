/*
 * library.c
 *		librdkafka's configuration, handles and codes as this module wants them. What is asked of Kafka, others know.
 */
#include "postgres.h"

#include "fdw_kafka/library.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "common/remote.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#define HINT_BROKERS "Check the server option \"brokers\", and that a broker listens there."
#define HINT_TIMEOUT "The server options connect_timeout and read_timeout say how long to wait."
#define HINT_LOGIN "Check username and password of the user mapping, and security_protocol and sasl_mechanism of the server."
#define HINT_TLS "Check security_protocol, ca_file, certificate_file and key_file of the server."
#define HINT_TOPIC "Check the topic's name, or make it with fdw_kafka_create_topic()."
#define HINT_AGAIN "The cluster is changing or busy; try again later."
#define HINT_RIGHTS "The user of the user mapping lacks a right in Kafka (an ACL)."

static const RemoteCode codes[] = {
	{RD_KAFKA_RESP_ERR__TRANSPORT, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, HINT_BROKERS},
	{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, HINT_BROKERS},
	{RD_KAFKA_RESP_ERR__RESOLVE, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, HINT_BROKERS},
	{RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, HINT_TIMEOUT},
	{RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, NULL},
	{RD_KAFKA_RESP_ERR__SSL, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, HINT_TLS},
	{RD_KAFKA_RESP_ERR__AUTHENTICATION, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_LOGIN},
	{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_LOGIN},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_LOGIN},
	{RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_LOGIN},
	{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, NULL, ERRCODE_FDW_TABLE_NOT_FOUND, HINT_TOPIC},
	{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, NULL, ERRCODE_FDW_TABLE_NOT_FOUND, HINT_TOPIC},
	{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, NULL, ERRCODE_FDW_TABLE_NOT_FOUND, NULL},
	{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, NULL, ERRCODE_INVALID_NAME, NULL},
	{RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, NULL, ERRCODE_DUPLICATE_TABLE, NULL},
	{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, NULL, ERRCODE_INSUFFICIENT_PRIVILEGE, HINT_RIGHTS},
	{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, NULL, ERRCODE_INSUFFICIENT_PRIVILEGE, HINT_RIGHTS},
	{RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, NULL, ERRCODE_INSUFFICIENT_PRIVILEGE, HINT_RIGHTS},
	{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, NULL, ERRCODE_INSUFFICIENT_PRIVILEGE, NULL},
	{RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, NULL, ERRCODE_T_R_SERIALIZATION_FAILURE, NULL},
	{RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, NULL, ERRCODE_T_R_SERIALIZATION_FAILURE, NULL},
	{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, NULL, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	 "The record is longer than the option max_message, or the topic's max.message.bytes, allows."},
	{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, NULL, ERRCODE_PROGRAM_LIMIT_EXCEEDED, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_RECORD, NULL, ERRCODE_CHECK_VIOLATION,
	 "A compacted topic takes no record without a key."},
	{RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, HINT_AGAIN},
	{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, HINT_AGAIN},
	{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, NULL, ERRCODE_INSUFFICIENT_RESOURCES, HINT_AGAIN},
	{RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, NULL, ERRCODE_INSUFFICIENT_RESOURCES, HINT_AGAIN},
	{RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, NULL, ERRCODE_IO_ERROR, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_CONFIG, NULL, ERRCODE_INVALID_PARAMETER_VALUE, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, NULL, ERRCODE_INVALID_PARAMETER_VALUE, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, NULL, ERRCODE_INVALID_PARAMETER_VALUE,
	 "A topic cannot have more replicas than the cluster has brokers."},
	{RD_KAFKA_RESP_ERR__BAD_MSG, NULL, ERRCODE_DATA_CORRUPTED, NULL},
	{RD_KAFKA_RESP_ERR_INVALID_MSG, NULL, ERRCODE_DATA_CORRUPTED, NULL},
	{RD_KAFKA_RESP_ERR__BAD_COMPRESSION, NULL, ERRCODE_DATA_CORRUPTED, NULL},
	{RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, NULL, ERRCODE_FEATURE_NOT_SUPPORTED, NULL},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, NULL, ERRCODE_FEATURE_NOT_SUPPORTED, NULL},
	{RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, NULL, ERRCODE_INSUFFICIENT_RESOURCES, HINT_AGAIN},
	{RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, NULL, ERRCODE_INSUFFICIENT_RESOURCES, NULL},
	{RD_KAFKA_RESP_ERR_PRODUCER_FENCED, NULL, ERRCODE_OBJECT_IN_USE, NULL},
	{0, NULL, 0, NULL}};

bool
library_transient(rd_kafka_resp_err_t code)
{
	switch (code)
	{
		case RD_KAFKA_RESP_ERR__TRANSPORT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
		case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		case RD_KAFKA_RESP_ERR__WAIT_CACHE:
		case RD_KAFKA_RESP_ERR__WAIT_COORD:
		case RD_KAFKA_RESP_ERR__NODE_UPDATE:
		case RD_KAFKA_RESP_ERR__PARTIAL:
		case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
		case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
		case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
		case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
		case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
		case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
		case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
		case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
		case RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND:
		case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
			return true;
		default:
			return false;
	}
}

char *
library_message(const KafkaClient *client, const char *message)
{
	const char *secrets[] = {client->settings.password, client->settings.key_password};

	return remote_message(message, secrets, lengthof(secrets));
}

/* ---- configuration ---- */

/* A property does not hold for this library, or the settings do not suit each other. The configuration is gone then. */
static void
reject_configuration(const KafkaClient *client, rd_kafka_conf_t *conf, const char *message)
{
	char	   *shown = library_message(client, message);

	if (conf != NULL)
		rd_kafka_conf_destroy(conf);
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			errmsg("cannot use server \"%s\"", client->server),
			errdetail("%s.", shown));
}

void
library_set(const KafkaClient *client, rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		message[512];

	if (rd_kafka_conf_set(conf, name, value, message, sizeof(message)) != RD_KAFKA_CONF_OK)
		reject_configuration(client, conf, message);
}

void
library_set_number(const KafkaClient *client, rd_kafka_conf_t *conf, const char *name, int64 value)
{
	char		text[32];

	snprintf(text, sizeof(text), INT64_FORMAT, value);
	library_set(client, conf, name, text);
}

static void
set_given(const KafkaClient *client, rd_kafka_conf_t *conf, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		library_set(client, conf, name, value);
}

static void
set_security(const KafkaClient *client, rd_kafka_conf_t *conf)
{
	static const char *const protocols[] = {
		[KAFKA_SECURITY_PLAINTEXT] = "plaintext",
		[KAFKA_SECURITY_SSL] = "ssl",
		[KAFKA_SECURITY_SASL_PLAINTEXT] = "sasl_plaintext",
		[KAFKA_SECURITY_SASL_SSL] = "sasl_ssl",
	};
	static const char *const mechanisms[] = {
		[KAFKA_MECHANISM_PLAIN] = "PLAIN",
		[KAFKA_MECHANISM_SCRAM_SHA_256] = "SCRAM-SHA-256",
		[KAFKA_MECHANISM_SCRAM_SHA_512] = "SCRAM-SHA-512",
	};
	const KafkaSettings *s = &client->settings;
	bool		tls = s->security == KAFKA_SECURITY_SSL || s->security == KAFKA_SECURITY_SASL_SSL;
	bool		sasl = s->security == KAFKA_SECURITY_SASL_PLAINTEXT || s->security == KAFKA_SECURITY_SASL_SSL;

	library_set(client, conf, "security.protocol", protocols[s->security]);
	if (tls)
	{
		/* Never left to the library's defaults, which have changed. */
		library_set(client, conf, "enable.ssl.certificate.verification", "true");
		library_set(client, conf, "ssl.endpoint.identification.algorithm", s->verify_hostname ? "https" : "none");
		set_given(client, conf, "ssl.ca.location", s->ca_file);
		set_given(client, conf, "ssl.certificate.location", s->certificate_file);
		set_given(client, conf, "ssl.key.location", s->key_file);
		set_given(client, conf, "ssl.key.password", s->key_password);
	}
	if (sasl)
	{
		if (s->username == NULL || s->password == NULL)
			reject_configuration(client, conf, "Its security_protocol needs username and password in the user mapping");
		library_set(client, conf, "sasl.mechanism", mechanisms[s->mechanism]);
		library_set(client, conf, "sasl.username", s->username);
		library_set(client, conf, "sasl.password", s->password);
	}
}

rd_kafka_conf_t *
library_conf(const KafkaClient *client)
{
	const KafkaSettings *s = &client->settings;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	library_set(client, conf, "bootstrap.servers", s->brokers);
	library_set(client, conf, "client.id", "fdw_kafka");
	set_security(client, conf);
	library_set_number(client, conf, "socket.connection.setup.timeout.ms", Max(s->connect_timeout, 1000));
	library_set_number(client, conf, "socket.timeout.ms", Min(Max(s->read_timeout, 2000), 10000));
	library_set(client, conf, "socket.nagle.disable", "true");
	library_set(client, conf, "socket.keepalive.enable", "true");
	library_set(client, conf, "reconnect.backoff.ms", "50");
	library_set(client, conf, "reconnect.backoff.max.ms", "1000");
	library_set(client, conf, "allow.auto.create.topics", "false");
	/* The library would write to the server's log from its own threads. */
	library_set(client, conf, "log_level", "0");
	rd_kafka_conf_set_log_cb(conf, NULL);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
	return conf;
}

/* ---- handles ---- */

rd_kafka_t *
library_new(const KafkaClient *client, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char		message[512];
	sigset_t	saved;
	rd_kafka_t *handle;

	signals_block(&saved);
	handle = rd_kafka_new(type, conf, message, sizeof(message));
	signals_restore(&saved);
	if (handle == NULL)
		reject_configuration(client, conf, message);
	return handle;
}

bool
library_reusable(void)
{
	return rd_kafka_version() < 0x02040000 || rd_kafka_version() >= 0x020a0100;
}

/* A handle on its way out, shared by the backend and the thread that destroys it: who comes last frees this. */
typedef struct Departure
{
	rd_kafka_t *handle;
	sem_t		done;
	int			holders;
} Departure;

static void
departure_leave(Departure *departure)
{
	if (__atomic_sub_fetch(&departure->holders, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	sem_destroy(&departure->done);
	free(departure);
}

/* Runs in a thread of its own, with all signals blocked: nothing of PostgreSQL may be touched. */
static void *
departure_run(void *arg)
{
	Departure  *departure = arg;

	rd_kafka_destroy_flags(departure->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	sem_post(&departure->done);
	departure_leave(departure);
	return NULL;
}

static bool
departure_begin(Departure *departure)
{
	pthread_t	thread;
	sigset_t	saved;
	int			failure;

	signals_block(&saved);
	failure = pthread_create(&thread, NULL, departure_run, departure);
	if (failure == 0)
		pthread_detach(thread);
	signals_restore(&saved);
	return failure == 0;
}

static void
departure_wait(Departure *departure)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LIBRARY_DESTROY_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (sem_timedwait(&departure->done, &until) != 0 && errno == EINTR)
		continue;
}

void
library_destroy(rd_kafka_t *handle)
{
	Departure  *departure = malloc(sizeof(Departure));

	if (departure == NULL)
	{
		rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
		return;
	}
	departure->handle = handle;
	departure->holders = 2;
	sem_init(&departure->done, 0, 0);
	if (departure_begin(departure))
		departure_wait(departure);
	else
		departure_run(departure);
	departure_leave(departure);
}

/* ---- what a handle tells by itself ---- */

void
library_calm(LibraryTrouble *trouble)
{
	memset(trouble, 0, sizeof(LibraryTrouble));
}

void
library_note(LibraryTrouble *trouble, rd_kafka_resp_err_t code, const char *reason, bool fatal)
{
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
	{
		/* What happened to one of them says more. */
		trouble->all_down = true;
		if (trouble->code != RD_KAFKA_RESP_ERR_NO_ERROR)
			return;
	}
	if (trouble->fatal)
		return;
	trouble->fatal = fatal;
	trouble->code = code;
	strlcpy(trouble->reason, reason, sizeof(trouble->reason));
}

void
library_listen(rd_kafka_queue_t *main_queue, LibraryTrouble *trouble)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(main_queue, 0)) != NULL)
	{
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
			library_note(trouble, rd_kafka_event_error(event), rd_kafka_event_error_string(event),
						 rd_kafka_event_error_is_fatal(event));
		rd_kafka_event_destroy(event);
	}
}

/* ---- errors ---- */

static char *
subject(const KafkaClient *client, const LibraryFailure *failure)
{
	if (failure->topic != NULL && failure->partition >= 0)
		return psprintf("topic \"%s\" partition %d", failure->topic, failure->partition);
	if (failure->topic != NULL)
		return psprintf("topic \"%s\"", failure->topic);
	return psprintf("server \"%s\"", client->server);
}

static char *
detail(const KafkaClient *client, const LibraryFailure *failure)
{
	char	   *text;
	size_t		length;

	if (failure->detail != NULL)
		return pstrdup(failure->detail);
	text = library_message(client, failure->reason && *failure->reason ? failure->reason : rd_kafka_err2str(failure->code));
	length = strlen(text);
	return length > 0 && text[length - 1] == '.' ? text : psprintf("%s.", text);
}

void
library_raise(const KafkaClient *client, const LibraryFailure *failure)
{
	const RemoteCode *row = remote_code(codes, failure->code, NULL);
	int			sqlstate = failure->sqlstate ? failure->sqlstate : row ? row->sqlstate : ERRCODE_FDW_ERROR;
	const char *hint = failure->hint ? failure->hint : row ? row->hint : NULL;

	ereport(ERROR,
			errcode(sqlstate),
			errmsg("could not %s %s", failure->action, subject(client, failure)),
			errdetail("%s", detail(client, failure)),
			hint ? errhint("%s", hint) : 0);
}
