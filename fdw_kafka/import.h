/*
 * import.h
 *		IMPORT FOREIGN SCHEMA: a foreign table for each topic.
 */
#ifndef MEDALLION_KAFKA_IMPORT_H
#define MEDALLION_KAFKA_IMPORT_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#pragma GCC visibility push(hidden)

extern List *kafkaImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_IMPORT_H */
