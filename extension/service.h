/*
 * service.h
 *		Servers of wrappers without tables: an HTTP service and what a role needs to use it.
 */
#ifndef MEDALLION_SERVICE_H
#define MEDALLION_SERVICE_H

#include "postgres.h"

#include "foreign/foreign.h"

#pragma GCC visibility push(hidden)

/*
 * The server, if it is one of that wrapper's and the role may use it and has a user mapping; otherwise an ERROR, whose hint
 * names the mapping's option that is missing.
 */
extern ForeignServer *service_server(const char *server, const char *wrapper, Oid role, const char *option);

/* Whether a URL is https:// or http:// with a host, and nothing in it but the characters given. */
extern bool service_url_valid(const char *url, const char *characters);

/* Whether what is sent there can be read on the way. */
extern bool service_url_exposed(const char *url);

#pragma GCC visibility pop

#endif							/* MEDALLION_SERVICE_H */
