/*
 * openweather_answer.h
 *		What the body of an answer of OpenWeather says. No network here.
 */
#ifndef MEDALLION_OPENWEATHER_ANSWER_H
#define MEDALLION_OPENWEATHER_ANSWER_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/* Overwrite every occurrence of the key with asterisks, in place, whatever the case of its letters. */
extern void answer_redact(char *body, size_t length, const char *key);

/*
 * Why a body cannot be used as a reading, or NULL where it is one JSON object in UTF-8. "body" ends with a NUL that
 * "length" does not count. No ERROR for what it holds.
 */
extern const char *answer_problem(char *body, size_t length);

/* The member "message" of a body that tells of an error, palloc'd, or NULL. The same body rules. */
extern char *answer_message(char *body, size_t length);

#pragma GCC visibility pop

#endif							/* MEDALLION_OPENWEATHER_ANSWER_H */
