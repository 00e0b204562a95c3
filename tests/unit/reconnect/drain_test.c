#include "reconnect/drain.h"
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { FLOOD = 1024 * 1024, PATIENCE_MS = 5000 };

/* Writes until all is taken, or nobody reads any more. */
static bool
flood(int fd)
{
	static char bytes[FLOOD];
	size_t done = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	while (done < sizeof bytes && poll(&p, 1, PATIENCE_MS) == 1) {
		ssize_t n = send(fd, bytes + done, sizeof bytes - done,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return done == sizeof bytes;
}

static void
wait_end(struct drain *d)
{
	for (int ms = 0; d->pid && ms < PATIENCE_MS; ms++) {
		drain_reap(d);
		poll(NULL, 0, 1);
	}
	CHECK_EQ(d->pid, 0);
}

TEST(what_is_written_when_nobody_else_reads_is_dropped)
{
	int fds[2];
	struct drain d = { 0 };
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	drain_start(&d, fds[0]);
	CHECK(d.pid > 0);
	close(fds[0]);
	drain_stop(&d);
	CHECK(flood(fds[1]));
	close(fds[1]);
	wait_end(&d);
}

TEST(up_to_the_end_nothing_is_read)
{
	int fds[2];
	char byte;
	struct drain d = { 0 };
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	drain_start(&d, fds[0]);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	poll(NULL, 0, 50);
	drain_reap(&d);
	CHECK(d.pid > 0);
	CHECK_EQ(recv(fds[0], &byte, 1, MSG_DONTWAIT), 1);
	close(fds[0]);
	close(fds[1]);
	drain_stop(&d);
	wait_end(&d);
	drain_stop(&d);
	drain_reap(&d);
}
