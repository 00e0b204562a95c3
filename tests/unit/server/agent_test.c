/* Programs and the agent of a link are sockets of the test's. */
#include "server/agent.h"
#include "sys/sys.h"
#include "test.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/belay-agent-XXXXXX", there[64], session[64];
static struct loop loop;
static struct agent a;
static int real; /* the agent's listener */
static int link_a, link_b; /* of which only the addresses count */
static const void *link_now;

static void
on_program(void *owner, int fd)
{
	CHECK(owner == &a);
	agent_connect(&a, fd, there, link_now);
}

static bool
has_room(void *owner)
{
	return agent_has_room(owner);
}

static void
begin(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct listener like = { .has_room = has_room,
		.accepted = on_program,
		.owner = &a };
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	signal(SIGPIPE, SIG_IGN);
	setenv("HOME", dir, 1);
	setenv("XDG_CACHE_HOME", dir, 1);
	snprintf(there, sizeof there, "%s/agent", dir);
	snprintf(session, sizeof session, "%s/session", dir);
	strcpy(at.sun_path, there);
	real = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(real >= 0 && bind(real, (const struct sockaddr *)&at, sizeof at) == 0);
	CHECK_EQ(listen(real, 200), 0);
	loop = (struct loop){ .fds_max = 1024, .now_us = sys_now_us() };
	link_now = &link_a;
	CHECK_EQ(agent_open(&a, &loop, session, &like), 0);
}

static void
turns(unsigned n)
{
	while (n--) {
		loop.now_us = sys_now_us();
		for (size_t i = 0; i < loop.n_watches; i++) {
			struct watch *w = loop.watches[i];
			if (w && w->events && sys_wait(w->fd, w->events, 0))
				w->fn(w->owner, w->events);
		}
		(void)agent_turn(&a, loop.now_us);
	}
}

static void
end(void)
{
	char command[128], path[TARGET_MAX];
	memcpy(path, a.path, sizeof path);
	agent_close(&a);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	CHECK(!a.path[0] && access(path, F_OK) < 0);
	close(real);
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK_EQ(system(command), 0);
}

static int
program(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(strlen(a.path) < sizeof at.sun_path);
	strcpy(at.sun_path, a.path);
	CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0);
	turns(4);
	return fd;
}

/* 0: it is closed. */
static ssize_t
hear(int fd, char text[16])
{
	turns(4);
	return recv(fd, text, 16, 0);
}

TEST(what_a_program_asks_goes_to_the_agent_and_back)
{
	char text[16];
	begin();
	int fd = program(), other = accept(real, NULL, NULL);
	CHECK(other >= 0 && a.n == 1);
	CHECK_EQ(send(fd, "ask", 3, 0), 3);
	CHECK_EQ(hear(other, text), 3);
	CHECK_EQ(send(other, "answer", 6, 0), 6);
	CHECK_EQ(hear(fd, text), 6);
	close(other);
	CHECK_EQ(hear(fd, text), 0);
	CHECK_EQ(a.n, 0);
	close(fd);
	end();
}

/* Whoever may ask it may sign with the user's keys. */
TEST(nobody_else_gets_to_it)
{
	struct stat st;
	begin();
	CHECK_EQ(stat(a.path, &st), 0);
	CHECK(st.st_uid == geteuid() && (st.st_mode & 077) == 0);
	end();
}

TEST(without_an_agent_a_program_is_sent_away)
{
	char text[16];
	begin();
	unlink(there);
	int fd = program();
	CHECK_EQ(hear(fd, text), 0);
	CHECK_EQ(a.n, 0);
	close(fd);
	end();
}

TEST(with_its_link_a_connection_ends_and_others_stay)
{
	char text[16];
	begin();
	int one = program();
	link_now = &link_b;
	int two = program();
	CHECK_EQ(a.n, 2);
	agent_cut(&a, &link_a);
	CHECK_EQ(hear(one, text), 0);
	CHECK(hear(two, text) < 0);
	CHECK_EQ(a.n, 1);
	close(one);
	close(two);
	end();
}

TEST(more_than_there_is_room_for_wait)
{
	int fds[AGENT_CONNECTIONS + 4];
	begin();
	for (size_t i = 0; i < AGENT_CONNECTIONS + 4; i++)
		fds[i] = program();
	CHECK(a.n <= AGENT_CONNECTIONS + 1 && !agent_has_room(&a));
	for (size_t i = 0; i < AGENT_CONNECTIONS + 4; i++)
		close(fds[i]);
	turns(10);
	poll(NULL, 0, 150); /* who waits is looked for again after a moment */
	turns(10);
	end();
}

TEST(it_is_made_again_where_it_was_removed)
{
	begin();
	unlink(a.path);
	agent_again(&a, session);
	CHECK_EQ(access(a.path, F_OK), 0);
	close(program());
	turns(4);
	end();
}
