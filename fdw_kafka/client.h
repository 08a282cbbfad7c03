/*
 * client.h
 *		Servers and user mappings as clients of the library, kept warm; consumers; questions about topics.
 *
 * What the rest of the module knows of Kafka, without the library's header: library.h has that, for the few files that
 * call it. A function here may raise an ERROR and wait, interruptibly, for read_timeout at most, unless it says otherwise.
 */
#ifndef MEDALLION_KAFKA_CLIENT_H
#define MEDALLION_KAFKA_CLIENT_H

#include "postgres.h"

#include "common/wait.h"
#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

typedef enum KafkaSecurity
{
	KAFKA_SECURITY_PLAINTEXT,
	KAFKA_SECURITY_SSL,
	KAFKA_SECURITY_SASL_PLAINTEXT,
	KAFKA_SECURITY_SASL_SSL
} KafkaSecurity;

typedef enum KafkaMechanism
{
	KAFKA_MECHANISM_PLAIN,
	KAFKA_MECHANISM_SCRAM_SHA_256,
	KAFKA_MECHANISM_SCRAM_SHA_512
} KafkaMechanism;

typedef enum KafkaIsolation
{
	KAFKA_ISOLATION_COMMITTED,
	KAFKA_ISOLATION_UNCOMMITTED
} KafkaIsolation;

/* What the library is told; options of the server unless said otherwise. */
typedef struct KafkaSettings
{
	char	   *brokers;
	int			security;		/* KafkaSecurity */
	int			mechanism;		/* KafkaMechanism */
	char	   *ca_file;
	char	   *certificate_file;
	char	   *key_file;
	bool		verify_hostname;
	bool		allow_plaintext_password;
	int			connect_timeout;	/* ms */
	int			read_timeout;	/* ms */
	int			send_timeout;	/* ms; producing */
	int64		fetch_budget;	/* bytes; of the table too */
	int			isolation;		/* KafkaIsolation; of the table too */
	/* mapping */
	char	   *username;
	char	   *password;
	char	   *key_password;
} KafkaSettings;

struct KafkaProducer;			/* producer.c's */

/* One user mapping's handle in the connection cache. */
typedef struct KafkaClient
{
	MemoryContext context;		/* of this struct and its settings; below TopMemoryContext */
	Oid			umid;			/* the user mapping */
	char	   *server;			/* its name */
	KafkaSettings settings;		/* those of the server and the mapping */
	struct KafkaConsumer *consumers;	/* idle ones */
	/* Producing: kept open ones, and what closes them, without an ERROR and bounded in time. NULL: none. */
	struct KafkaProducer *producers;
	void		(*close_producers) (struct KafkaClient *client);
} KafkaClient;

/* Call once, from _PG_init. */
extern void client_init(void);

/* The client of a role for a server, made when it is not there. Does not connect. */
extern KafkaClient *client_get(Oid serverid, Oid userid);

/* ---- consumers: one scan, or one question, has one at a time ---- */

typedef struct KafkaConsumer KafkaConsumer;
typedef struct KafkaRecord KafkaRecord;

/*
 * Take an idle consumer of that isolation and budget, or make one. It goes back, or is destroyed where it failed, by
 * consumer_release or when the current memory context is reset, whatever comes first.
 */
extern KafkaConsumer *consumer_acquire(KafkaClient *client, int isolation, int64 fetch_budget);
/* No ERROR, bounded in time. */
extern void consumer_release(KafkaConsumer *consumer);

/* One partition of a topic; offsets low <= readable < high. */
typedef struct KafkaPartition
{
	int			partition;
	int64		low;
	int64		high;
	int64		found;			/* out of consumer_find_times */
} KafkaPartition;

/* The partitions of a topic, in order, with their watermarks; ERROR where the topic does not exist. */
extern KafkaPartition *consumer_watermarks(KafkaConsumer *consumer, const char *topic, int *count);

/* For each: the first offset whose record's time (ms since 1970) is "time" or later, or its high where there is none. */
extern void consumer_find_times(KafkaConsumer *consumer, const char *topic, KafkaPartition *partitions, int count,
								int64 time);

/* Names of topics without internal ones, in order, and whether a topic exists: a List of char *. */
extern List *consumer_topics(KafkaConsumer *consumer);

extern char *consumer_cluster_id(KafkaConsumer *consumer);

/* Make a topic; false where it is there. "config" are pairs of name and value. */
extern bool consumer_create_topic(KafkaConsumer *consumer, const char *topic, int partitions, int replication,
								  char **config, int nconfig);

/* The value of one setting of a topic, or NULL where it has none. */
extern char *consumer_topic_config(KafkaConsumer *consumer, const char *topic, const char *name);

/* ---- reading ---- */

/* A record; what it points to lives until the next call of consumer_next. */
struct KafkaRecord
{
	int			partition;
	int64		offset;
	const char *key;			/* NULL: none */
	size_t		key_length;
	const char *value;			/* NULL: a tombstone */
	size_t		value_length;
	void	   *message;		/* the library's */
};

/* Begin to read a topic: once, before the partitions are started. */
extern void consumer_open(KafkaConsumer *consumer, const char *topic);
/* Begin to fetch a partition at an offset. */
extern void consumer_start(KafkaConsumer *consumer, int partition, int64 offset);
extern void consumer_stop(KafkaConsumer *consumer, int partition);

/*
 * The next record, or that a partition has nothing more now: then record->message is NULL and record->offset the one that
 * would come next. Waits; no progress for read_timeout is an ERROR.
 */
extern void consumer_next(KafkaConsumer *consumer, KafkaRecord *record);

/* Its time in ms since 1970. Type 0: it has none; 1: when it was made; 2: when it was appended to the log. */
extern int64 record_timestamp(const KafkaRecord *record, int *type);

/* The headers of a record, one after the other; false behind the last. "value" is NULL where the header has none. */
extern bool record_header(const KafkaRecord *record, int place, const char **name, const char **value,
						  size_t *value_length);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_CLIENT_H */
