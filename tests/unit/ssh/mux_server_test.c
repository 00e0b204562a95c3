/* Clients of ControlPath, and the ssh of the link, are sockets of the test's. */
#include "ssh/mux_server.h"
#include "ssh/mux.h"
#include "sys/sys.h"
#include "test.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/belay-mux-XXXXXX", path[64], link_path[64];
static struct loop loop;
static struct mux_server m;
static struct mux_answer answer;
static unsigned forwards, laters;
static struct mux_request asked;
static const char *master; /* of the link */

static struct mux_answer
on_forward(void *owner, const struct mux_request *r)
{
	CHECK(owner == &m);
	forwards++;
	asked = *r;
	return answer;
}

static struct mux_answer
on_later(void *owner, size_t number)
{
	CHECK(owner == &m);
	CHECK_EQ(number, 42);
	laters++;
	return answer;
}

static const struct mux_server_events events = { on_forward, on_later };

static int
listen_at(const char *where)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(at.sun_path, where);
	CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0);
	CHECK_EQ(listen(fd, 8), 0);
	return fd;
}

static int
connect_to(const char *where)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strcpy(at.sun_path, where);
	CHECK(fd >= 0);
	return connect(fd, (const struct sockaddr *)&at, sizeof at) == 0
	    ? fd
	    : (close(fd), -1);
}

static void
begin(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof path, "%s/user", dir);
	snprintf(link_path, sizeof link_path, "%s/link", dir);
	loop = (struct loop){ .fds_max = 1024 };
	forwards = laters = 0;
	answer = (struct mux_answer){ .how = MUX_DONE };
	master = NULL;
	CHECK_EQ(mux_server_open(&m, &loop, path, &events, &m), 0);
}

static void
turns(unsigned n)
{
	while (n--) {
		for (size_t i = 0; i < loop.n_watches; i++) {
			struct watch *w = loop.watches[i];
			if (w && w->events && sys_wait(w->fd, w->events, 0))
				w->fn(w->owner, w->events);
		}
		mux_server_turn(&m, master);
	}
}

static void
end(void)
{
	mux_server_close(&m);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	CHECK(access(path, F_OK) < 0);
	unlink(link_path);
	CHECK_EQ(rmdir(dir), 0);
}

/* What has come; its length. */
static uint8_t got[4096];

static size_t
hear(int fd)
{
	turns(4);
	ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
	return n < 0 ? 0 : (size_t)n;
}

static void
say(int fd, const char *bytes, size_t n)
{
	CHECK_EQ(send(fd, bytes, n, MSG_NOSIGNAL), n);
}
#define SAY(fd, literal) say(fd, literal, sizeof(literal) - 1)

#define HELLO "\0\0\0\x8\0\0\0\1\0\0\0\4"
#define CHECKS "\0\0\0\x8\x10\0\0\4\0\0\0\7"
#define EXITS "\0\0\0\x8\x10\0\0\5\0\0\0\7"
#define STOPS "\0\0\0\x8\x10\0\0\x9\0\0\0\7"
#define FORWARDS \
	"\0\0\0\x25\x10\0\0\6\0\0\0\1\0\0\0\1\0\0\0\0\0\0\x1f\x90\0\0\0\x9localhost\0\0\0\x50"
#define SESSION "\0\0\0\x8\x10\0\0\2\0\0\0\7" /* MUX_C_NEW_SESSION, with nothing behind */

/* A client that has been greeted. */
static int
client(void)
{
	int fd = connect_to(path);
	CHECK(fd >= 0);
	SAY(fd, HELLO);
	CHECK_EQ(hear(fd), 12);
	CHECK_EQ(memcmp(got, HELLO, 12), 0);
	return fd;
}

/* The type of the answer's message (PROTOCOL.mux). */
static uint32_t
type(void)
{
	return (uint32_t)got[4] << 24 | (uint32_t)got[5] << 16 | (uint32_t)got[6] << 8
	    | got[7];
}

enum {
	S_OK = 0x80000001,
	S_FAILURE = 0x80000003,
	S_ALIVE = 0x80000005,
	S_PORT = 0x80000007
};

TEST(it_lives_and_says_by_which_process)
{
	begin();
	int fd = client();
	SAY(fd, CHECKS);
	CHECK_EQ(hear(fd), 16);
	CHECK_EQ(type(), S_ALIVE);
	close(fd);
	end();
}

TEST(exit_and_stop_are_the_owner_s_to_carry_out)
{
	begin();
	int fd = client();
	SAY(fd, EXITS);
	CHECK(hear(fd) > 0 && type() == S_OK && m.exits && !m.stopped);
	SAY(fd, STOPS);
	CHECK(hear(fd) > 0 && type() == S_OK && m.stopped);
	CHECK(access(path, F_OK) < 0); /* nobody new comes */
	SAY(fd, CHECKS); /* who is there is served */
	CHECK(hear(fd) > 0 && type() == S_ALIVE);
	close(fd);
	end();
}

TEST(a_forward_is_the_owner_s)
{
	begin();
	int fd = client();
	SAY(fd, FORWARDS);
	CHECK(hear(fd) > 0 && type() == S_OK && forwards == 1);
	CHECK(asked.kind == MUX_LOCAL && asked.listen.port == 8080);
	answer = (struct mux_answer){ .how = MUX_DONE, .port = 1234 };
	SAY(fd, FORWARDS);
	CHECK(hear(fd) > 0 && type() == S_PORT);
	answer = (struct mux_answer){ .how = MUX_REFUSED, .why = "no" };
	SAY(fd, FORWARDS);
	CHECK(hear(fd) > 0 && type() == S_FAILURE);
	close(fd);
	end();
}

TEST(an_answer_may_come_later_and_what_is_asked_behind_it_waits)
{
	begin();
	int fd = client();
	answer = (struct mux_answer){ .how = MUX_LATER, .number = 42 };
	SAY(fd, FORWARDS CHECKS);
	CHECK_EQ(hear(fd), 0);
	CHECK(laters > 0);
	answer = (struct mux_answer){ .how = MUX_DONE };
	size_t n = hear(fd);
	CHECK(n == 12 + 16 && type() == S_OK);
	close(fd);
	end();
}

TEST(a_session_goes_to_the_ssh_of_the_link)
{
	begin();
	int listener = listen_at(link_path);
	master = link_path;
	int fd = client();
	SAY(fd, SESSION);
	turns(4);
	int ssh = accept(listener, NULL, NULL);
	CHECK(ssh >= 0);
	SAY(ssh, HELLO); /* which is for us */
	CHECK_EQ(hear(ssh), 24);
	CHECK_EQ(memcmp(got, HELLO SESSION, 24), 0);
	CHECK(mux_server_serves(&m));
	SAY(ssh, "an answer");
	CHECK_EQ(hear(fd), 9);
	SAY(fd, "and on");
	CHECK_EQ(hear(ssh), 6);
	close(ssh);
	turns(4);
	CHECK(recv(fd, got, sizeof got, MSG_DONTWAIT) == 0 && !mux_server_serves(&m));
	close(fd);
	close(listener);
	end();
}

TEST(without_a_link_a_session_is_refused)
{
	begin();
	int fd = client();
	SAY(fd, SESSION);
	CHECK(hear(fd) > 0 && type() == S_FAILURE);
	turns(4);
	CHECK_EQ(recv(fd, got, sizeof got, MSG_DONTWAIT), 0);
	close(fd);
	end();
}

TEST(nonsense_closes_who_says_it)
{
	static const char *const bad[] = { "\xff\xff\xff\xff", "\0\0\0\0",
		"\0\0\0\x8\0\0\0\1\0\0\0\3" };
	static const size_t lens[] = { 4, 4, 12 };
	begin();
	int good = client();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int fd = client();
		say(fd, bad[i], lens[i]);
		turns(4);
		CHECK_EQ(recv(fd, got, sizeof got, MSG_DONTWAIT), 0);
		close(fd);
	}
	SAY(good, CHECKS);
	CHECK(hear(good) > 0 && type() == S_ALIVE);
	close(good);
	end();
}

TEST(more_than_there_is_room_for_wait_until_one_has_gone)
{
	int fds[MUX_SERVER_CONNS + 1];
	begin();
	for (size_t i = 0; i <= MUX_SERVER_CONNS; i++) {
		fds[i] = connect_to(path);
		CHECK(fds[i] >= 0);
		turns(2);
	}
	CHECK_EQ(hear(fds[MUX_SERVER_CONNS]), 0);
	close(fds[0]);
	turns(4);
	CHECK_EQ(hear(fds[MUX_SERVER_CONNS]), 12);
	for (size_t i = 1; i <= MUX_SERVER_CONNS; i++)
		close(fds[i]);
	turns(4);
	end();
}
