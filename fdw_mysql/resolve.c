/*
 * resolve.c
 *		Look a host name up on a thread of its own. Knows nothing of MySQL.
 *
 * getaddrinfo() cannot be cancelled and waits as long as resolv.conf says. So it runs on a detached thread that has all
 * signals blocked, touches nothing of PostgreSQL's and shares one malloc'd request with the backend: whoever of the two
 * lets go last frees it. A backend that was cancelled goes on at once; the thread ends with its look-up. glibc's own
 * getaddrinfo_a() does the same on a pool, but its requests cannot be let go of. A forked process would carry the
 * backend's shared memory and sockets with it.
 */
#include "postgres.h"

#include "resolve.h"

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "storage/fd.h"

typedef struct Answer
{
	int			error;			/* of getaddrinfo() */
	int			count;
	char		addresses[RESOLVE_MAX][NI_MAXHOST];
} Answer;

typedef struct Request
{
	pthread_mutex_t lock;
	int			holders;		/* 2, 1; at 0 the request is freed */
	int			done[2];		/* a socket pair: the thread writes a byte to done[1] */
	Answer		answer;
	char		host[FLEXIBLE_ARRAY_MEMBER];
} Request;

static void
request_release(Request *request)
{
	int			holders;

	pthread_mutex_lock(&request->lock);
	holders = --request->holders;
	pthread_mutex_unlock(&request->lock);
	if (holders > 0)
		return;
	close(request->done[0]);
	close(request->done[1]);
	pthread_mutex_destroy(&request->lock);
	free(request);
}

/* Also used without a thread, for addresses that need no look-up. */
static bool
look_up(const char *host, int flags, Answer *answer)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found = NULL;

	answer->count = 0;
	answer->error = getaddrinfo(host, NULL, &hints, &found);
	for (struct addrinfo *a = found; answer->error == 0 && a != NULL && answer->count < RESOLVE_MAX; a = a->ai_next)
	{
		answer->error = getnameinfo(a->ai_addr, a->ai_addrlen, answer->addresses[answer->count], NI_MAXHOST, NULL, 0,
									NI_NUMERICHOST);
		answer->count++;
	}
	if (found != NULL)
		freeaddrinfo(found);
	return answer->error == 0;
}

static void *
look_up_thread(void *arg)
{
	Request    *request = (Request *) arg;

	look_up(request->host, AI_ADDRCONFIG, &request->answer);
	(void) !write(request->done[1], "", 1);
	request_release(request);
	return NULL;
}

/* NULL when the machine is out of descriptors or memory. */
static Request *
request_create(const char *host)
{
	Request    *request = calloc(1, offsetof(Request, host) + strlen(host) + 1);

	if (request == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, request->done) != 0)
	{
		free(request);
		return NULL;
	}
	strcpy(request->host, host);
	pthread_mutex_init(&request->lock, NULL);
	request->holders = 1;
	return request;
}

static bool
request_start(Request *request)
{
	pthread_attr_t attributes;
	pthread_t	thread;
	sigset_t	signals;
	int			error;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	request->holders = 2;
	signals_block(&signals);
	error = pthread_create(&thread, &attributes, look_up_thread, request);
	signals_restore(&signals);
	pthread_attr_destroy(&attributes);
	if (error != 0)
		request->holders = 1;
	return error == 0;
}

/* At the end of a transaction: nothing may be raised, not even for want of memory. */
static bool
request_wait_held(Request *request, Deadline deadline)
{
	struct pollfd poll_fd = {.fd = request->done[0], .events = POLLIN};
	long		left;

	while ((left = deadline_left(deadline)) != 0)
		if (poll(&poll_fd, 1, (int) left) > 0)
			return true;
	return false;
}

static bool
request_wait(Request *request, Deadline deadline)
{
	WaitSocket	socket = {request->done[0], WL_SOCKET_READABLE};
	long		left;

	while ((left = deadline_left(deadline)) != 0)
		if (wait_sockets(&socket, 1, left) > 0)
			return true;
	return false;
}

/*
 * The socket pair is accounted with fd.c while somebody waits here. A look-up that was let go of keeps it until it ends,
 * in a thread that may not call fd.c.
 */
static bool
descriptors_acquire(void)
{
	if (!AcquireExternalFD())
		return false;
	if (AcquireExternalFD())
		return true;
	ReleaseExternalFD();
	return false;
}

static void
descriptors_release(void)
{
	ReleaseExternalFD();
	ReleaseExternalFD();
}

/* False when there was no answer in time. Lets go of the request, also when it is interrupted. */
static bool
request_finish(Request *request, Deadline deadline, bool interruptible, Answer *answer)
{
	volatile bool answered = false;

	PG_TRY();
	{
		answered = interruptible ? request_wait(request, deadline) : request_wait_held(request, deadline);
	}
	PG_CATCH();
	{
		request_release(request);
		descriptors_release();
		PG_RE_THROW();
	}
	PG_END_TRY();

	if (answered)
		*answer = request->answer;
	request_release(request);
	descriptors_release();
	return answered;
}

/* NULL, or why there is no answer. */
static const char *
look_up_on_thread(const char *host, Deadline deadline, bool interruptible, Answer *answer)
{
	Request    *request;

	if (!descriptors_acquire())
		return "out of descriptors";
	request = request_create(host);
	if (request == NULL)
	{
		descriptors_release();
		return "out of resources";
	}
	if (!request_start(request))
	{
		request_release(request);
		descriptors_release();
		return "out of resources";
	}
	if (!request_finish(request, deadline, interruptible, answer))
		return "timed out";
	return answer->error != 0 ? gai_strerror(answer->error) : NULL;
}

int
resolve_host(const char *host, Deadline deadline, char *addresses[RESOLVE_MAX])
{
	Answer		answer;
	const char *failure = NULL;

	if (!look_up(host, AI_NUMERICHOST, &answer))
		failure = look_up_on_thread(host, deadline, true, &answer);
	if (failure != NULL)
		ereport(ERROR,
				errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				errmsg("could not look up host \"%s\": %s", host, failure));
	for (int i = 0; i < answer.count; i++)
		addresses[i] = pstrdup(answer.addresses[i]);
	return answer.count;
}

bool
resolve_answers(const char *host, Deadline deadline, bool interruptible)
{
	Answer		answer;

	return look_up(host, AI_NUMERICHOST, &answer) ||
		look_up_on_thread(host, deadline, interruptible, &answer) == NULL;
}
