/*
 * compat.h
 *		Every difference between PostgreSQL 15, 16, 17 and 18 that this project meets.
 *
 * No other file tests PG_VERSION_NUM. The macros have the shape of the newest release.
 *
 * All declarations of this project that cross a file sit between "#pragma GCC visibility push(hidden)" and "pop":
 * PostgreSQL 15 loads modules RTLD_GLOBAL, and two modules would otherwise run each other's copy of a shared function.
 */
#ifndef MEDALLION_COMPAT_H
#define MEDALLION_COMPAT_H

#include "postgres.h"

#include "common/jsonapi.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "nodes/execnodes.h"
#include "storage/latch.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "commands/explain.h"
#include "optimizer/pathnode.h"
#include "parser/parsetree.h"
#include "utils/jsonfuncs.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "pg_medallion builds against PostgreSQL 15 to 18"
#endif

/* 17 gave wait event sets an owner in place of a memory context; ours live for one call. */
#if PG_VERSION_NUM >= 170000
#define compat_wait_set(n) CreateWaitEventSet(CurrentResourceOwner, (n))
#else
#define compat_wait_set(n) CreateWaitEventSet(CurrentMemoryContext, (n))
#endif

/* 17 added the restriction list of a pushed-down join, 18 the count of disabled nodes. */
#if PG_VERSION_NUM >= 180000
#define compat_foreignscan_path(root, rel, rows, startup, total, pathkeys, outer, priv) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, pathkeys, outer, NULL, NIL, priv)
#elif PG_VERSION_NUM >= 170000
#define compat_foreignscan_path(root, rel, rows, startup, total, pathkeys, outer, priv) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, pathkeys, outer, NULL, NIL, priv)
#else
#define compat_foreignscan_path(root, rel, rows, startup, total, pathkeys, outer, priv) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, pathkeys, outer, NULL, priv)
#endif

/* 16 made the callbacks of the JSON parser return whether to go on, 17 put the lexer's struct first. */
#if PG_VERSION_NUM >= 160000
typedef JsonParseErrorType compat_json_result;
#define compat_json_return return JSON_SUCCESS
#else
typedef void compat_json_result;
#define compat_json_return return
#endif
#if PG_VERSION_NUM >= 170000
#define compat_json_lex(json, length) \
	makeJsonLexContextCstringLen(NULL, (json), (length), GetDatabaseEncoding(), true)
#else
#define compat_json_lex(json, length) \
	makeJsonLexContextCstringLen((json), (length), GetDatabaseEncoding(), true)
#endif

/* Before 18, COPY takes a line of \. for the end of CSV. */
#define COMPAT_CSV_END_MARKER (PG_VERSION_NUM < 180000)

/* The role whose user mapping counts; 16 moved it out of the range table. */
#if PG_VERSION_NUM >= 160000
#define compat_scan_user(node) (((ForeignScan *) (node)->ss.ps.plan)->checkAsUser)
#define compat_modify_user(info, estate) ExecGetResultRelCheckAsUser((info), (estate))
#else
#define compat_scan_user(node) \
	(exec_rt_fetch(((ForeignScan *) (node)->ss.ps.plan)->scan.scanrelid, (node)->ss.ps.state)->checkAsUser)
#define compat_modify_user(info, estate) \
	((info)->ri_RangeTableIndex > 0 ? exec_rt_fetch((info)->ri_RangeTableIndex, (estate))->checkAsUser : InvalidOid)
#endif

/* 18 says by comparison type what a pathkey said by the strategy of a B-tree. */
#if PG_VERSION_NUM >= 180000
#include "access/cmptype.h"
#define compat_pathkey_descending(pathkey) ((pathkey)->pk_cmptype == COMPARE_GT)
#else
#include "access/stratnum.h"
#define compat_pathkey_descending(pathkey) ((pathkey)->pk_strategy == BTGreaterStrategyNumber)
#endif

/* 18 put the mark before the declaration, where C's own stands. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 16 made it report softly where it is given a place for that. */
#if PG_VERSION_NUM >= 160000
#define compat_adjust_timestamp(timestamp, typmod) AdjustTimestampForTypmod((timestamp), (typmod), NULL)
#else
#define compat_adjust_timestamp(timestamp, typmod) AdjustTimestampForTypmod((timestamp), (typmod))
#endif

/* 16 put one function in the place of one for each kind of object. */
#include "utils/acl.h"
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_foreign_server.h"
#define compat_server_aclcheck(serverid, role, mode) \
	object_aclcheck(ForeignServerRelationId, (serverid), (role), (mode))
#else
#define compat_server_aclcheck(serverid, role, mode) pg_foreign_server_aclcheck((serverid), (role), (mode))
#endif

/* 16 can explain a plan whose parameters have no values. */
#if PG_VERSION_NUM >= 160000
#define compat_explain_generic(es) ((es)->generic)
#else
#define compat_explain_generic(es) false
#endif

/*
 * Before 17 a statement in parallel mode cannot begin a subtransaction. Told in time that it is in none, its Gather nodes
 * start no workers and run what is below them themselves. A plan that is kept stays right with that: every run needs it.
 */
#if PG_VERSION_NUM >= 170000
#define compat_need_subtransactions(estate) ((void) (estate))
#else
#define compat_need_subtransactions(estate) ((estate)->es_plannedstmt->parallelModeNeeded = false)
#endif

/* 18 dropped the argument that said whether a portal is run once. */
#include "tcop/pquery.h"
#if PG_VERSION_NUM >= 180000
#define compat_portal_run(portal, receiver) PortalRun((portal), FETCH_ALL, true, (receiver), (receiver), NULL)
#else
#define compat_portal_run(portal, receiver) PortalRun((portal), FETCH_ALL, true, true, (receiver), (receiver), NULL)
#endif

#endif							/* MEDALLION_COMPAT_H */
