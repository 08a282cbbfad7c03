/*
 * native.h
 *		The default engine: our own signatures over common/http.
 */
#ifndef MEDALLION_S3_NATIVE_H
#define MEDALLION_S3_NATIVE_H

#include "postgres.h"

#include "fdw_s3/transport.h"

#pragma GCC visibility push(hidden)

extern const S3Transport native_transport;

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_NATIVE_H */
