/*
 * codec.c
 *		Streaming gzip and zstd, the only file that includes <zlib.h> and <zstd.h>.
 */
#include "postgres.h"

#include "fdw_s3/codec.h"

#include <zlib.h>
#include <zstd.h>

#include "common/wait.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define BUFFER_SIZE (128 * 1024)
/* zlib: the largest window, with a gzip header and trailer. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_LEVEL 6
#define GZIP_LEVEL_MAX 9
#define GZIP_MEMORY 8
/* On rows of a table, faster than 3 and smaller. */
#define ZSTD_LEVEL 1
/* What a thread takes at once. */
#define ZSTD_JOB (1024 * 1024)

struct Decoder
{
	S3Compression compression;
	ByteSource	source;
	void	   *source_arg;
	bool		source_ended;
	bool		inside;			/* a member or frame has begun and not ended */
	bool		pending;		/* the library may hold output that did not fit */
	z_stream	gzip;
	ZSTD_DStream *zstd;
	ZSTD_inBuffer input;		/* what of "buffer" the library has not taken yet, for both */
	MemoryContextCallback release;
	char		buffer[];		/* BUFFER_SIZE, or none without compression */
};

struct Encoder
{
	S3Compression compression;
	ByteSink	sink;
	void	   *sink_arg;
	z_stream	gzip;
	ZSTD_CStream *zstd;
	MemoryContextCallback release;
	char		buffer[];		/* BUFFER_SIZE, or none without compression */
};

/* zlib's memory is the context's. No ERROR may pass through the library, so that it hears of a failure as NULL. */
static voidpf
gzip_alloc(voidpf context, uInt items, uInt size)
{
	return MemoryContextAllocExtended(context, (Size) items * size, MCXT_ALLOC_NO_OOM);
}

static void
gzip_free(voidpf context, voidpf address)
{
	pfree(address);
}

static void
gzip_prepare(z_stream *stream)
{
	stream->zalloc = gzip_alloc;
	stream->zfree = gzip_free;
	stream->opaque = CurrentMemoryContext;
}

static void
reject_memory(void)
{
	ereport(ERROR,
			errcode(ERRCODE_OUT_OF_MEMORY),
			errmsg("out of memory"),
			errdetail("A compression library could not be started."));
}

static void
reject_corrupt(const char *what, const char *why)
{
	ereport(ERROR,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("could not decompress the object"),
			errdetail("The %s data is damaged: %s.", what, why ? why : "unexpected content"));
}

static void
reject_truncated(const Decoder *decoder)
{
	ereport(ERROR,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("could not decompress the object"),
			errdetail("The %s data ends in the middle.", s3_compression_name(decoder->compression)));
}

static size_t
buffer_size(S3Compression compression)
{
	return compression == S3_COMPRESSION_NONE ? 0 : BUFFER_SIZE;
}

static void
decoder_release(void *arg)
{
	ZSTD_freeDStream(((Decoder *) arg)->zstd);
}

static void
gzip_decoder_begin(Decoder *decoder)
{
	gzip_prepare(&decoder->gzip);
	if (inflateInit2(&decoder->gzip, GZIP_WINDOW) != Z_OK)
		reject_memory();
}

static void
zstd_decoder_begin(Decoder *decoder)
{
	decoder->zstd = ZSTD_createDStream();
	if (decoder->zstd == NULL)
		reject_memory();
	decoder->release.func = decoder_release;
	decoder->release.arg = decoder;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &decoder->release);
}

Decoder *
decoder_begin(S3Compression compression, ByteSource source, void *arg)
{
	Decoder    *decoder = palloc0(sizeof(Decoder) + buffer_size(compression));

	decoder->compression = compression;
	decoder->source = source;
	decoder->source_arg = arg;
	decoder->input.src = decoder->buffer;
	if (compression == S3_COMPRESSION_GZIP)
		gzip_decoder_begin(decoder);
	else if (compression == S3_COMPRESSION_ZSTD)
		zstd_decoder_begin(decoder);
	return decoder;
}

/* Fill the input buffer when the library has taken all of it; false at the source's end. */
static bool
decoder_fill(Decoder *decoder)
{
	if (decoder->input.pos < decoder->input.size)
		return true;
	if (decoder->source_ended)
		return false;
	decoder->input.pos = 0;
	decoder->input.size = decoder->source(decoder->source_arg, decoder->buffer, BUFFER_SIZE);
	decoder->source_ended = decoder->input.size == 0;
	return !decoder->source_ended;
}

/* One step of zlib: takes input, gives output, returns how much. */
static size_t
gzip_step(Decoder *decoder, char *out, size_t size)
{
	z_stream   *gzip = &decoder->gzip;
	int			result;

	if (!decoder->inside && inflateReset(gzip) != Z_OK)
		reject_memory();
	gzip->next_in = (Bytef *) decoder->buffer + decoder->input.pos;
	gzip->avail_in = decoder->input.size - decoder->input.pos;
	gzip->next_out = (Bytef *) out;
	gzip->avail_out = size;
	result = inflate(gzip, Z_NO_FLUSH);
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		reject_corrupt("gzip", gzip->msg);
	decoder->input.pos = decoder->input.size - gzip->avail_in;
	decoder->inside = result != Z_STREAM_END;
	decoder->pending = decoder->inside && gzip->avail_out == 0;
	return size - gzip->avail_out;
}

static size_t
zstd_step(Decoder *decoder, char *out, size_t size)
{
	ZSTD_outBuffer output = {out, size, 0};
	size_t		result = ZSTD_decompressStream(decoder->zstd, &output, &decoder->input);

	if (ZSTD_isError(result))
		reject_corrupt("zstd", ZSTD_getErrorName(result));
	decoder->inside = result != 0;
	decoder->pending = decoder->inside && output.pos == output.size;
	return output.pos;
}

size_t
decoder_read(Decoder *decoder, char *buffer, size_t size)
{
	size_t		got = 0;

	if (decoder->compression == S3_COMPRESSION_NONE)
		return decoder->source(decoder->source_arg, buffer, size);
	while (got == 0)
	{
		CHECK_FOR_INTERRUPTS();
		/* Output that the library still holds needs no further input; at the end it gets a last chance. */
		if (!decoder->pending && !decoder_fill(decoder))
		{
			if (decoder->inside)
				reject_truncated(decoder);
			return 0;
		}
		got = decoder->compression == S3_COMPRESSION_GZIP ? gzip_step(decoder, buffer, size)
			: zstd_step(decoder, buffer, size);
	}
	return got;
}

static void
encoder_release(void *arg)
{
	ZSTD_freeCStream(((Encoder *) arg)->zstd);
}

static void
gzip_encoder_begin(Encoder *encoder, int level)
{
	gzip_prepare(&encoder->gzip);
	if (deflateInit2(&encoder->gzip, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		reject_memory();
}

/* Threads are a matter of speed alone: a library that was built without them does the work itself. */
static void
zstd_threads(Encoder *encoder, int threads)
{
	if (threads > 0 && !ZSTD_isError(ZSTD_CCtx_setParameter(encoder->zstd, ZSTD_c_nbWorkers, threads)))
		(void) ZSTD_CCtx_setParameter(encoder->zstd, ZSTD_c_jobSize, ZSTD_JOB);
}

static void
zstd_encoder_begin(Encoder *encoder, int level, int threads)
{
	encoder->zstd = ZSTD_createCStream();
	if (encoder->zstd == NULL)
		reject_memory();
	encoder->release.func = encoder_release;
	encoder->release.arg = encoder;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &encoder->release);
	if (ZSTD_isError(ZSTD_CCtx_setParameter(encoder->zstd, ZSTD_c_compressionLevel, level)) ||
		ZSTD_isError(ZSTD_CCtx_setParameter(encoder->zstd, ZSTD_c_checksumFlag, 1)))
		reject_memory();
	zstd_threads(encoder, threads);
}

Encoder *
encoder_begin(S3Compression compression, int level, int threads, ByteSink sink, void *arg)
{
	Encoder    *encoder = palloc0(sizeof(Encoder) + buffer_size(compression));

	encoder->compression = compression;
	encoder->sink = sink;
	encoder->sink_arg = arg;
	if (compression == S3_COMPRESSION_GZIP)
		gzip_encoder_begin(encoder, level > 0 ? Min(level, GZIP_LEVEL_MAX) : GZIP_LEVEL);
	else if (compression == S3_COMPRESSION_ZSTD)
		zstd_encoder_begin(encoder, level > 0 ? level : ZSTD_LEVEL, threads);
	return encoder;
}

/* Run zlib until it has taken all input, and, with Z_FINISH, given all output. */
static void
gzip_run(Encoder *encoder, const char *bytes, size_t length, int flush)
{
	z_stream   *gzip = &encoder->gzip;
	int			result;

	gzip->next_in = (Bytef *) unconstify(char *, bytes);
	gzip->avail_in = length;
	do
	{
		gzip->next_out = (Bytef *) encoder->buffer;
		gzip->avail_out = BUFFER_SIZE;
		result = deflate(gzip, flush);
		if (result == Z_STREAM_ERROR)
			elog(ERROR, "deflate failed: %s", gzip->msg ? gzip->msg : "stream error");
		if (gzip->avail_out < BUFFER_SIZE)
			encoder->sink(encoder->sink_arg, encoder->buffer, BUFFER_SIZE - gzip->avail_out);
	} while (flush == Z_FINISH ? result != Z_STREAM_END : gzip->avail_in > 0);
}

static void
zstd_run(Encoder *encoder, const char *bytes, size_t length, ZSTD_EndDirective directive)
{
	ZSTD_inBuffer input = {bytes, length, 0};
	size_t		left;

	do
	{
		ZSTD_outBuffer output = {encoder->buffer, BUFFER_SIZE, 0};
		sigset_t	saved;

		/* The first call begins the threads, which inherit what is blocked. */
		signals_block(&saved);
		left = ZSTD_compressStream2(encoder->zstd, &output, &input, directive);
		signals_restore(&saved);
		if (ZSTD_isError(left))
			elog(ERROR, "ZSTD_compressStream2 failed: %s", ZSTD_getErrorName(left));
		if (output.pos > 0)
			encoder->sink(encoder->sink_arg, encoder->buffer, output.pos);
	} while (directive == ZSTD_e_end ? left > 0 : input.pos < input.size);
}

void
encoder_write(Encoder *encoder, const char *bytes, size_t length)
{
	if (length == 0)
		return;
	if (encoder->compression == S3_COMPRESSION_GZIP)
		gzip_run(encoder, bytes, length, Z_NO_FLUSH);
	else if (encoder->compression == S3_COMPRESSION_ZSTD)
		zstd_run(encoder, bytes, length, ZSTD_e_continue);
	else
		encoder->sink(encoder->sink_arg, bytes, length);
}

void
encoder_finish(Encoder *encoder)
{
	if (encoder->compression == S3_COMPRESSION_GZIP)
		gzip_run(encoder, NULL, 0, Z_FINISH);
	else if (encoder->compression == S3_COMPRESSION_ZSTD)
		zstd_run(encoder, NULL, 0, ZSTD_e_end);
}
