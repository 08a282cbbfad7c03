/*
 * upload.c
 *		One object on its way: a buffer of one part, parts on their way, or a temporary file where the object may turn
 *		out to be there already.
 *
 * Bytes collect in a part. When more come than it can hold, the object is large, and its parts are sent as a multipart
 * upload, which shows nothing before it is completed. Only where that may be in vain (skip_unchanged, and an object of
 * that name stands) or cannot be (an engine without multipart) do the parts go to a temporary file first. A small object
 * waits in memory for upload_finish.
 */
#include "postgres.h"

#include "fdw_s3/upload.h"

#include "commands/tablespace.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fdw_s3/error.h"
#include "fdw_s3/pending.h"
#include "fdw_s3/sign.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"

#define FLIGHTS 2
/* S3's limits. */
#define PARTS_MAX 10000
#define SINGLE_PUT_MAX (INT64CONST(5) * 1024 * 1024 * 1024)
/* Parts double in size after so many of them, so that the last of 10,000 is not needed before 5 TiB. */
#define PARTS_PER_SIZE 1000
/* Sealed small objects of one backend that may wait in memory for the end of the transaction, in bytes. */
#define UPLOAD_HELD_MAX (INT64CONST(16) * 1024 * 1024)
#define BUFFER_FIRST (64 * 1024)
/* Requests progress each time that so many bytes were written. */
#define DRIVE_EVERY (256 * 1024)

/* A part that is being sent, and the buffer that it is sent from. */
typedef struct Flight
{
	S3Put	   *put;			/* NULL: free */
	char	   *buffer;
	size_t		room;
	int			part;
} Flight;

struct S3Upload
{
	S3Client   *client;
	MemoryContext context;		/* of this struct and all that it holds */
	S3UploadPlan plan;
	S3Written	written;
	bool		sealed;
	bool		finished;
	bool		broken;			/* completion failed half-way and cannot be tried again */
	bool		maybe_visible;	/* completion was asked for, whether or not we know of its success */
	MemoryContext work;			/* of the requests that complete it; NULL: none are under way */
	S3Put	   *put;			/* of the whole object, begun by upload_prepare; lives in work */

	/* the part that is being filled */
	char	   *buffer;
	size_t		room;
	size_t		used;
	size_t		undriven;		/* bytes written since requests last progressed */
	bool		held;			/* counted in held_bytes */
	pg_cryptohash_ctx *sha256;	/* of the whole; NULL once sealed */

	/* multipart */
	char	   *upload_id;
	Flight		flights[FLIGHTS];
	S3Etag	   *parts;
	int			nparts;

	/* temporary file */
	File		spool;			/* -1: none */
	int64		spooled;
	StringInfoData md5s;		/* of its parts, 16 bytes each */
	pg_cryptohash_ctx *md5;		/* of the whole, for engines without multipart */
};

static int64 held_bytes = 0;

/* ---- hashes ---- */

/* Hashes and temporary files live as long as the transaction, not as long as the statement that begins them. */
static ResourceOwner
enter_transaction_owner(void)
{
	ResourceOwner saved = CurrentResourceOwner;

	CurrentResourceOwner = TopTransactionResourceOwner;
	return saved;
}

static pg_cryptohash_ctx *
hash_begin(pg_cryptohash_type type)
{
	ResourceOwner saved = enter_transaction_owner();
	pg_cryptohash_ctx *hash = pg_cryptohash_create(type);

	CurrentResourceOwner = saved;
	if (hash == NULL || pg_cryptohash_init(hash) < 0)
		elog(ERROR, "could not begin a hash: %s", pg_cryptohash_error(hash));
	return hash;
}

static void
hash_add(pg_cryptohash_ctx *hash, const char *bytes, size_t length)
{
	if (pg_cryptohash_update(hash, (const uint8 *) bytes, length) < 0)
		elog(ERROR, "could not compute a hash: %s", pg_cryptohash_error(hash));
}

static void
hash_end(pg_cryptohash_ctx **hash, size_t size, char *hex)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (pg_cryptohash_final(*hash, digest, size) < 0)
		elog(ERROR, "could not compute a hash: %s", pg_cryptohash_error(*hash));
	pg_cryptohash_free(*hash);
	*hash = NULL;
	sign_hex(digest, size, hex);
}

/* ---- parts ---- */

/* The size of the part that comes after "before" others. */
static int64
part_size_after(const S3Upload *upload, int before)
{
	int64		size = upload->plan.part_size;

	for (; before >= PARTS_PER_SIZE && size < UPLOAD_PART_MAX; before -= PARTS_PER_SIZE)
		size = Min(size * 2, UPLOAD_PART_MAX);
	return size;
}

static void
flight_land(S3Upload *upload, Flight *flight)
{
	S3Put	   *put = flight->put;

	if (put == NULL)
		return;
	/* put_wait frees it, or an ERROR leads to the end of this upload. */
	upload->client->transport->put_wait(put, &upload->parts[flight->part - 1]);
	flight->put = NULL;
}

static void
flights_land(S3Upload *upload)
{
	for (int i = 0; i < FLIGHTS; i++)
		flight_land(upload, &upload->flights[i]);
}

static void
buffer_reserve(S3Upload *upload, size_t room)
{
	if (room <= upload->room)
		return;
	upload->buffer = upload->buffer
		? repalloc_huge(upload->buffer, room)
		: MemoryContextAllocHuge(upload->context, room);
	upload->room = room;
}

static void
buffer_free(S3Upload *upload)
{
	if (upload->held)
		held_bytes -= upload->used;
	upload->held = false;
	if (upload->buffer != NULL)
		pfree(upload->buffer);
	upload->buffer = NULL;
	upload->room = upload->used = 0;
}

static void
flights_free(S3Upload *upload)
{
	for (int i = 0; i < FLIGHTS; i++)
	{
		if (upload->flights[i].put != NULL)
			upload->client->transport->put_close(upload->flights[i].put);
		if (upload->flights[i].buffer != NULL)
			pfree(upload->flights[i].buffer);
		memset(&upload->flights[i], 0, sizeof(Flight));
	}
}

static void
multipart_begin(S3Upload *upload)
{
	MemoryContext caller = MemoryContextSwitchTo(upload->context);

	upload->upload_id = upload->client->transport->multipart_begin(upload->client, upload->plan.bucket,
																   upload->plan.key);
	MemoryContextSwitchTo(caller);
}

static int
next_part(S3Upload *upload)
{
	if (upload->nparts == PARTS_MAX)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("object \"%s\" in bucket \"%s\" has become too large", upload->plan.key, upload->plan.bucket),
				errhint("Raise the table option part_size, or write several objects."));
	if (upload->nparts % PARTS_PER_SIZE == 0)
	{
		Size		size = sizeof(S3Etag) * (upload->nparts + PARTS_PER_SIZE);

		upload->parts = upload->parts ? repalloc_huge(upload->parts, size)
			: MemoryContextAllocHuge(upload->context, size);
	}
	return ++upload->nparts;
}

/* Send the buffer as the next part; its place takes the buffer of a part that has landed. */
static void
part_send(S3Upload *upload)
{
	int			part = next_part(upload);
	Flight	   *flight = &upload->flights[part % FLIGHTS];
	S3PutSpec	spec = {upload->plan.bucket, upload->plan.key};
	char	   *landed;
	size_t		landed_room;
	MemoryContext caller;

	flight_land(upload, flight);
	landed = flight->buffer;
	landed_room = flight->room;
	flight->buffer = upload->buffer;
	flight->room = upload->room;
	flight->part = part;
	spec.body = flight->buffer;
	spec.length = upload->used;
	spec.file = -1;
	spec.upload_id = upload->upload_id;
	spec.part = part;
	upload->buffer = landed;
	upload->room = landed_room;
	upload->used = 0;
	caller = MemoryContextSwitchTo(upload->context);
	flight->put = upload->client->transport->put(upload->client, &spec);
	MemoryContextSwitchTo(caller);
}

/* ---- the temporary file ---- */

static void
spool_begin(S3Upload *upload)
{
	ResourceOwner saved;

	PrepareTempTablespaces();
	saved = enter_transaction_owner();
	upload->spool = OpenTemporaryFile(false);
	CurrentResourceOwner = saved;
	if (!upload->client->transport->multipart)
		upload->md5 = hash_begin(PG_MD5);
}

static void
reject_spool(void)
{
	ereport(ERROR,
			errcode_for_file_access(),
			errmsg("could not use a temporary file for an upload: %m"));
}

static void
spool_write(S3Upload *upload)
{
	char		md5[33];
	size_t		done = 0;

	sign_digest(PG_MD5, upload->buffer, upload->used, md5);
	enlargeStringInfo(&upload->md5s, 16);
	hex_decode(md5, 32, upload->md5s.data + upload->md5s.len);
	upload->md5s.len += 16;
	if (upload->md5 != NULL)
		hash_add(upload->md5, upload->buffer, upload->used);
	while (done < upload->used)
	{
		int			amount = (int) Min(upload->used - done, 1024 * 1024);
		int			written = FileWrite(upload->spool, upload->buffer + done, amount, upload->spooled,
										WAIT_EVENT_BUFFILE_WRITE);

		if (written <= 0)
			reject_spool();
		done += written;
		upload->spooled += written;
	}
	upload->used = 0;
}

static int
spool_parts(const S3Upload *upload)
{
	return upload->md5s.len / 16;
}

/* Fill the buffer with up to "size" bytes of the file. */
static void
spool_read(S3Upload *upload, int64 offset, size_t size)
{
	size = Min(size, (size_t) (upload->spooled - offset));
	buffer_reserve(upload, size);
	upload->used = 0;
	while (upload->used < size)
	{
		int			amount = (int) Min(size - upload->used, 1024 * 1024);
		int			got = FileRead(upload->spool, upload->buffer + upload->used, amount, offset + upload->used,
								   WAIT_EVENT_BUFFILE_READ);

		if (got <= 0)
			reject_spool();
		upload->used += got;
	}
}

/* Send the file as a multipart upload, its parts cut where they were when their MD5s were taken. */
static void
spool_send(S3Upload *upload)
{
	int64		offset = 0;

	multipart_begin(upload);
	while (offset < upload->spooled)
	{
		spool_read(upload, offset, part_size_after(upload, upload->nparts));
		offset += upload->used;
		part_send(upload);
	}
	flights_land(upload);
	flights_free(upload);
	buffer_free(upload);
}

static void
spool_free(S3Upload *upload)
{
	if (upload->spool >= 0)
		FileClose(upload->spool);
	upload->spool = -1;
	if (upload->md5 != NULL)
		pg_cryptohash_free(upload->md5);
	upload->md5 = NULL;
}

/* ---- skip_unchanged ---- */

/* The etag that the object would have. */
static void
expected_etag(S3Upload *upload, S3Etag *etag)
{
	if (upload->spool < 0)
		sign_digest(PG_MD5, upload->buffer ? upload->buffer : "", upload->used, etag->etag);
	else if (spool_parts(upload) == 1)
		sign_hex((uint8 *) upload->md5s.data, 16, etag->etag);
	else
	{
		char		md5[33];

		sign_digest(PG_MD5, upload->md5s.data, upload->md5s.len, md5);
		snprintf(etag->etag, sizeof(etag->etag), "%s-%d", md5, spool_parts(upload));
	}
}

/* Whether the object that stands has the same bytes. Its etag goes to upload->written. */
static bool
stands_unchanged(S3Upload *upload)
{
	S3Object	object;
	S3Etag		etag;

	if (!upload->client->transport->head(upload->client, upload->plan.bucket, upload->plan.key, &object)
		|| object.size != upload->written.bytes)
		return false;
	if (upload->spool >= 0 && !upload->client->transport->multipart)
		strlcpy(etag.etag, upload->written.etag.etag, sizeof(etag.etag));
	else
		expected_etag(upload, &etag);
	if (strcmp(etag.etag, object.etag) != 0)
		return false;
	upload->written.etag = etag;
	return true;
}

/* ---- writing ---- */

static bool
must_spool(S3Upload *upload)
{
	S3Object	object;

	if (!upload->client->transport->multipart)
		return true;
	return upload->plan.skip_unchanged
		&& upload->client->transport->head(upload->client, upload->plan.bucket, upload->plan.key, &object);
}

/* The buffer is full and more is to come, or the end of a large object. */
static void
part_full(S3Upload *upload)
{
	if (upload->upload_id == NULL && upload->spool < 0)
	{
		if (must_spool(upload))
			spool_begin(upload);
		else
			multipart_begin(upload);
	}
	if (upload->spool >= 0)
		spool_write(upload);
	else
		part_send(upload);
}

S3Upload *
upload_begin(S3Client *client, const S3UploadPlan *plan)
{
	MemoryContext context = AllocSetContextCreate(pending_context(), "S3 upload", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	S3Upload   *upload = palloc0(sizeof(S3Upload));

	upload->client = client;
	upload->context = context;
	upload->plan = *plan;
	upload->plan.bucket = pstrdup(plan->bucket);
	upload->plan.key = pstrdup(plan->key);
	upload->plan.skip_unchanged = plan->skip_unchanged && plan->planned;
	if (plan->part_size == 0)
		upload->plan.part_size = UPLOAD_PART_DEFAULT;
	upload->spool = -1;
	initStringInfo(&upload->md5s);
	upload->written.server = pstrdup(client->server);
	upload->written.bucket = upload->plan.bucket;
	upload->written.key = upload->plan.key;
	MemoryContextSwitchTo(caller);
	pending_add(client, upload);
	upload->sha256 = hash_begin(PG_SHA256);
	return upload;
}

void
upload_write(S3Upload *upload, const char *bytes, size_t length)
{
	Assert(!upload->sealed);
	hash_add(upload->sha256, bytes, length);
	upload->written.bytes += length;
	while (length > 0)
	{
		size_t		size = (size_t) part_size_after(upload, Max(upload->nparts, spool_parts(upload)));
		size_t		chunk;

		if (upload->used == size)
		{
			part_full(upload);
			continue;
		}
		chunk = Min(length, size - upload->used);
		if (upload->used + chunk > upload->room)
			buffer_reserve(upload, Min(size, Max(Max(upload->room * 2, BUFFER_FIRST), upload->used + chunk)));
		memcpy(upload->buffer + upload->used, bytes, chunk);
		upload->used += chunk;
		bytes += chunk;
		length -= chunk;
		upload->undriven += chunk;
	}
	if (upload->undriven >= DRIVE_EVERY && upload->upload_id != NULL)
	{
		upload->client->transport->drive(upload->client);
		upload->undriven = 0;
	}
}

/* A small object may wait in memory, unless too many others do. */
static void
hold(S3Upload *upload)
{
	if (held_bytes + upload->used <= UPLOAD_HELD_MAX)
	{
		if (upload->buffer != NULL)
			upload->buffer = repalloc_huge(upload->buffer, Max(upload->used, 1));
		upload->room = Max(upload->used, 1);
		upload->held = true;
		held_bytes += upload->used;
		return;
	}
	if (upload->plan.skip_unchanged)
		spool_begin(upload);
	part_full(upload);
}

static void
seal_large(S3Upload *upload)
{
	if (upload->used > 0)
		part_full(upload);
	flights_land(upload);
	flights_free(upload);
	buffer_free(upload);
	if (upload->md5 != NULL)
		hash_end(&upload->md5, 16, upload->written.etag.etag);
	/* Send what differs now: at the end of the transaction it only remains to complete it. */
	if (upload->spool >= 0 && spool_parts(upload) > 1 && upload->client->transport->multipart
		&& !stands_unchanged(upload))
	{
		spool_send(upload);
		spool_free(upload);
	}
}

void
upload_seal(S3Upload *upload, int64 rows)
{
	upload->written.rows = rows;
	hash_end(&upload->sha256, PG_SHA256_DIGEST_LENGTH, upload->written.sha256);
	if (upload->upload_id == NULL && upload->spool < 0)
		hold(upload);
	if (upload->upload_id != NULL || upload->spool >= 0)
		seal_large(upload);
	upload->sealed = true;
}

int64
upload_bytes(const S3Upload *upload)
{
	return upload->written.bytes;
}

bool
upload_sealed(const S3Upload *upload)
{
	return upload->sealed;
}

bool
upload_same_object(const S3Upload *a, const S3Upload *b)
{
	return a->client == b->client && strcmp(a->plan.key, b->plan.key) == 0
		&& strcmp(a->plan.bucket, b->plan.bucket) == 0;
}

/* ---- completing ---- */

/* The requests of a completion, and their memory, have a context that the next completion or the end of the upload clears. */
static MemoryContext
work_begin(S3Upload *upload)
{
	if (upload->work == NULL)
		upload->work = AllocSetContextCreate(upload->context, "S3 completion", ALLOCSET_SMALL_SIZES);
	return MemoryContextSwitchTo(upload->work);
}

static void
work_end(S3Upload *upload)
{
	if (upload->work != NULL)
		MemoryContextDelete(upload->work);
	upload->work = NULL;
	upload->put = NULL;
}

static void
check_single_size(const S3Upload *upload)
{
	if (upload->written.bytes > SINGLE_PUT_MAX)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("object \"%s\" in bucket \"%s\" is too large for engine \"%s\"", upload->plan.key,
					   upload->plan.bucket, upload->client->transport->name),
				errhint("Use engine \"native\", or write several objects."));
}

/* Begin to send the whole object, from memory or, for an engine without multipart, from its file. In "work". */
static void
put_begin(S3Upload *upload)
{
	const S3Transport *transport = upload->client->transport;
	S3PutSpec	spec = {upload->plan.bucket, upload->plan.key};
	S3Etag		md5;

	check_single_size(upload);
	spec.file = -1;
	spec.md5 = md5.etag;
	if (upload->spool >= 0 && !transport->multipart)
	{
		spec.file = upload->spool;
		spec.md5 = upload->written.etag.etag;
	}
	else if (upload->spool >= 0)
		spool_read(upload, 0, (size_t) upload->spooled);
	if (spec.file < 0)
		sign_digest(PG_MD5, upload->buffer ? upload->buffer : "", upload->used, md5.etag);
	spec.body = upload->buffer;
	spec.length = upload->written.bytes;
	spec.sha256 = upload->written.sha256;
	spec.if_absent = !upload->plan.planned;
	upload->maybe_visible = true;
	upload->put = transport->put(upload->client, &spec);
}

static void
make_visible(S3Upload *upload)
{
	const S3Transport *transport = upload->client->transport;

	if (upload->spool >= 0 && spool_parts(upload) > 1 && transport->multipart && upload->upload_id == NULL)
		spool_send(upload);
	if (upload->upload_id != NULL)
	{
		upload->maybe_visible = true;
		transport->multipart_complete(upload->client, upload->plan.bucket, upload->plan.key, upload->upload_id,
									  upload->parts, upload->nparts, !upload->plan.planned, &upload->written.etag);
		return;
	}
	if (upload->put == NULL)
		put_begin(upload);
	transport->put_wait(upload->put, &upload->written.etag);
}

/*
 * A failure may be caught and the transaction go on, where the upload belongs to an outer subtransaction: no request may
 * be left that reads from the buffer. An object of our unique name that was there before us is not ours to delete.
 */
static void
make_visible_or_stop(S3Upload *upload)
{
	PG_TRY();
	{
		make_visible(upload);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_T_R_SERIALIZATION_FAILURE)
			upload->maybe_visible = false;
		upload->broken = upload->spool >= 0 && upload->client->transport->multipart;
		flights_free(upload);
		MemoryContextSwitchTo(upload->context);
		work_end(upload);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
upload_prepare(S3Upload *upload)
{
	MemoryContext caller;

	if (!upload->sealed || upload->finished || upload->put != NULL || upload->upload_id != NULL || upload->spool >= 0
		|| upload->plan.skip_unchanged)
		return;
	caller = work_begin(upload);
	put_begin(upload);
	MemoryContextSwitchTo(caller);
}

static void
check_finishable(const S3Upload *upload)
{
	if (!upload->sealed)
		elog(ERROR, "upload of \"%s\" was not sealed", upload->plan.key);
	if (upload->broken)
		ereport(ERROR,
				errcode(ERRCODE_FDW_ERROR),
				errmsg("could not write object \"%s\" in bucket \"%s\"", upload->plan.key, upload->plan.bucket),
				errdetail("An earlier attempt in this transaction failed."),
				errhint("Roll back, and run the transaction again."));
}

const S3Written *
upload_finish(S3Upload *upload)
{
	MemoryContext caller;

	if (upload->finished)
		return &upload->written;
	check_finishable(upload);
	caller = work_begin(upload);
	upload->written.uploaded = upload->upload_id != NULL || !upload->plan.skip_unchanged || !stands_unchanged(upload);
	if (upload->written.uploaded)
		make_visible_or_stop(upload);
	MemoryContextSwitchTo(caller);
	work_end(upload);
	upload->finished = true;
	buffer_free(upload);
	flights_free(upload);
	spool_free(upload);
	return &upload->written;
}

bool
upload_undo(S3Upload *upload)
{
	const S3Transport *transport = upload->client->transport;
	bool		clean = true;

	flights_free(upload);
	work_end(upload);
	if (upload->upload_id != NULL && !upload->finished)
		clean = transport->undo(upload->client, upload->plan.bucket, upload->plan.key, upload->upload_id);
	if (upload->maybe_visible && !upload->plan.planned)
		clean = transport->undo(upload->client, upload->plan.bucket, upload->plan.key, NULL) && clean;
	return clean;
}

void
upload_free(S3Upload *upload)
{
	flights_free(upload);
	work_end(upload);
	buffer_free(upload);
	spool_free(upload);
	if (upload->sha256 != NULL)
		pg_cryptohash_free(upload->sha256);
	MemoryContextDelete(upload->context);
}
