/*
 * number.h
 *		The numbers that tell apart the sessions that write to Kafka in transactions.
 */
#ifndef MEDALLION_KAFKA_NUMBER_H
#define MEDALLION_KAFKA_NUMBER_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/*
 * The least number that no other session of the database has for a user mapping and a kind of producer, which is any text.
 * It stays this session's until the session ends, unless pg_advisory_unlock_all() or DISCARD ALL gives it up.
 */
extern int	number_take(Oid umid, const char *kind);

/* Whether the number is still this session's, taken again if it was given up. */
extern bool number_keep(Oid umid, const char *kind, int number);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_NUMBER_H */
