/*
 * openweather_option.h
 *		The options of servers and user mappings of the wrapper "openweather". What is done with them, openweather.c knows.
 */
#ifndef MEDALLION_OPENWEATHER_OPTION_H
#define MEDALLION_OPENWEATHER_OPTION_H

#include "postgres.h"

#include "foreign/foreign.h"

#pragma GCC visibility push(hidden)

typedef struct WeatherOptions
{
	char	   *url;			/* without a query */
	char	   *units;			/* as it is sent */
	char	   *lang;			/* NULL: the service's default */
	char	   *ca_file;		/* NULL: the system's certificates */
	bool		allow_plaintext_key;
	int			timeout;		/* ms, of all cities together */
	int			request_timeout;	/* ms */
	int			retries;
	char	   *api_key;
} WeatherOptions;

/* Those of a server for a role, in the current memory context; ERROR where it may not use the server or has no key. */
extern WeatherOptions *openweather_options(const char *server, Oid role);

#pragma GCC visibility pop

#endif							/* MEDALLION_OPENWEATHER_OPTION_H */
