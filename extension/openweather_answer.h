/*
 * openweather_answer.h
 *		What the body of an answer of OpenWeather says. No network here.
 */
#ifndef MEDALLION_OPENWEATHER_ANSWER_H
#define MEDALLION_OPENWEATHER_ANSWER_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

typedef struct Answer
{
	const char *problem;		/* why it is no JSON object in UTF-8; NULL where it is one */
	int			code;			/* the service's own, which should equal the HTTP status; 0: none */
	char	   *message;		/* the service's words about a failure, UTF-8; NULL */
} Answer;

/* Overwrite every occurrence of the key with asterisks, in place, whatever the case of its letters. */
extern void answer_redact(char *body, size_t length, const char *key);

/* "body" ends with a NUL that "length" does not count. No ERROR for what it holds. */
extern void answer_read(const char *body, size_t length, Answer *answer);

#pragma GCC visibility pop

#endif							/* MEDALLION_OPENWEATHER_ANSWER_H */
