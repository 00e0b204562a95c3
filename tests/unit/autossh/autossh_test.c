/* In a process of its own, with a script in ssh's place that says how it ends. */
#include "autossh/autossh.h"
#include "test.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/belay-autossh-XXXXXX", script[64];
static pid_t pid;

/* What the nth ssh does; beyond those it stays. */
static void
begin(const char *first, const char *second)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(script, sizeof script, "%s/ssh", dir);
	FILE *f = fopen(script, "w");
	CHECK(f);
	CHECK(fprintf(f,
		  "#!/bin/sh\n"
		  "echo \"$*\" >>%s/runs\n"
		  "case $(grep -c . %s/runs) in\n"
		  "1) %s;;\n2) %s;;\nesac\nexec sleep 600\n",
		  dir, dir, first, second)
	    > 0);
	CHECK_EQ(fclose(f), 0);
	CHECK_EQ(chmod(script, 0700), 0);
	setenv("AUTOSSH_PATH", script, 1);
	setenv("AUTOSSH_GATETIME", "0", 1);
	setenv("AUTOSSH_POLL", "1", 1);
}

static void
start(void)
{
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		test_ends_too();
		static char name[] = "autossh", m[] = "-M", none[] = "0", n[] = "-N",
			    host[] = "host";
		char *argv[] = { name, m, none, n, host, NULL };
		FILE *log = freopen("/dev/null", "w", stderr);
		_exit(log ? autossh_main(5, argv) : 99);
	}
}

static int
runs(void)
{
	char command[128];
	snprintf(command, sizeof command, "exit $(grep -c . %s/runs 2>/dev/null || true)",
	    dir);
	return WEXITSTATUS(system(command));
}

static void
until_runs(int n)
{
	for (int i = 0; i < 2000 && runs() < n; i++)
		poll(NULL, 0, 10);
	CHECK_EQ(runs(), n);
}

static int
status(void)
{
	int how, done = 0;
	for (int i = 0; i < 2000 && !(done = waitpid(pid, &how, WNOHANG)); i++)
		poll(NULL, 0, 10);
	CHECK(done == pid);
	return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void
end(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK_EQ(system(command), 0);
	unsetenv("AUTOSSH_PATH");
	unsetenv("AUTOSSH_GATETIME");
	unsetenv("AUTOSSH_POLL");
}

TEST(it_goes_by_its_names)
{
	static char belay[] = "/usr/bin/belay", a[] = "/usr/bin/autossh",
		    b[] = "belay-autossh", word[] = "--autossh", host[] = "host";
	CHECK(autossh_called(2, (char *[]){ a, host, NULL }));
	CHECK(autossh_called(2, (char *[]){ b, host, NULL }));
	CHECK(autossh_called(2, (char *[]){ belay, word, NULL }));
	CHECK(!autossh_called(3, (char *[]){ belay, host, word, NULL }));
	CHECK(!autossh_called(1, (char *[]){ belay, NULL }));
}

TEST(a_connection_that_breaks_is_made_again)
{
	begin("exit 255", ":");
	start();
	until_runs(2);
	kill(pid, SIGTERM);
	(void)status();
	CHECK_EQ(runs(), 2);
	end();
}

TEST(an_end_in_good_order_is_the_end)
{
	begin("exit 0", ":");
	start();
	CHECK_EQ(status(), 0);
	CHECK_EQ(runs(), 1);
	end();
}

TEST(with_it_its_ssh_ends)
{
	begin("echo $$ >$(dirname $0)/pid", ":");
	start();
	until_runs(1);
	kill(pid, SIGTERM);
	(void)status();
	char command[160];
	snprintf(command, sizeof command,
	    "for i in $(seq 200); do kill -0 $(cat %s/pid) 2>/dev/null || exit 0; sleep 0.02; "
	    "done; exit 1",
	    dir);
	CHECK_EQ(system(command), 0);
	end();
}

TEST(usr1_makes_another_connection)
{
	begin(":", ":");
	start();
	until_runs(1);
	kill(pid, SIGUSR1);
	until_runs(2);
	kill(pid, SIGTERM);
	(void)status();
	end();
}

TEST(an_ssh_that_is_not_there_is_an_error)
{
	begin(":", ":");
	setenv("AUTOSSH_PATH", "/no/such/ssh", 1);
	start();
	CHECK(status() != 0);
	end();
}
