/*
 * spool.c
 *		Messages in a BufFile: a head of fixed size, then key, value and headers.
 */
#include "postgres.h"

#include "fdw_kafka/spool.h"

#include "storage/buffile.h"
#include "utils/resowner.h"

typedef struct SpoolHead
{
	int32		target;
	int32		partition;
	int64		timestamp;
	int32		key_length;
	int32		value_length;
	int32		headers_length;
} SpoolHead;

/* What the file stands at: reading and writing share its one position. */
typedef enum SpoolMode
{
	SPOOL_NOWHERE,
	SPOOL_READING,
	SPOOL_WRITING
} SpoolMode;

struct Spool
{
	BufFile    *file;
	SpoolMode	mode;
	SpoolPlace	end;
	SpoolPlace	read;
	MemoryContext context;		/* of the buffer */
	char	   *buffer;			/* the message that was read last */
	size_t		size;
};

/* The file must outlive the portal that is running now. */
Spool *
spool_create(void)
{
	ResourceOwner owner = CurrentResourceOwner;
	Spool	   *spool = palloc0(sizeof(Spool));

	spool->context = CurrentMemoryContext;
	CurrentResourceOwner = TopTransactionResourceOwner;
	PG_TRY();
	{
		spool->file = BufFileCreateTemp(false);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	return spool;
}

void
spool_free(Spool *spool)
{
	BufFileClose(spool->file);
	if (spool->buffer != NULL)
		pfree(spool->buffer);
	pfree(spool);
}

static void
stand_at(Spool *spool, SpoolMode mode, const SpoolPlace *place)
{
	if (spool->mode == mode)
		return;
	spool->mode = SPOOL_NOWHERE;
	if (BufFileSeek(spool->file, place->file, place->offset, SEEK_SET) != 0)
		elog(ERROR, "could not seek in a temporary file");
	spool->mode = mode;
}

static void
note_place(Spool *spool, SpoolPlace *place)
{
	BufFileTell(spool->file, &place->file, &place->offset);
	place->count++;
}

static void
write_bytes(Spool *spool, const char *bytes, int32 length)
{
	if (length > 0)
		BufFileWrite(spool->file, (void *) bytes, length);
}

void
spool_append(Spool *spool, int target, const KafkaMessage *message)
{
	SpoolHead	head = {0};

	head.target = target;
	head.partition = message->partition;
	head.timestamp = message->timestamp;
	head.key_length = message->key_length;
	head.value_length = message->value_length;
	head.headers_length = message->headers_length;
	stand_at(spool, SPOOL_WRITING, &spool->end);
	/* Should a write fail, the next one begins again where the last good message ended. */
	spool->mode = SPOOL_NOWHERE;
	BufFileWrite(spool->file, &head, sizeof(head));
	write_bytes(spool, message->key, message->key_length);
	write_bytes(spool, message->value, message->value_length);
	write_bytes(spool, message->headers, message->headers_length);
	note_place(spool, &spool->end);
	spool->mode = SPOOL_WRITING;
}

SpoolPlace
spool_end(const Spool *spool)
{
	return spool->end;
}

SpoolPlace
spool_read_place(const Spool *spool)
{
	return spool->read;
}

void
spool_truncate(Spool *spool, SpoolPlace place)
{
	spool->end = place;
	if (spool->read.count > place.count)
		spool->read = place;
	spool->mode = SPOOL_NOWHERE;
}

void
spool_rewind(Spool *spool)
{
	memset(&spool->read, 0, sizeof(spool->read));
	spool->mode = SPOOL_NOWHERE;
}

static void
read_bytes(Spool *spool, void *bytes, size_t length)
{
	if (BufFileRead(spool->file, bytes, length) != length)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read from a temporary file: unexpected end"));
}

/* Have a buffer of that size; it is given back when a large message has passed. */
static void
have_buffer(Spool *spool, size_t size)
{
	if (spool->buffer != NULL && spool->size >= size && spool->size <= Max(4 * size, 64 * 1024))
		return;
	if (spool->buffer != NULL)
		pfree(spool->buffer);
	spool->buffer = NULL;
	spool->size = Max(size, 8 * 1024);
	spool->buffer = MemoryContextAllocHuge(spool->context, spool->size);
}

static const char *
part(const char **at, int32 length)
{
	const char *begin = *at;

	*at += Max(length, 0);
	return begin;
}

bool
spool_next(Spool *spool, int *target, KafkaMessage *message)
{
	SpoolHead	head;
	size_t		size;
	const char *at;

	if (spool->read.count >= spool->end.count)
		return false;
	stand_at(spool, SPOOL_READING, &spool->read);
	read_bytes(spool, &head, sizeof(head));
	size = (size_t) Max(head.key_length, 0) + Max(head.value_length, 0) + head.headers_length;
	have_buffer(spool, size);
	if (size > 0)
		read_bytes(spool, spool->buffer, size);
	note_place(spool, &spool->read);
	at = spool->buffer;
	*target = head.target;
	message->partition = head.partition;
	message->timestamp = head.timestamp;
	message->key_length = head.key_length;
	message->value_length = head.value_length;
	message->headers_length = head.headers_length;
	message->key = part(&at, head.key_length);
	message->value = part(&at, head.value_length);
	message->headers = part(&at, head.headers_length);
	return true;
}
