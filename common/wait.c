/*
 * wait.c
 *		Waiting and deadlines. Which sockets matter, and what to do when they are ready, is the caller's affair.
 */
#include "postgres.h"

#include "common/wait.h"

#include <poll.h>
#include <pthread.h>

#include "common/compat.h"
/*
 * Port's Kerberos fields need headers that a machine with only the server's headers lacks. Its first field is all that
 * this file reads.
 */
#undef ENABLE_GSS
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* Latch, postmaster, client. */
#define OWN_EVENTS 3

static bool
client_socket_watchable(void)
{
	return MyProcPort != NULL && MyProcPort->sock != PGINVALID_SOCKET && WaitEventSetCanReportClosed();
}

static void
note_client_gone(void)
{
	ClientConnectionLost = 1;
	InterruptPending = 1;
}

/* Sort one event into the caller's array; true when it was one of the caller's sockets. */
static bool
event_is_socket(const WaitEvent *event, WaitSocket *sockets)
{
	if (event->events & WL_LATCH_SET)
		ResetLatch(MyLatch);
	else if (event->user_data != NULL)
	{
		WaitSocket *socket = (WaitSocket *) event->user_data;

		socket->ready = event->events & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE);
		return true;
	}
	else if (event->events & WL_SOCKET_CLOSED)
		note_client_gone();
	return false;
}

int
wait_sockets(WaitSocket *sockets, int count, long timeout_ms)
{
	WaitEventSet *set;
	WaitEvent  *events;
	int			nevents;
	int			nready = 0;

	CHECK_FOR_INTERRUPTS();

	set = compat_wait_set(count + OWN_EVENTS);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	if (client_socket_watchable())
		AddWaitEventToSet(set, WL_SOCKET_CLOSED, MyProcPort->sock, NULL, NULL);
	for (int i = 0; i < count; i++)
	{
		sockets[i].ready = 0;
		AddWaitEventToSet(set, sockets[i].events, sockets[i].fd, NULL, &sockets[i]);
	}

	events = palloc(sizeof(WaitEvent) * (count + OWN_EVENTS));
	nevents = WaitEventSetWait(set, timeout_ms, events, count + OWN_EVENTS, PG_WAIT_EXTENSION);
	for (int i = 0; i < nevents; i++)
		if (event_is_socket(&events[i], sockets))
			nready++;
	pfree(events);
	FreeWaitEventSet(set);

	CHECK_FOR_INTERRUPTS();
	return nready;
}

/* Would CHECK_FOR_INTERRUPTS() end the statement? */
static bool
interrupt_wanted(void)
{
	if (!InterruptPending || InterruptHoldoffCount > 0 || CritSectionCount > 0)
		return false;
	return ProcDiePending || ClientConnectionLost || (QueryCancelPending && QueryCancelHoldoffCount == 0);
}

/* In slices: a signal may come between the check and poll(2). */
bool
wait_in_library(pgsocket fd, uint32 events, long timeout_ms, bool interruptible)
{
	Deadline	deadline = deadline_in(timeout_ms);
	struct pollfd polled[2] = {{.fd = fd}, {.fd = -1}};

	if (timeout_ms == 0)
		return false;
	polled[0].events = (events & WL_SOCKET_READABLE ? POLLIN : 0) | (events & WL_SOCKET_WRITEABLE ? POLLOUT : 0);
	if (interruptible && client_socket_watchable())
	{
		polled[1].fd = MyProcPort->sock;
		polled[1].events = POLLRDHUP;
	}
	for (;;)
	{
		long		left = deadline_cap(deadline, WAIT_SLICE_MS);

		if (left == 0 || (interruptible && interrupt_wanted()))
			return false;
		if (poll(polled, lengthof(polled), (int) left) <= 0)
			continue;
		if (polled[0].revents != 0)
			return true;
		if (polled[1].revents != 0)
			note_client_gone();
	}
}

void
wait_sleep(long timeout_ms)
{
	Deadline	deadline = deadline_in(timeout_ms);
	long		left;

	while ((left = deadline_left(deadline)) > 0)
		wait_sockets(NULL, 0, left);
}

Deadline
deadline_in(long ms)
{
	if (ms <= 0)
		return DEADLINE_NONE;
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

long
deadline_left(Deadline deadline)
{
	if (deadline == DEADLINE_NONE)
		return -1;
	/* rounds up, so that a wait for what is left does not end early */
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
}

long
deadline_cap(Deadline deadline, long timeout_ms)
{
	long		left = deadline_left(deadline);

	if (left < 0)
		return timeout_ms;
	return timeout_ms < 0 ? left : Min(left, timeout_ms);
}

void
signals_block(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

void
signals_restore(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}
