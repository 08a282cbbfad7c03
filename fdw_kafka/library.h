/*
 * library.h
 *		What the files that call librdkafka share: configuration from settings, and its codes as ERRORs.
 *
 * Only client.c, consumer.c, admin.c and producer.c include this header, and with it the library's.
 */
#ifndef MEDALLION_KAFKA_LIBRARY_H
#define MEDALLION_KAFKA_LIBRARY_H

#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "common/compat.h"
#include "fdw_kafka/client.h"

#pragma GCC visibility push(hidden)

/*
 * A configuration with brokers, security, timeouts and silence (nothing is logged; errors come as events on the main
 * queue). The caller adds its own by library_set and gives it to library_new. ERROR where settings contradict each other.
 */
extern rd_kafka_conf_t *library_conf(const KafkaClient *client);

/* Set a property of our choosing; a refusal is a fault of this module, or of a library built without the feature. */
extern void library_set(const KafkaClient *client, rd_kafka_conf_t *conf, const char *name, const char *value);
extern void library_set_number(const KafkaClient *client, rd_kafka_conf_t *conf, const char *name, int64 value);

/* A handle, with signals blocked while its threads start; takes the configuration over, also where it fails with ERROR. */
extern rd_kafka_t *library_new(const KafkaClient *client, rd_kafka_type_t type, rd_kafka_conf_t *conf);

/*
 * Whether a handle may be kept for the next statement. In the library's releases from 2.4 to 2.10.0 one that knows a topic
 * frees memory twice, and the server with it goes down, when it meets another topic of that name (its issues 4964, 5051).
 */
extern bool library_reusable(void);

/*
 * Destroy a handle; queues, topics and messages must be gone. No ERROR. Does not wait for threads that hang in a name
 * lookup: after LIBRARY_DESTROY_MS it goes on in a thread of its own.
 */
#define LIBRARY_DESTROY_MS 200
extern void library_destroy(rd_kafka_t *handle);

/* The last error that the handle told of by itself, such as a refused connection. */
typedef struct LibraryTrouble
{
	rd_kafka_resp_err_t code;	/* NO_ERROR: none */
	bool		all_down;		/* every broker has failed since the last library_calm */
	bool		fatal;
	char		reason[512];
} LibraryTrouble;

/* Take what the handle told meanwhile off its main queue. No ERROR. */
extern void library_listen(rd_kafka_queue_t *main_queue, LibraryTrouble *trouble);
/* For a handle that has callbacks instead of events. No ERROR, no memory. */
extern void library_note(LibraryTrouble *trouble, rd_kafka_resp_err_t code, const char *reason, bool fatal);
extern void library_calm(LibraryTrouble *trouble);

/* What failed; fields that do not matter stay zero, partition stays -1. */
typedef struct LibraryFailure
{
	const char *action;			/* "read", "send to": "could not read topic ..." */
	const char *topic;			/* NULL: the server as a whole */
	int			partition;		/* -1: none */
	rd_kafka_resp_err_t code;
	const char *reason;			/* the library's words; NULL: those of the code */
	int			sqlstate;		/* 0: by the code */
	const char *hint;			/* NULL: by the code */
	const char *detail;			/* NULL: the reason; whole sentences */
} LibraryFailure;

pg_noreturn extern void library_raise(const KafkaClient *client, const LibraryFailure *failure);

/* Whether what failed may succeed when it is tried again within the timeout: leaders that move, lost connections. */
extern bool library_transient(rd_kafka_resp_err_t code);

/* A message of the library's that can be shown: without the mapping's secrets. */
extern char *library_message(const KafkaClient *client, const char *message);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_LIBRARY_H */
