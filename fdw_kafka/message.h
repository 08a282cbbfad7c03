/*
 * message.h
 *		One message on its way to Kafka: bytes, and nothing about where they came from or how they are sent.
 */
#ifndef MEDALLION_KAFKA_MESSAGE_H
#define MEDALLION_KAFKA_MESSAGE_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/* The length of a value that is NULL, which Kafka tells from an empty one. */
#define MESSAGE_NULL (-1)
/* A partition that nobody named: the key decides. */
#define MESSAGE_ANY_PARTITION (-1)

/*
 * Headers are one block: for each, the length of its name (int32), the length of its value (int32, or MESSAGE_NULL), the
 * name, the value.
 */
typedef struct KafkaMessage
{
	int32		partition;
	int64		timestamp;		/* ms since 1970; 0: when it is sent */
	int32		key_length;
	int32		value_length;
	int32		headers_length;
	const char *key;
	const char *value;
	const char *headers;
} KafkaMessage;

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_MESSAGE_H */
