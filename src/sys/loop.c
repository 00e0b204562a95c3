#include "sys/loop.h"

#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	MANY = 32, /* with fewer all are asked for */
	LATELY = 16, /* turns */
	ALL_EVERY_US = 1000,
	SHORT_MS = 20, /* without memory it asks so often */
	IN_VAIN = 16, /* turns with nothing to do but what cannot be done */
};

static int signal_pipe[2] = { -1, -1 };

static void
on_signal(int sig)
{
	int saved = errno;
	unsigned char byte = (unsigned char)sig;
	ssize_t n = write(signal_pipe[1], &byte, 1);
	(void)n; /* full: enough signals are waiting already */
	errno = saved;
}

static void
read_signals(void *owner, short revents)
{
	struct loop *l = owner;
	unsigned char bytes[64];
	(void)revents;
	ssize_t n = read(signal_pipe[0], bytes, sizeof bytes);
	for (ssize_t i = 0; i < n; i++)
		l->on_signal(l->turn_owner, bytes[i]);
}

static size_t
descriptors_max(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return limit.rlim_cur < SIZE_MAX / 2 ? (size_t)limit.rlim_cur : SIZE_MAX / 2;
}

int
loop_init(struct loop *l, const int *signals)
{
	*l = (struct loop){ .now_us = sys_now_us(), .fds_max = descriptors_max() };
	if (sys_pipe(signal_pipe) || sys_nonblock(signal_pipe[0])
	    || sys_nonblock(signal_pipe[1]))
		return -1;
	l->signal_watch = (struct watch){ .fd = signal_pipe[0],
		.events = POLLIN,
		.fn = read_signals,
		.owner = l };
	if (!loop_add_kept(l, &l->signal_watch))
		return -1;
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigfillset(&act.sa_mask);
	for (; *signals; signals++)
		if (sigaction(*signals, &act, NULL) < 0)
			return -1;
	return 0;
}

bool
loop_add_kept(struct loop *l, struct watch *w)
{
	size_t i = 0;
	while (i < l->n_watches && l->watches[i])
		i++;
	if (i == LOOP_WATCHES)
		return false;
	w->since = w->ready = l->turns;
	l->watches[i] = w;
	if (i == l->n_watches)
		l->n_watches++;
	return true;
}

static size_t
less(size_t n, size_t by)
{
	return n > by ? n - by : 0;
}

static size_t
watches_left(const struct loop *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n_watches; i++)
		n += l->watches[i] != NULL;
	return less(LOOP_WATCHES - LOOP_KEPT, n);
}

/* The lowest number that is free: at least so many are open. */
static size_t
descriptors_open(void)
{
	int fd = fcntl(signal_pipe[0], F_DUPFD, 0);
	if (fd < 0)
		return errno == EBADF ? 0 : SIZE_MAX;
	close(fd);
	return (size_t)fd;
}

bool
loop_add(struct loop *l, struct watch *w)
{
	return watches_left(l) && loop_add_kept(l, w);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Where few are allowed, connections get a quarter. */
static size_t
descriptors_for_others(const struct loop *l)
{
	return l->fds_max - smaller(LOOP_FDS_KEPT, l->fds_max / 4 * 3);
}

size_t
loop_room(const struct loop *l)
{
	return smaller(watches_left(l),
	    less(descriptors_for_others(l), descriptors_open()));
}

size_t
loop_room_max(const struct loop *l)
{
	return smaller(LOOP_WATCHES - LOOP_KEPT, descriptors_for_others(l));
}

void
loop_remove(struct loop *l, struct watch *w)
{
	for (size_t i = 0; i < l->n_watches; i++)
		if (l->watches[i] == w)
			l->watches[i] = NULL;
	while (l->n_watches && !l->watches[l->n_watches - 1])
		l->n_watches--;
}

static int
timeout_ms(uint64_t at_us)
{
	if (!at_us)
		return -1;
	uint64_t now = sys_now_us();
	if (at_us <= now)
		return 0;
	uint64_t ms = (at_us - now + 999) / 1000;
	return ms > 3600 * 1000 ? 3600 * 1000 : (int)ms;
}

/* Asks for those that were ready after that turn, and calls who is ready now.  Returns how
 * many were; -1: a signal came, the signal pipe has it. */
static int
ask(struct loop *l, uint64_t after, int timeout)
{
	struct pollfd fds[LOOP_WATCHES];
	struct watch *called[LOOP_WATCHES];
	size_t n = l->n_watches;
	for (size_t i = 0; i < n; i++) {
		struct watch *w = called[i] = l->watches[i];
		fds[i].fd = w && w->events && w->ready >= after ? w->fd : -1;
		fds[i].events = w ? w->events : 0;
	}
	int ready = poll(fds, (nfds_t)n, timeout);
	if (ready < 0)
		return ready;
	l->now_us = sys_now_us();
	l->turns++;
	for (size_t i = 0; i < n; i++)
		/* One that has gone meanwhile is not called, nor one that was added since: it
		 * may have the same address and descriptor, but these are not its events. */
		if (fds[i].revents && l->watches[i] == called[i]
		    && called[i]->since != l->turns) {
			called[i]->ready = l->turns;
			called[i]->fn(called[i]->owner, fds[i].revents);
		}
	return ready;
}

/* What is due, and cannot be done for want of memory, is due again at the same time. */
static bool
is_in_vain(struct loop *l, uint64_t deadline_us)
{
	bool again = deadline_us && deadline_us == l->due_us && deadline_us < l->now_us;
	l->due_us = deadline_us;
	l->in_vain = again ? l->in_vain + 1 : 0;
	return l->in_vain > IN_VAIN;
}

static void
one_turn(struct loop *l, uint64_t deadline_us)
{
	if (l->n_watches > MANY && l->now_us < l->asked_us + ALL_EVERY_US
	    && l->turns > LATELY && ask(l, l->turns - LATELY, 0))
		return;
	if (is_in_vain(l, deadline_us) | sys_was_short())
		(void)poll(NULL, 0, SHORT_MS);
	if (ask(l, 0, timeout_ms(deadline_us)))
		l->in_vain = 0;
	l->asked_us = l->now_us;
}

void
loop_run(struct loop *l)
{
	while (!l->stopped) {
		uint64_t deadline_us = l->turn(l->turn_owner, l->now_us);
		if (!l->stopped)
			one_turn(l, deadline_us);
		l->now_us = sys_now_us();
	}
}

void
loop_stop(struct loop *l)
{
	l->stopped = true;
}
