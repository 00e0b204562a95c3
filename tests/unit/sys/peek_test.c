#define _GNU_SOURCE 1
#include "sys/os.h"
#include "sys/tcp.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Two ends of a connection. */
static void
connect_both(int fds[2])
{
	int listener = tcp_listen(0);
	fds[0] = tcp_connect(tcp_port(listener));
	struct pollfd p = { .fd = listener, .events = POLLIN };
	CHECK(poll(&p, 1, 5000) == 1);
	fds[1] = tcp_accept(listener);
	CHECK(fds[0] >= 0 && fds[1] >= 0);
	close(listener);
}

TEST(a_connection_tells_what_came)
{
	struct os_tcp tcp;
	int fds[2];
	connect_both(fds);
	if (!os_tcp_look(fds[0], &tcp))
		SKIP("this system does not tell");
	CHECK(tcp.connected);
	CHECK_EQ(tcp.received, 0);
	CHECK_EQ(write(fds[1], "hello", 5), 5);
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	CHECK(poll(&p, 1, 5000) == 1);
	CHECK(os_tcp_look(fds[0], &tcp));
	CHECK_EQ(tcp.received, 5);
	CHECK(tcp.told_us < 5000000);
	CHECK(!os_tcp_look(STDIN_FILENO, &tcp));
	close(fds[0]);
	close(fds[1]);
}

TEST(probes_leave_a_connection_as_it_was)
{
	struct os_tcp_probed before = { 0 }, after = { 0 };
	struct os_tcp tcp;
	int fds[2];
	connect_both(fds);
	if (!os_tcp_look(fds[0], &tcp))
		SKIP("this system does not tell");
	os_tcp_probe(fds[0], &before);
	CHECK_EQ(before.on, 0);
	os_tcp_probe(fds[0], &after);
	CHECK_EQ(after.on, 1);
	CHECK_EQ(after.idle_s, 1);
	os_tcp_probe_no_more(fds[0], &before);
	os_tcp_probe(fds[0], &after);
	CHECK_EQ(after.on, before.on);
	CHECK_EQ(after.idle_s, before.idle_s);
	CHECK_EQ(after.interval_s, before.interval_s);
	CHECK_EQ(after.count, before.count);
	close(fds[0]);
	close(fds[1]);
}

/* A process that waits, in one that waits; `fd` is what the inner one keeps. */
static pid_t
start_two(int fd)
{
	int up[2];
	char byte;
	CHECK_EQ(pipe(up), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid != 0)
			close(fd);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)!write(up[1], "", 1);
		}
		pause();
		_exit(0);
	}
	CHECK_EQ(read(up[0], &byte, 1), 1);
	close(up[0]);
	close(up[1]);
	return pid;
}

TEST(the_connection_of_what_a_child_has_started_is_found)
{
	int fds[2];
	struct sockaddr_storage theirs, found;
	connect_both(fds);
	pid_t pid = start_two(fds[0]);
	close(fds[1]); /* the child's copy stays; this process's is not looked at */
	int fd = os_process_connection(pid);
	bool have = fd >= 0 && tcp_local(fd, &found);
	bool whose = tcp_local(fds[0], &theirs);
	close(fd);
	close(fds[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (fd < 0)
		SKIP("this system does not tell");
	CHECK(have && whose);
	CHECK_EQ(theirs.ss_family, found.ss_family);
	CHECK_EQ(os_process_connection(pid), -1);
}

TEST(a_child_that_asks_on_the_terminal_is_seen)
{
	int plain = open("/dev/null", O_RDWR);
	pid_t pid = start_two(plain);
	CHECK(!os_process_asks(pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(plain);
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY);
	if (tty < 0)
		SKIP("there is no terminal");
	pid = start_two(tty);
	CHECK(os_process_asks(pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(tty);
}
