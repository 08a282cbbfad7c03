/*
 * list.h
 *		The answers of S3 that are XML: pages of listings, upload ids, errors. Requests for them are native.c's.
 */
#ifndef MEDALLION_S3_LIST_H
#define MEDALLION_S3_LIST_H

#include "postgres.h"

#include "fdw_s3/transport.h"

#pragma GCC visibility push(hidden)

/* An answer's bytes, whole. */
typedef struct S3Document
{
	const char *data;
	size_t		length;
} S3Document;

/*
 * Each reads one kind of document and returns NULL, or what is wrong with the document: a phrase for the DETAIL of an
 * ERROR. A field that must be there and is not is wrong.
 */

/* ListBucketResult of a request with encoding-type=url; appends to page->objects and sets page->token. */
extern const char *list_read_page(S3Document document, S3ListPage *page);

/* ListMultipartUploadsResult: appends to *uploads; *key_marker and *id_marker are NULL after the last page. */
extern const char *list_read_uploads(S3Document document, List **uploads, char **key_marker, char **id_marker);

/* InitiateMultipartUploadResult. */
extern const char *list_read_upload_id(S3Document document, char **upload_id);

/* CompleteMultipartUploadResult: the object's ETag. */
extern const char *list_read_completed(S3Document document, S3Etag *etag);

/* CopyObjectResult: the new object's ETag. */
extern const char *list_read_copied(S3Document document, S3Etag *etag);

/* Error: its code and message, "" where it has none. NULL fields where the document is no Error. */
typedef struct S3ErrorDocument
{
	char	   *code;
	char	   *message;
	char	   *region;
} S3ErrorDocument;

extern void list_read_error(S3Document document, S3ErrorDocument *error);

/* An ETag without its quotes; false where it is too long. */
extern bool list_etag(const char *quoted, S3Etag *etag);

/* Decode %XX in place; false for a malformed one, or a NUL. */
extern bool list_decode(char *encoded);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_LIST_H */
