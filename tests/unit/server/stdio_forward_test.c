/* In a process of its own, between the test's pipes and the test's listener. */
#include "server/stdio_forward.h"
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int listener, in, out, err, peer;
static pid_t pid;
static char port[8];

static void
begin(bool listens)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof at;
	int to[2], from[2], says[2];
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(listener >= 0
	    && bind(listener, (const struct sockaddr *)&at, sizeof at) == 0);
	CHECK(!listens || listen(listener, 1) == 0);
	CHECK_EQ(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	snprintf(port, sizeof port, "%u", ntohs(at.sin_port));
	CHECK(pipe(to) == 0 && pipe(from) == 0 && pipe(says) == 0);
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		test_ends_too();
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		dup2(says[1], STDERR_FILENO);
		for (int fd = 3; fd < 100; fd++)
			close(fd);
		_exit(stdio_forward_main("127.0.0.1", port));
	}
	close(to[0]);
	close(from[1]);
	close(says[1]);
	in = to[1];
	out = from[0];
	err = says[0];
	peer = listens ? accept(listener, NULL, NULL) : -1;
	CHECK(!listens || peer >= 0);
}

static int
status(void)
{
	int how;
	CHECK_EQ(waitpid(pid, &how, 0), pid);
	return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void
end(void)
{
	close(listener);
	if (in >= 0)
		close(in);
	close(out);
	close(err);
	if (peer >= 0)
		close(peer);
}

/* Exactly these bytes come. */
static void
comes(int fd, const char *text)
{
	char got[256];
	size_t n = 0;
	while (n < strlen(text)) {
		struct pollfd p = { fd, POLLIN, 0 };
		CHECK(poll(&p, 1, 20000) > 0);
		ssize_t more = read(fd, got + n, strlen(text) - n);
		CHECK(more > 0);
		n += (size_t)more;
	}
	got[n] = 0;
	CHECK_STR(got, text);
}

TEST(bytes_go_both_ways)
{
	begin(true);
	CHECK_EQ(write(in, "to", 2), 2);
	comes(peer, "to");
	CHECK_EQ(write(peer, "from", 4), 4);
	comes(out, "from");
	close(peer);
	peer = -1;
	CHECK_EQ(status(), 0);
	end();
}

TEST(the_end_of_stdin_is_passed_on_and_the_answer_still_comes)
{
	char byte;
	begin(true);
	CHECK_EQ(write(in, "ask", 3), 3);
	close(in);
	in = -1;
	comes(peer, "ask");
	CHECK_EQ(read(peer, &byte, 1), 0);
	CHECK_EQ(write(peer, "answer", 6), 6);
	close(peer);
	peer = -1;
	comes(out, "answer");
	CHECK_EQ(status(), 0);
	end();
}

TEST(who_is_not_there_is_told_in_ssh_s_words)
{
	begin(false);
	comes(err,
	    "channel 0: open failed: connect failed: Connection refused\n"
	    "stdio forwarding failed\n");
	CHECK_EQ(status(), 255);
	end();
}
