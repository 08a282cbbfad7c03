/*
 * list.c
 *		XML answers into structs, with every field checked that a listing could lose rows by.
 */
#include "postgres.h"

#include "fdw_s3/list.h"

#include <limits.h>

#include "fdw_s3/xml.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* What has been read of a document so far. */
typedef struct Reading
{
	const char *problem;		/* the first thing that is wrong */
	bool		root;			/* the root element was the expected one */
	List	   *objects;		/* S3Object * or S3Unfinished * */
	S3Object   *object;			/* being read */
	S3Unfinished *upload;		/* being read */
	bool		has_size;
	bool		has_time;
	int			truncated;		/* -1: not said */
	int64		count;			/* KeyCount; -1: not said */
	char	   *token;
	char	   *key_marker;
	char	   *id_marker;
	char	   *upload_id;
	bool		has_etag;
	S3Etag		etag;
	S3ErrorDocument error;
} Reading;

static bool
ends(const char *path, const char *root, const char *rest)
{
	size_t		length = strlen(root);

	return strncmp(path, root, length) == 0 && strcmp(path + length, rest) == 0;
}

static void
wrong(Reading *reading, const char *problem)
{
	if (reading->problem == NULL)
		reading->problem = problem;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
list_decode(char *encoded)
{
	char	   *out = encoded;

	for (; *encoded != '\0'; encoded++)
	{
		int			high;
		int			low;

		if (*encoded == '+')	/* some servers encode as forms do; a plus itself comes as %2B from all */
			*out++ = ' ';
		else if (*encoded != '%')
			*out++ = *encoded;
		else
		{
			high = hex_value(encoded[1]);
			low = high < 0 ? -1 : hex_value(encoded[2]);
			if (low < 0 || (high == 0 && low == 0))
				return false;
			*out++ = (char) (high << 4 | low);
			encoded += 2;
		}
	}
	*out = '\0';
	return true;
}

bool
list_etag(const char *quoted, S3Etag *etag)
{
	size_t		length = strlen(quoted);

	if (length >= 2 && quoted[0] == '"' && quoted[length - 1] == '"')
	{
		quoted++;
		length -= 2;
	}
	if (length == 0 || length >= sizeof(etag->etag))
		return false;
	memcpy(etag->etag, quoted, length);
	etag->etag[length] = '\0';
	return true;
}

static char *
read_key(Reading *reading, const char *text)
{
	char	   *key = pstrdup(text);

	if (*key == '\0' || !list_decode(key))
		wrong(reading, "a key in it cannot be read");
	return key;
}

/* Digits only, and no overflow. */
static int64
read_number(Reading *reading, const char *text)
{
	char	   *end;
	long long	number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
		wrong(reading, "a number in it cannot be read");
	return number;
}

/* 2026-11-22T20:17:44.000Z and nothing else. */
static TimestampTz
read_time(Reading *reading, const char *text)
{
	size_t		length = strlen(text);

	if (length < 20 || length > 32 || text[10] != 'T' || text[length - 1] != 'Z'
		|| strspn(text, "0123456789-T:.Z") != length)
	{
		wrong(reading, "a time in it cannot be read");
		return 0;
	}
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static bool
read_truncated(Reading *reading, const char *text)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		wrong(reading, "IsTruncated is neither true nor false");
	return strcmp(text, "true") == 0;
}

static bool
parse(S3Document document, XmlElement element, Reading *reading)
{
	if (!xml_read(document.data, document.length, element, reading))
		wrong(reading, "it is cut off or not the XML that S3 speaks");
	else if (!reading->root)
		wrong(reading, "it is another document than the one asked for");
	return reading->problem == NULL;
}

/* ---- objects ---- */

#define OBJECTS "ListBucketResult"

static S3Object *
current_object(Reading *reading)
{
	if (reading->object == NULL)
		reading->object = palloc0(sizeof(S3Object));
	return reading->object;
}

static void
end_object(Reading *reading)
{
	S3Object   *object = current_object(reading);

	if (object->key == NULL || object->etag == NULL || !reading->has_size || !reading->has_time)
		wrong(reading, "an object in it lacks key, size, etag or time");
	reading->objects = lappend(reading->objects, object);
	reading->object = NULL;
	reading->has_size = reading->has_time = false;
}

static void
page_element(const char *path, const char *text, void *arg)
{
	Reading    *reading = (Reading *) arg;
	S3Etag		etag;

	if (strcmp(path, OBJECTS) == 0)
		reading->root = true;
	else if (ends(path, OBJECTS, "/Contents/Key"))
		current_object(reading)->key = read_key(reading, text);
	else if (ends(path, OBJECTS, "/Contents/Size"))
	{
		current_object(reading)->size = read_number(reading, text);
		reading->has_size = true;
	}
	else if (ends(path, OBJECTS, "/Contents/ETag"))
	{
		if (!list_etag(text, &etag))
			wrong(reading, "an etag in it cannot be read");
		else
			current_object(reading)->etag = pstrdup(etag.etag);
	}
	else if (ends(path, OBJECTS, "/Contents/LastModified"))
	{
		current_object(reading)->last_modified = read_time(reading, text);
		reading->has_time = true;
	}
	else if (ends(path, OBJECTS, "/Contents"))
		end_object(reading);
	else if (ends(path, OBJECTS, "/IsTruncated"))
		reading->truncated = read_truncated(reading, text);
	else if (ends(path, OBJECTS, "/NextContinuationToken"))
		reading->token = pstrdup(text);
	else if (ends(path, OBJECTS, "/KeyCount"))
		reading->count = read_number(reading, text);
}

const char *
list_read_page(S3Document document, S3ListPage *page)
{
	Reading		reading = {.truncated = -1, .count = -1};

	if (!parse(document, page_element, &reading))
		return reading.problem;
	if (reading.truncated < 0)
		return "it does not say whether it is the last page";
	if (reading.count >= 0 && reading.count != list_length(reading.objects))
		return "it holds another number of keys than it says";
	if (reading.truncated && (reading.token == NULL || *reading.token == '\0'))
		return "it says that there is more, but not where";
	if (reading.truncated && page->token != NULL && strcmp(page->token, reading.token) == 0)
		return "it leads back to itself";
	page->token = reading.truncated ? reading.token : NULL;
	page->objects = list_concat(page->objects, reading.objects);
	return NULL;
}

/* ---- unfinished uploads ---- */

#define UPLOADS "ListMultipartUploadsResult"

static S3Unfinished *
current_upload(Reading *reading)
{
	if (reading->upload == NULL)
		reading->upload = palloc0(sizeof(S3Unfinished));
	return reading->upload;
}

static void
end_upload(Reading *reading)
{
	S3Unfinished *upload = current_upload(reading);

	if (upload->key == NULL || upload->upload_id == NULL || !reading->has_time)
		wrong(reading, "an upload in it lacks key, id or time");
	reading->objects = lappend(reading->objects, upload);
	reading->upload = NULL;
	reading->has_time = false;
}

static void
uploads_element(const char *path, const char *text, void *arg)
{
	Reading    *reading = (Reading *) arg;

	if (strcmp(path, UPLOADS) == 0)
		reading->root = true;
	else if (ends(path, UPLOADS, "/Upload/Key"))
		current_upload(reading)->key = read_key(reading, text);
	else if (ends(path, UPLOADS, "/Upload/UploadId"))
		current_upload(reading)->upload_id = pstrdup(text);
	else if (ends(path, UPLOADS, "/Upload/Initiated"))
	{
		current_upload(reading)->initiated = read_time(reading, text);
		reading->has_time = true;
	}
	else if (ends(path, UPLOADS, "/Upload"))
		end_upload(reading);
	else if (ends(path, UPLOADS, "/IsTruncated"))
		reading->truncated = read_truncated(reading, text);
	else if (ends(path, UPLOADS, "/NextKeyMarker") && *text != '\0')
		reading->key_marker = read_key(reading, text);
	else if (ends(path, UPLOADS, "/NextUploadIdMarker"))
		reading->id_marker = pstrdup(text);
}

const char *
list_read_uploads(S3Document document, List **uploads, char **key_marker, char **id_marker)
{
	Reading		reading = {.truncated = -1, .count = -1};

	if (!parse(document, uploads_element, &reading))
		return reading.problem;
	if (reading.truncated < 0)
		return "it does not say whether it is the last page";
	if (reading.truncated && (reading.key_marker == NULL || reading.id_marker == NULL))
		return "it says that there is more, but not where";
	if (reading.truncated && reading.objects == NIL)
		return "it is empty, but says that there is more";
	*uploads = list_concat(*uploads, reading.objects);
	*key_marker = reading.truncated ? reading.key_marker : NULL;
	*id_marker = reading.truncated ? reading.id_marker : NULL;
	return NULL;
}

/* ---- one field ---- */

static void
upload_id_element(const char *path, const char *text, void *arg)
{
	Reading    *reading = (Reading *) arg;

	if (strcmp(path, "InitiateMultipartUploadResult") == 0)
		reading->root = true;
	else if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 && *text != '\0')
		reading->upload_id = pstrdup(text);
}

const char *
list_read_upload_id(S3Document document, char **upload_id)
{
	Reading		reading = {.truncated = -1};

	if (!parse(document, upload_id_element, &reading))
		return reading.problem;
	*upload_id = reading.upload_id;
	return reading.upload_id != NULL ? NULL : "it has no upload id";
}

static void
completed_element(const char *path, const char *text, void *arg)
{
	Reading    *reading = (Reading *) arg;

	if (strcmp(path, "CompleteMultipartUploadResult") == 0)
		reading->root = true;
	else if (strcmp(path, "CompleteMultipartUploadResult/ETag") == 0)
		reading->has_etag = list_etag(text, &reading->etag);
}

const char *
list_read_completed(S3Document document, S3Etag *etag)
{
	Reading		reading = {.truncated = -1};

	if (!parse(document, completed_element, &reading))
		return reading.problem;
	*etag = reading.etag;
	return reading.has_etag ? NULL : "it has no etag";
}

static void
copied_element(const char *path, const char *text, void *arg)
{
	Reading    *reading = (Reading *) arg;

	if (strcmp(path, "CopyObjectResult") == 0)
		reading->root = true;
	else if (strcmp(path, "CopyObjectResult/ETag") == 0)
		reading->has_etag = list_etag(text, &reading->etag);
}

const char *
list_read_copied(S3Document document, S3Etag *etag)
{
	Reading		reading = {.truncated = -1};

	if (!parse(document, copied_element, &reading))
		return reading.problem;
	*etag = reading.etag;
	return reading.has_etag ? NULL : "it has no etag";
}

static void
error_element(const char *path, const char *text, void *arg)
{
	S3ErrorDocument *error = &((Reading *) arg)->error;

	if (strcmp(path, "Error") == 0)
		((Reading *) arg)->root = true;
	else if (strcmp(path, "Error/Code") == 0)
		error->code = pstrdup(text);
	else if (strcmp(path, "Error/Message") == 0)
		error->message = pstrdup(text);
	else if (strcmp(path, "Error/Region") == 0)
		error->region = pstrdup(text);
}

void
list_read_error(S3Document document, S3ErrorDocument *error)
{
	Reading		reading = {.truncated = -1};

	memset(error, 0, sizeof(*error));
	if (!parse(document, error_element, &reading))
		return;
	*error = reading.error;
	if (error->code == NULL)
		error->code = pstrdup("");
	if (error->message == NULL)
		error->message = pstrdup("");
}
