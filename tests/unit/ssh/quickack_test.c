/* A connection on loopback whose other end has Nagle's algorithm on, as sshd's has. */
#include "ssh/quickack.h"
#include "sys/os.h"
#include "sys/sys.h"
#include "sys/tcp.h"
#include "test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* What is delayed is so by 40 ms (TCP_DELACK_MIN in Linux); a round on loopback takes
 * hundreds of times less, and once it must have had the processor for itself. */
enum { ROUNDS = 5, DELAY_MS = 40, TRIES = 5, PATIENCE_MS = 10 * 1000 };

static struct loop loop;
static struct quickack quickack;
static int near, far; /* near: ssh's, and ours */

static void
begin(void)
{
	int listener = tcp_listen(0);
	CHECK(listener >= 0);
	near = tcp_connect(tcp_port(listener));
	CHECK(near >= 0);
	CHECK(sys_wait(listener, POLLIN, PATIENCE_MS));
	far = tcp_accept(listener);
	CHECK(far >= 0);
	CHECK_EQ(setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &(int){ 0 }, sizeof(int)), 0);
	close(listener);
	loop = (struct loop){ 0 };
	quickack = (struct quickack){ 0 };
}

static void
end(void)
{
	quickack_stop(&quickack);
	close(near);
	close(far);
}

static void
read_one(int fd)
{
	char byte;
	CHECK(sys_wait(fd, POLLIN, PATIENCE_MS));
	CHECK_EQ(read(fd, &byte, 1), 1);
}

/* One turn of belay's loop, if it has anything to do. */
static bool
dispatch(void)
{
	struct watch *w = &quickack.arrivals;
	if (!quickack.loop || !sys_wait(w->fd, w->events, 0))
		return false;
	w->fn(w->owner, w->events);
	return true;
}

static void
take_one(bool ssh_first)
{
	CHECK(sys_wait(near, POLLIN, PATIENCE_MS));
	if (!ssh_first)
		(void)dispatch();
	read_one(near);
	if (ssh_first)
		(void)dispatch();
}

/* ssh says something at once after it was told something; the other end says two things in a
 * row, of which the second waits for the acknowledgement of the first. */
static unsigned
rounds_ms(bool ssh_first)
{
	uint64_t began_us = sys_now_us();
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(write(near, "q", 1), 1);
		read_one(far);
		CHECK_EQ(write(far, "a", 1), 1);
		CHECK_EQ(write(far, "b", 1), 1);
		take_one(ssh_first);
		take_one(ssh_first);
	}
	return (unsigned)((sys_now_us() - began_us) / 1000);
}

static unsigned
best_ms(bool ssh_first)
{
	unsigned best = rounds_ms(ssh_first);
	for (int i = 1; i < TRIES; i++) {
		unsigned ms = rounds_ms(ssh_first);
		best = ms < best ? ms : best;
	}
	return best;
}

TEST(what_arrives_is_acknowledged_at_once)
{
	begin();
	int watches = os_arrivals_open(near);
	if (watches < 0)
		SKIP("this system does not tell of arrivals");
	close(watches);
	CHECK(best_ms(true) >= DELAY_MS); /* the reason for all this */
	quickack_start(&quickack, &loop, dup(near));
	CHECK(best_ms(true) < DELAY_MS);
	CHECK(best_ms(false) < DELAY_MS);
	end();
}

TEST(nothing_is_done_while_nothing_arrives)
{
	begin();
	quickack_start(&quickack, &loop, dup(near));
	CHECK_EQ(write(far, "a", 1), 1);
	CHECK(sys_wait(near, POLLIN, PATIENCE_MS));
	CHECK(dispatch());
	/* Nobody has read it, and nothing more has come. */
	CHECK(!dispatch());
	end();
}

TEST(a_connection_that_is_closed_is_not_kept)
{
	char byte;
	begin();
	quickack_start(&quickack, &loop, dup(near));
	close(near);
	near = -1;
	CHECK(!sys_wait(far, POLLIN, 0));
	quickack_stop(&quickack);
	CHECK_EQ(loop.n_watches, 0);
	CHECK(sys_wait(far, POLLIN, PATIENCE_MS));
	CHECK_EQ(read(far, &byte, 1), 0);
	quickack_stop(&quickack);
	end();
}
