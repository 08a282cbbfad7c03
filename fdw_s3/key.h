/*
 * key.h
 *		Which keys of a bucket are a foreign table's: what a scan reads, what INSERT may name, what it names itself.
 */
#ifndef MEDALLION_S3_KEY_H
#define MEDALLION_S3_KEY_H

#include "postgres.h"

#include "fdw_s3/option.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

/*
 * Whether a scan of that prefix reads the key: it lies under the prefix, is no folder, and no name below the prefix
 * begins with _ or a dot (so do _SUCCESS and what Spark has not committed).
 */
extern bool key_is_row_source(const char *prefix, const char *key);

/* ERROR unless INSERT may write that key: the table must read it again. */
extern void key_check_planned(const S3Options *options, const char *key);

/* A name that no other statement, transaction or cluster gives: <prefix><table>-<cluster>-<xid>-<cid>-<seq>.<extension>. */
extern char *key_unique(const S3Options *options, Relation rel, const char *extension);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_KEY_H */
