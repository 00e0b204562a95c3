/* Where belay-server cannot run: in a process of its own, with a script in ssh's place that writes
 * down how it was called. */
#include "client/plain_ssh.h"
#include "reconnect/host.h"

#include <fcntl.h>
#include <sys/wait.h>

static struct plain_ssh plain;
static struct session_request request;
static struct ssh_config config;
static struct options options;

static void
begin(bool shell, const char *const *words)
{
	static char store[8][64];
	static char *argv[10];
	int n = 0;
	host_begin();
	host_text("ssh",
	    "#!/bin/sh\nfor word; do echo \"<$word>\"; done >$host_dir/args\nexit 9\n");
	for (; words[n]; n++) {
		snprintf(store[n], sizeof store[n], "%s", words[n]);
		argv[n] = store[n];
	}
	argv[n] = NULL;
	CHECK_EQ(options_parse(&options, n, argv), 0);
	config = (struct ssh_config){ 0 };
	ssh_config_from_options(&config, &options);
	request = (struct session_request){ .kind = shell ? KIND_PTY : KIND_PIPES,
		.raw = shell };
}

static int
run(void)
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(plain_ssh_run(&plain, &options, host_ssh));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Its arguments, each as <...>. */
static const char *
called(void)
{
	static char text[4096];
	char path[128];
	snprintf(path, sizeof path, "%s/args", host_dir);
	FILE *f = fopen(path, "r");
	CHECK(f);
	size_t n = fread(text, 1, sizeof text - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static void
end(void)
{
	ssh_config_finish(&config);
	options_finish(&options);
	host_end();
}

TEST(ssh_is_called_as_the_line_was_without_our_options)
{
	begin(false,
	    (const char *[]){ "belay", "--alone", "-p", "22", "host", "ls", "-l", NULL });
	plain_ssh_choose(&plain, &options, &request, &config, PLAIN_NONE, "why");
	CHECK(!plain.command && !plain.keeps);
	CHECK_EQ(run(), 9);
	CHECK_STR(called(), "<-p>\n<22>\n<host>\n<ls>\n<-l>\n");
	end();
}

TEST(a_shell_is_kept_by_what_the_host_has)
{
	begin(true, (const char *[]){ "belay", "host", NULL });
	plain_ssh_choose(&plain, &options, &request, &config, PLAIN_TMUX, "why");
	CHECK(plain.command && strstr(plain.command, "tmux"));
	CHECK_EQ(run(), 9);
	CHECK(strstr(called(), "<host>\n<exec tmux"));
	end();
}

TEST(a_command_is_run_as_it_is_whatever_the_host_has)
{
	begin(false, (const char *[]){ "belay", "host", "ls", NULL });
	plain_ssh_choose(&plain, &options, &request, &config, PLAIN_TMUX, "why");
	CHECK(!plain.command);
	end();
}

TEST(what_belay_has_left_there_is_removed_by_ssh)
{
	begin(false, (const char *[]){ "belay", "--remove", "host", NULL });
	plain = (struct plain_ssh){ .removes = true };
	CHECK_EQ(run(), 9);
	CHECK(strstr(called(), "<-T>\n")
	    && strstr(called(), "<-oClearAllForwardings=yes>"));
	CHECK(!strstr(called(), "--remove"));
	end();
}

TEST(an_ssh_that_is_not_there_is_255)
{
	begin(false, (const char *[]){ "belay", "host", "ls", NULL });
	plain_ssh_choose(&plain, &options, &request, &config, PLAIN_NONE, "why");
	strcpy(host_ssh, "/no/such/ssh");
	CHECK_EQ(run(), 255);
	end();
}

/* In the process that goes on: what runs there already is a shell's. */
static int
go_on(const char *script)
{
	int in[2], out[2], err[2];
	if (pipe(in) || pipe(out) || pipe(err))
		return 99;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		for (int fd = 3; fd < 100; fd++)
			close(fd);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(98);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	plain = (struct plain_ssh){
		.foreign = { .pid = pid, .in = in[1], .out = out[0], .err = err[0] }
	};
	buf_init(&plain.foreign.output, 100);
	buf_init(&plain.foreign.errors, 100);
	return buf_put(&plain.foreign.output, "before ", 7) ? 97
							    : plain_ssh_go_on(&plain);
}

TEST(what_runs_there_already_is_gone_on_with)
{
	int ours[2], said[2], status;
	char text[64];
	size_t n = 0;
	ssize_t got;
	CHECK(pipe(ours) == 0 && pipe(said) == 0);
	CHECK_EQ(write(ours[1], "to it", 5), 5);
	close(ours[1]);
	fflush(stdout);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(ours[0], STDIN_FILENO);
		dup2(said[1], STDOUT_FILENO);
		close(said[0]);
		close(said[1]);
		_exit(go_on("cat; printf ' and from it'; exit 3"));
	}
	close(said[1]);
	close(ours[0]);
	while ((got = read(said[0], text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	CHECK_BYTES(text, n, "before to it and from it");
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 3);
	close(said[0]);
}
