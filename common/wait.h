/*
 * wait.h
 *		The one way to wait for something outside PostgreSQL: interruptible, bounded, and deaf to no signal.
 */
#ifndef MEDALLION_WAIT_H
#define MEDALLION_WAIT_H

#include "postgres.h"

#include <signal.h>

#include "datatype/timestamp.h"
#include "storage/latch.h"

#pragma GCC visibility push(hidden)

/* A call into a library that cannot be interrupted may last this long at most. */
#define WAIT_SLICE_MS 250

typedef struct WaitSocket
{
	pgsocket	fd;
	uint32		events;			/* WL_SOCKET_READABLE, WL_SOCKET_WRITEABLE or both */
	uint32		ready;			/* out: those of them that came */
} WaitSocket;

/*
 * Wait until one of the sockets is ready, the latch is set, or timeout_ms have passed (-1: no limit). Returns the number
 * of sockets that are ready, 0 after a latch or a timeout. Cancel, terminate, statement_timeout and a client that
 * went away leave through ERROR or FATAL, unless interrupts are held; no library frame may be on the stack.
 */
extern int	wait_sockets(WaitSocket *sockets, int count, long timeout_ms);

/*
 * Wait for one socket while a library's frames are on the stack, so that nothing may leave through them: true when it is
 * ready, false when timeout_ms (-1: no limit) have passed or, where "interruptible", an interrupt asks for an ERROR.
 * Then leave the library, which fails, and call CHECK_FOR_INTERRUPTS().
 */
extern bool wait_in_library(pgsocket fd, uint32 events, long timeout_ms, bool interruptible);

/* wait_sockets() without sockets: sleep, interruptibly. */
extern void wait_sleep(long timeout_ms);

/* A point in time by which work must be done; 0 ms and less mean none. */
typedef TimestampTz Deadline;
#define DEADLINE_NONE ((Deadline) 0)
extern Deadline deadline_in(long ms);
/* Milliseconds that are left: 0 when it has passed, -1 when there is no deadline. */
extern long deadline_left(Deadline deadline);
/* The smaller of a deadline's rest and another timeout, either of which may be -1. */
extern long deadline_cap(Deadline deadline, long timeout_ms);

/*
 * Block every signal around a call that may start a thread: the thread inherits the mask, and PostgreSQL's handlers
 * never run in it. Nothing between the two calls may raise an ERROR.
 */
extern void signals_block(sigset_t *saved);
extern void signals_restore(const sigset_t *saved);

#pragma GCC visibility pop

#endif							/* MEDALLION_WAIT_H */
