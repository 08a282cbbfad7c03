/*
 * timer.c
 *		The one timer of the steps. What is to be done when it has gone off is step.c's business.
 */
#include "postgres.h"

#include "timer.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timeout.h"

static TimeoutId timer = MAX_TIMEOUTS;	/* until it is registered */
static volatile sig_atomic_t gone_off = false;

/* In a signal handler. Interrupts act where the step's SQL looks for them, see attempt.h. */
static void
go_off(void)
{
	gone_off = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

void
timer_start(int ms)
{
	gone_off = false;
	if (ms <= 0)
		return;
	if (timer == MAX_TIMEOUTS)
		timer = RegisterTimeout(USER_TIMEOUT, go_off);
	enable_timeout_after(timer, ms);
}

bool
timer_stop(void)
{
	if (timer != MAX_TIMEOUTS)
		disable_timeout(timer, false);
	if (gone_off)
		QueryCancelPending = false;
	return gone_off;
}
