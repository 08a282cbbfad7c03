/*
 * modify.c
 *		Rows into the spool. How a row becomes a message encode.c knows, when it is sent pending.c.
 */
#include "postgres.h"

#include "fdw_kafka/modify.h"

#include "common/column.h"
#include "fdw_kafka/encode.h"
#include "fdw_kafka/option.h"
#include "fdw_kafka/pending.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(fdw_kafka_finish);

struct KafkaModify
{
	MemoryContext context;
	MemoryContext row_context;
	Relation	rel;
	Oid			userid;
	KafkaOptions *options;
	Encoder    *encoder;
	Place		place;
	int			target;			/* pending.c's number; -1 until the first row */
	int64		messages;
};

static void
modify_describe(StringInfo context, void *arg)
{
	const KafkaModify *modify = arg;
	const char *column = encoder_column(modify->encoder);

	if (column != NULL)
		appendStringInfo(context, ", column \"%s\"", column);
	appendStringInfo(context, ", row " INT64_FORMAT, modify->messages + 1);
}

KafkaModify *
modify_begin(Relation rel, Oid userid)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "fdw_kafka modify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	KafkaModify *modify = palloc0(sizeof(KafkaModify));

	modify->context = context;
	modify->row_context = AllocSetContextCreate(context, "fdw_kafka row", ALLOCSET_DEFAULT_SIZES);
	modify->rel = rel;
	modify->userid = OidIsValid(userid) ? userid : GetUserId();
	modify->options = kafka_table_options(RelationGetRelid(rel), NULL);
	modify->encoder = encoder_begin(rel, modify->options);
	modify->place.table = RelationGetRelationName(rel);
	modify->place.describe = modify_describe;
	modify->place.arg = modify;
	modify->target = -1;
	MemoryContextSwitchTo(old);
	return modify;
}

static int
open_target(const KafkaModify *modify)
{
	ProducerKind kind;

	kind.transactional = modify->options->transactional;
	kind.compression = kafka_compression_name(modify->options->compression);
	kind.max_message = modify->options->max_message;
	return pending_target(GetForeignTable(RelationGetRelid(modify->rel))->serverid, modify->userid,
						  modify->options->topic, &kind);
}

/* The library has no answer to it but a failure at the end. */
static void
reject_large(const KafkaModify *modify, const KafkaMessage *message)
{
	int64		size = (int64) Max(message->key_length, 0) + Max(message->value_length, 0) + message->headers_length;

	if (size > modify->options->max_message)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("message of " INT64_FORMAT " bytes is longer than " INT64_FORMAT " bytes", size,
					   (int64) modify->options->max_message),
				errhint("The option max_message of the foreign table is the limit; the topic's max.message.bytes must allow it too."));
}

void
modify_insert(KafkaModify *modify, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(modify->row_context);
	KafkaMessage message;

	place_push(&modify->place);
	slot_getallattrs(slot);
	encoder_row(modify->encoder, slot, &message);
	reject_large(modify, &message);
	if (modify->target < 0)
		modify->target = open_target(modify);
	pending_add(modify->target, &message);
	modify->messages++;
	place_pop(&modify->place);
	MemoryContextSwitchTo(old);
	MemoryContextReset(modify->row_context);
}

void
modify_end(KafkaModify *modify)
{
	MemoryContextDelete(modify->context);
}

int64
modify_messages(const KafkaModify *modify)
{
	return modify->messages;
}

/* fdw_kafka_finish(): send what the transaction has spooled, now. */
Datum
fdw_kafka_finish(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, pending_finish())
	{
		const PendingSent *row = lfirst(lc);
		NameData	server;
		Datum		values[6];
		bool		nulls[6] = {false};

		namestrcpy(&server, row->server);
		values[0] = NameGetDatum(&server);
		values[1] = CStringGetTextDatum(row->topic);
		values[2] = Int32GetDatum(row->partition);
		values[3] = Int64GetDatum(row->messages);
		values[4] = Int64GetDatum(row->first_offset);
		values[5] = Int64GetDatum(row->last_offset);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
