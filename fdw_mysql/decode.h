/*
 * decode.h
 *		Values of MySQL's binary protocol as Datums.
 */
#ifndef FDW_MYSQL_DECODE_H
#define FDW_MYSQL_DECODE_H

#include "postgres.h"

#include "client.h"
#include "common/column.h"
#include "lib/stringinfo.h"

#pragma GCC visibility push(hidden)

typedef struct Decoder Decoder;
typedef Datum (*DecodeFn) (Decoder *decoder, const unsigned char *value, size_t length, bool *null);

/* One column of a result and the local column that it fills. */
struct Decoder
{
	DecodeFn	decode;
	Column	   *column;
	ClientField field;
	int			slot;			/* index into the slot's values */
	bool		key;			/* belongs to the primary key */
	bool		zero_date_null;
	bool		runs_code;		/* of somebody's own, which may use the connection */
	/* where the type, or the domain's, has a length or a precision: what tells whether a value was cut or rounded */
	Oid			base;
	int32		base_typmod;
	Oid			ioparam;
	FmgrInfo	input;			/* to be called without the typmod; no function: nothing can be lost */
	FmgrInfo	equal;
};

/*
 * Choose how "decoder->column" is read from such a field; an ERROR where no value of it could be. In a memory context
 * that lives as long as the decoder.
 */
extern void decoder_choose(Decoder *decoder, const ClientField *field);

/*
 * Before decode_row(): copy the row where decoding it may run a function, as a domain's CHECK does, that has another
 * statement read on the connection.
 */
extern void decode_keep(const Decoder *decoders, int ndecoders, const ClientField *fields, int nfields, ClientRow *row);

/* Decode one row; "place" follows the column for the sake of errors. */
extern void decode_row(Decoder *decoders, int ndecoders, int nfields, const ClientRow *row, Place *place,
					   Datum *values, bool *nulls);

/* Appends ", key a=1, b=2" where the row's key columns are simple enough to show without fear of another ERROR. */
extern void decode_key(StringInfo out, const Decoder *decoders, int ndecoders, int nfields, const ClientRow *row);

/* A value as text, in MySQL's form, for messages and for types without a decoder. */
extern char *decode_text(const ClientField *field, const unsigned char *value, size_t length, size_t *text_length);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_DECODE_H */
