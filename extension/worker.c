/*
 * worker.c
 *		Background workers: a session of the pipelines' owner that serves requests until there are no more.
 *
 * What a request is, sql/request.sql says; serving one is call.c's. A worker is started when the transaction that asked for
 * it has committed, and there are few at once: whatever gets none now, watch() starts a minute later.
 */
#include "postgres.h"

#include "worker.h"

#include "common/compat.h"
#include "ledger.h"
#include "lock.h"
#include "timer.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

/* What bgw_extra carries. */
typedef struct WorkerTask
{
	Oid			database;
	Oid			role;
} WorkerTask;

/* Runs at once in a database; one more worker may deliver alerts meanwhile. Slots are locks, which go with the session. */
#define RUN_SLOTS 2
#define ALERT_SLOT (RUN_SLOTS + 1)
/* What one alert may take on its way, a user's SQL and a post. */
#define DELIVERY_S 60

extern PGDLLEXPORT void medallion_worker_main(Datum arg);

/* ---- starting them ---- */

static List *roles_at_commit = NIL; /* one for each worker; in TopTransactionContext */

static void
launch(Oid role)
{
	BackgroundWorker worker = {0};
	WorkerTask	task = {.database = MyDatabaseId,.role = role};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "medallion", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "medallion_worker_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "medallion worker", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "medallion worker", sizeof(worker.bgw_type));
	memcpy(worker.bgw_extra, &task, sizeof(task));
	(void) RegisterDynamicBackgroundWorker(&worker, NULL);
}

static void
transaction_end(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event == XACT_EVENT_COMMIT)
	{
		foreach(cell, roles_at_commit)
			launch(lfirst_oid(cell));
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		roles_at_commit = NIL;
}

static int
count_of(Oid role)
{
	int			count = 0;
	ListCell   *cell;

	foreach(cell, roles_at_commit)
		count += lfirst_oid(cell) == role;
	return count;
}

void
worker_at_commit(Oid owner)
{
	static bool registered = false;
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	if (!registered)
		RegisterXactCallback(transaction_end, NULL);
	registered = true;
	if (count_of(owner) < RUN_SLOTS)
		roles_at_commit = lappend_oid(roles_at_commit, owner);
	MemoryContextSwitchTo(old);
}

void
worker_at_commit_all(const char *owners)
{
	for (const char *c = owners; *c != '\0'; c += strcspn(c, ","))
	{
		c += strspn(c, "{},");
		if (*c != '\0')
			worker_at_commit(atooid(c));
	}
}

/* ---- what they do ---- */

/* Run one statement as a client's would be: run() commits within it, for which it needs a portal of its own. */
static void
execute_statement(const char *sql)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "medallion statement", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	List	   *plans;
	RawStmt    *statement;
	Portal		portal;

	SetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, sql);
	StartTransactionCommand();
	old = MemoryContextSwitchTo(context);
	statement = linitial_node(RawStmt, pg_parse_query(sql));
	PushActiveSnapshot(GetTransactionSnapshot());
	plans = pg_plan_queries(pg_analyze_and_rewrite_fixedparams(statement, sql, NULL, 0, NULL), sql, 0, NULL);
	PopActiveSnapshot();
	portal = CreatePortal("", true, true);
	portal->visible = false;
	PortalDefineQuery(portal, NULL, sql, CMDTAG_UNKNOWN, plans, NULL);
	PortalStart(portal, NULL, 0, InvalidSnapshot);
	(void) compat_portal_run(portal, None_Receiver);
	PortalDrop(portal, false);
	MemoryContextSwitchTo(old);
	CommitTransactionCommand();
	MemoryContextDelete(context);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* The same; a failure is in the server's log, and where people look for it: with the run, or the alert. */
static void
try_statement(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		execute_statement(sql);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		AbortCurrentTransaction();
		PortalHashTableDeleteAll();
		FlushErrorState();
		RESUME_INTERRUPTS();
		pgstat_report_activity(STATE_IDLE, NULL);
	}
	PG_END_TRY();
}

/* One statement of the ledger's in a transaction of its own; what it returns lives in TopMemoryContext. */
static char *
ask_ledger(const char *sql, const char *role, const char *other)
{
	const char *args[] = {role, other};
	char	   *answer;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	answer = ledger_execute(sql, lengthof(args), args);
	if (answer != NULL)
		answer = MemoryContextStrdup(TopMemoryContext, answer);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return answer;
}

/*
 * The next request behind "last" for a pipeline of the role that is neither running nor paused. What this session could not
 * serve, as another one was faster, is left for the next worker.
 */
static char *
take_request(const char *role, const char *last)
{
	return ask_ledger("UPDATE medallion.request q SET pid = pg_catalog.pg_backend_pid(), started_at = pg_catalog.clock_timestamp()"
					  " WHERE q.request_id = (SELECT r.request_id FROM medallion.request r"
					  "   JOIN medallion.pipeline p ON p.name = r.pipeline"
					  "   WHERE p.owner = $1::pg_catalog.name AND r.request_id > $2::bigint AND r.pid IS NULL AND NOT p.paused"
					  "     AND NOT EXISTS (SELECT FROM medallion.run n WHERE n.pipeline = p.name AND n.state = 'running'"
					  "       AND medallion.is_alive(n.pid, COALESCE(n.continued_at, n.started_at)))"
					  "   ORDER BY r.request_id LIMIT 1 FOR UPDATE OF r SKIP LOCKED)"
					  " RETURNING q.request_id",
					  role, last);
}

static bool
take_slot(int slot)
{
	bool		taken;

	StartTransactionCommand();
	taken = lock_take_slot(slot);
	CommitTransactionCommand();
	return taken;
}

static void
drop_slot(int slot)
{
	StartTransactionCommand();
	lock_release_slot(slot);
	CommitTransactionCommand();
}

static void
serve_requests(const char *role)
{
	char	   *request = "0";

	for (int slot = 1; !take_slot(slot); slot++)
		if (slot == RUN_SLOTS)
			return;
	while ((request = take_request(role, request)) != NULL)
	{
		char	   *sql = psprintf("CALL medallion.serve(%s)", request);

		pgstat_report_appname("medallion worker");
		try_statement(sql);
		pfree(sql);
	}
}

/*
 * The next alert to deliver, as arguments of deliver_alert(); of a paused pipeline, nothing is run. The try is counted
 * before it is made, so that one which never ends is not the only one for ever; less and less often, ten times.
 */
static char *
claim_alert(const char *role)
{
	return ask_ledger("UPDATE medallion.alert_delivery l SET tries = l.tries + 1, error = 'it took longer than ' || $2 || ' s',"
					  "   next_at = CASE WHEN l.tries < 9 THEN pg_catalog.clock_timestamp()"
					  "     + pg_catalog.power(2, l.tries) * '1 minute'::pg_catalog.interval ELSE 'infinity' END"
					  " WHERE (l.alert_id, l.event) = (SELECT d.alert_id, d.event FROM medallion.alert_delivery d"
					  "   JOIN medallion.pipeline p ON p.name = d.pipeline"
					  "   WHERE p.owner = $1::pg_catalog.name AND NOT p.paused AND d.delivered_at IS NULL"
					  "     AND d.next_at <= pg_catalog.clock_timestamp()"
					  "   ORDER BY d.alert_id, d.event DESC LIMIT 1 FOR UPDATE OF d SKIP LOCKED)"
					  " RETURNING pg_catalog.format('%s, %L', l.alert_id, l.event)",
					  role, psprintf("%d", DELIVERY_S));
}

static void
serve_alerts(const char *role)
{
	char	   *alert;

	if (!take_slot(ALERT_SLOT))
		return;
	while ((alert = claim_alert(role)) != NULL)
	{
		char	   *sql = psprintf("SELECT medallion.deliver_alert(%s)", alert);

		timer_start(DELIVERY_S * 1000);
		try_statement(sql);
		(void) timer_stop();
		pfree(sql);
		pfree(alert);
	}
	drop_slot(ALERT_SLOT);
}

void
medallion_worker_main(Datum arg)
{
	WorkerTask	task;
	char	   *role;

	memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof(task));
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(task.database, task.role, 0);
	SetConfigOption("medallion.progress", "off", PGC_USERSET, PGC_S_SESSION);
	StartTransactionCommand();
	role = MemoryContextStrdup(TopMemoryContext, GetUserNameFromId(GetUserId(), false));
	CommitTransactionCommand();
	/* Alerts first: they are quick, and runs may not be. */
	serve_alerts(role);
	serve_requests(role);
	serve_alerts(role);
}
