/* The tunnel is played by the test: it listens at the port and carries bytes, or does not. */
#include "autossh/tunnel_probe.h"
#include "sys/sys.h"
#include "sys/tcp.h"
#include "test.h"

#include <sys/socket.h>

enum { PATIENCE_MS = 5000, TIMEOUT_US = 10 * 1000 * 1000 };

static const char line[] = "here autossh 1 2 hello\r\n";
static struct loop loop;
static struct tunnel_probe monitor;
static unsigned port; /* the tunnel's; the next one is the monitor's */
static int tunnel; /* listens there; -1 */

static void
setup(bool echo)
{
	loop = (struct loop){ 0 };
	tunnel_probe_close(&monitor);
	for (port = 20000; port < 60000; port += 2) {
		tunnel = tcp_listen(port);
		if (tunnel >= 0 && tunnel_probe_open(&monitor, &loop, port, echo) == 0)
			return;
		close(tunnel);
	}
	FAIL("no free ports");
}

static void
teardown(void)
{
	tunnel_probe_close(&monitor);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	close(tunnel);
}

/* What the loop would do with what is ready now. */
static void
dispatch(void)
{
	bool any = true;
	while (any) {
		any = false;
		for (size_t i = 0; i < loop.n_watches; i++) {
			struct watch *w = loop.watches[i];
			if (!w || !w->events || !sys_wait(w->fd, w->events, 0))
				continue;
			w->fn(w->owner, w->events);
			any = true;
		}
	}
}

static enum tunnel_probe_result
result(void)
{
	dispatch();
	return tunnel_probe_turn(&monitor, sys_now_us());
}

static enum tunnel_probe_result
wait_result(void)
{
	enum tunnel_probe_result r = TUNNEL_PROBE_NOTHING;
	for (int i = 0; r == TUNNEL_PROBE_NOTHING && i < PATIENCE_MS; i++) {
		r = result();
		if (r == TUNNEL_PROBE_NOTHING) /* what others sent may still be on its way */
			(void)sys_wait(-1, 0, 1);
	}
	return r;
}

static void
start(void)
{
	tunnel_probe_start(&monitor, line, TIMEOUT_US, sys_now_us());
}

/* The tunnel's side of the test that runs, with the line in it. */
static int
carried(char *ret_line)
{
	for (int i = 0; i < PATIENCE_MS && !sys_wait(tunnel, POLLIN, 1); i++)
		dispatch();
	int fd = tcp_accept(tunnel);
	CHECK(fd >= 0);
	while (!sys_wait(fd, POLLIN, 1))
		dispatch();
	CHECK_EQ(sys_read_all(fd, ret_line, sizeof line - 1), 0);
	CHECK_BYTES(ret_line, sizeof line - 1, "here autossh 1 2 hello\r\n");
	return fd;
}

static int
back(const char *bytes, size_t n)
{
	int fd = tcp_connect(port + 1);
	CHECK(fd >= 0);
	CHECK(sys_wait(fd, POLLOUT, PATIENCE_MS));
	CHECK_EQ(sys_write_all(fd, bytes, n), 0);
	return fd;
}

TEST(what_comes_back_is_good)
{
	char got[sizeof line];
	setup(false);
	CHECK_EQ(tunnel_probe_deadline(&monitor), 0);
	start();
	CHECK(tunnel_probe_deadline(&monitor) > sys_now_us());
	int out = carried(got);
	int in = back(got, 5); /* in pieces */
	CHECK_EQ(result(), TUNNEL_PROBE_NOTHING);
	CHECK_EQ(sys_write_all(in, got + 5, sizeof line - 1 - 5), 0);
	CHECK_EQ(wait_result(), TUNNEL_PROBE_OK);
	CHECK_EQ(result(), TUNNEL_PROBE_NOTHING); /* told once */
	CHECK_EQ(tunnel_probe_deadline(&monitor), 0);
	close(in);
	close(out);
	teardown();
}

TEST(an_echo_is_good)
{
	char got[sizeof line];
	setup(true);
	start();
	int fd = carried(got);
	CHECK_EQ(sys_write_all(fd, got, sizeof line - 1), 0);
	CHECK_EQ(wait_result(), TUNNEL_PROBE_OK);
	close(fd);
	teardown();
}

TEST(others_who_connect_are_not_believed)
{
	char got[sizeof line];
	int others[TUNNEL_PROBE_COMERS + 3];
	setup(false);
	close(back("x", 1)); /* nobody has asked */
	dispatch();
	start();
	int out = carried(got);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		others[i] = i % 2 ? back("here autossh 1 3 hello\r\n", sizeof line - 1)
				  : back("", 0);
	int in = back(got, 5);
	CHECK_EQ(result(), TUNNEL_PROBE_NOTHING);
	int last = back("x", 1);
	CHECK_EQ(result(), TUNNEL_PROBE_NOTHING);
	CHECK_EQ(sys_write_all(in, got + 5, sizeof line - 1 - 5), 0);
	CHECK_EQ(wait_result(), TUNNEL_PROBE_OK);
	close(last);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		close(others[i]);
	close(in);
	close(out);
	teardown();
}

TEST(more_than_the_line_is_not_the_line)
{
	char got[sizeof line + 1];
	int fds[2];
	setup(true);
	start();
	for (int i = 0; i < 2; i++) {
		fds[i] = carried(got);
		got[sizeof line - 1] = 0; /* as behind it in memory */
		CHECK_EQ(sys_write_all(fds[i], got, sizeof line), 0);
	}
	CHECK_EQ(wait_result(), TUNNEL_PROBE_FAILED);
	close(fds[0]);
	close(fds[1]);
	teardown();
}

TEST(nobody_listens)
{
	setup(false);
	close(tunnel);
	tunnel = -1;
	start();
	CHECK_EQ(wait_result(), TUNNEL_PROBE_NOBODY);
	teardown();
}

TEST(a_tunnel_without_another_end_fails_at_the_second_try)
{
	char got[sizeof line];
	setup(false);
	start();
	close(carried(got));
	while (!sys_wait(tunnel, POLLIN, 1)) /* the second */
		CHECK_EQ(result(), TUNNEL_PROBE_NOTHING);
	close(carried(got));
	CHECK_EQ(wait_result(), TUNNEL_PROBE_FAILED);
	teardown();
}

TEST(silence_fails_after_two_times)
{
	char got[sizeof line];
	setup(false);
	start();
	int first = carried(got);
	uint64_t at_us = tunnel_probe_deadline(&monitor);
	CHECK_EQ(tunnel_probe_turn(&monitor, at_us - 1), TUNNEL_PROBE_NOTHING);
	CHECK_EQ(tunnel_probe_turn(&monitor, at_us), TUNNEL_PROBE_NOTHING);
	int second = carried(got);
	at_us = tunnel_probe_deadline(&monitor);
	CHECK_EQ(tunnel_probe_turn(&monitor, at_us - 1), TUNNEL_PROBE_NOTHING);
	CHECK_EQ(tunnel_probe_turn(&monitor, at_us), TUNNEL_PROBE_FAILED);
	close(first);
	close(second);
	teardown();
}

TEST(a_late_answer_to_the_first_try_counts)
{
	char got[sizeof line];
	setup(false);
	start();
	int first = carried(got);
	CHECK_EQ(tunnel_probe_turn(&monitor, tunnel_probe_deadline(&monitor)), TUNNEL_PROBE_NOTHING);
	int second = carried(got), in = back(got, sizeof line - 1);
	CHECK_EQ(wait_result(), TUNNEL_PROBE_OK);
	close(first);
	close(second);
	close(in);
	teardown();
}

TEST(a_test_that_is_stopped_says_nothing)
{
	char got[sizeof line];
	setup(false);
	start();
	int out = carried(got);
	tunnel_probe_stop(&monitor);
	int in = back(got, sizeof line - 1);
	CHECK_EQ(result(), TUNNEL_PROBE_NOTHING);
	close(in);
	close(out);
	teardown();
}

TEST(a_port_that_is_taken)
{
	struct tunnel_probe other;
	setup(false);
	CHECK(tunnel_probe_open(&other, &loop, port, false) < 0);
	tunnel_probe_close(&other);
	teardown();
}
