/*
 * codec.h
 *		gzip and zstd as streams: bytes in, bytes out, in bounded memory. Where the bytes come from or go, callers know.
 */
#ifndef MEDALLION_S3_CODEC_H
#define MEDALLION_S3_CODEC_H

#include "postgres.h"

#include "fdw_s3/option.h"

#pragma GCC visibility push(hidden)

/* Up to "size" bytes, at least one; 0 at the end. */
typedef size_t (*ByteSource) (void *arg, char *buffer, size_t size);
typedef void (*ByteSink) (void *arg, const char *bytes, size_t length);

typedef struct Decoder Decoder;
typedef struct Encoder Encoder;

/* Both live in the current memory context and are released with it. */
extern Decoder *decoder_begin(S3Compression compression, ByteSource source, void *arg);
/*
 * The decompressed bytes, as a ByteSource. Several gzip members or zstd frames follow each other without a seam; a stream
 * that ends in the middle of one is an ERROR.
 */
extern size_t decoder_read(Decoder *decoder, char *buffer, size_t size);

/*
 * "level" is the method's own, or 0 for a good one; more than the method has is its most. "threads" are zstd's: they see
 * no signals, run nothing of PostgreSQL's, and end with the encoder.
 */
extern Encoder *encoder_begin(S3Compression compression, int level, int threads, ByteSink sink, void *arg);
extern void encoder_write(Encoder *encoder, const char *bytes, size_t length);
/* Ends the stream: the rest goes to the sink. */
extern void encoder_finish(Encoder *encoder);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_CODEC_H */
