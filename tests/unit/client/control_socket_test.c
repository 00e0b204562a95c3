/* Who asks is a process of its own: who answers does so in its own loop. */
#include "client/control_socket.h"
#include "sys/sys.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/belay-control-XXXXXX", last[CONTROL_SOCKET_REQUEST_MAX];
static struct loop loop;
static struct control_socket c;
static struct options options;

static void
on_asked(void *owner, const char *request, struct buf *out)
{
	CHECK(owner == &c);
	snprintf(last, sizeof last, "%s", request);
	if (strcmp(request, "status") == 0)
		buf_print(out, "7\thost\tconnected\t-\t0\t1\t2\t0");
	else if (strcmp(request, "status json") == 0)
		buf_print(out, "{\"destination\": \"host\"}");
	else
		buf_print(out, "ok done");
}

static void
begin(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	setenv("XDG_RUNTIME_DIR", dir, 1);
	loop = (struct loop){ .fds_max = 100 };
	options = (struct options){ 0 };
	last[0] = 0;
	control_socket_open(&c, &loop, on_asked, &c);
	CHECK(c.path[0]);
}

static void
end(void)
{
	char command[128];
	control_socket_close(&c);
	for (size_t i = 0; i < loop.n_watches; i++)
		CHECK(!loop.watches[i]);
	CHECK(!c.path[0]);
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK_EQ(system(command), 0);
}

/* Runs it in another process, while this one answers; what it says, its status. */
static char said[4096];

static int
other(int (*ask)(const struct options *o))
{
	int out[2], status = 0;
	size_t n = 0;
	CHECK_EQ(pipe(out), 0);
	fflush(stdout);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		_exit(ask(&options));
	}
	close(out[1]);
	for (bool more = true; more;) {
		struct pollfd p[] = { { c.listener.fd, POLLIN, 0 },
			{ out[0], POLLIN, 0 } };
		CHECK(poll(p, 2, 20000) > 0);
		if (p[0].revents)
			c.listener.fn(c.listener.owner, p[0].revents);
		if (p[1].revents) {
			ssize_t got = read(out[0], said + n, sizeof said - 1 - n);
			more = got > 0;
			n += more ? (size_t)got : 0;
		}
	}
	said[n] = 0;
	close(out[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

TEST(nobody_else_gets_to_it)
{
	struct stat st;
	char folder[sizeof c.path];
	begin();
	strcpy(folder, c.path);
	*strrchr(folder, '/') = 0;
	CHECK_EQ(stat(folder, &st), 0);
	CHECK(st.st_uid == geteuid() && (st.st_mode & 0777) == 0700);
	end();
}

TEST(status_is_a_table_of_all_that_run)
{
	begin();
	CHECK_EQ(other(control_socket_status), 0);
	CHECK_STR(last, "status");
	CHECK(strstr(said, "DESTINATION") && strstr(said, "host")
	    && strstr(said, "connected"));
	end();
}

TEST(or_json)
{
	begin();
	options.json = true;
	CHECK_EQ(other(control_socket_status), 0);
	CHECK_STR(last, "status json");
	CHECK(said[0] == '[' && strstr(said, "{\"destination\": \"host\"}"));
	end();
}

TEST(a_socket_whose_owner_died_is_removed)
{
	struct stat st;
	char kept[128];
	begin();
	snprintf(kept, sizeof kept, "%s", c.path);
	/* as a kill leaves it */
	close(c.listener.fd);
	c.listener.fd = open("/dev/null", 0);
	fflush(stdout);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", 2);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		_exit(control_socket_status(&options));
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(stat(kept, &st) < 0);
	end();
}
