/* Without a terminal: stdin is /dev/null. */
#include "client/session_request.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct session_request w;
static struct options options;
static struct ssh_config config;
static bool ssh_s; /* it is ssh's alone */

/* The command line behind "belay"; up to NULL. */
static void
request(const char *first, ...)
{
	static char words[16][64];
	static char *argv[18];
	va_list ap;
	int n = 0;
	int null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	close(null);
	snprintf(words[n], sizeof words[n], "belay");
	argv[n] = words[n];
	n++;
	va_start(ap, first);
	for (const char *word = first; word; word = va_arg(ap, const char *), n++) {
		snprintf(words[n], sizeof words[n], "%s", word);
		argv[n] = words[n];
	}
	va_end(ap);
	argv[n] = NULL;
	CHECK_EQ(options_parse(&options, n, argv), 0);
	config = (struct ssh_config){ 0 };
	ssh_config_from_options(&config, &options);
	session_request_init(&w);
	ssh_s = !session_request_program(&w, &options, &config);
}

static void
end(void)
{
	session_request_finish(&w);
	ssh_config_finish(&config);
	options_finish(&options);
}

static const char *
command(void)
{
	return w.command.len ? buf_str(&w.command) : "";
}

TEST(a_command_is_its_words_on_pipes)
{
	request("host", "ls", "-l", "a b", NULL);
	CHECK(!ssh_s && w.kind == KIND_PIPES && !w.raw && !w.returns);
	CHECK_STR(command(), "ls -l a b");
	CHECK_EQ(w.predict, PREDICT_NEVER);
	end();
}

TEST(a_terminal_is_only_forced_on_who_has_none)
{
	request("-t", "host", "top", NULL);
	CHECK(!ssh_s && w.kind == KIND_PIPES);
	end();
	request("-tt", "host", "top", NULL);
	CHECK(!ssh_s && w.kind == KIND_PTY && !w.raw);
	end();
}

TEST(a_tunnel_runs_nothing_and_reads_nothing)
{
	request("-N", "host", NULL);
	CHECK(!ssh_s && w.kind == KIND_NONE && config.null_stdin);
	end();
}

TEST(stdin_and_stdout_of_w_are_a_connection_of_the_host_s)
{
	request("-W", "db:5432", "host", NULL);
	CHECK(!ssh_s && w.kind == KIND_SELF);
	CHECK_STR(command(), "connect db 5432");
	end();
	static const char *const bad[] = { "db", "db:x", "a b:1", ":", "/socket" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		request("-W", bad[i], "host", NULL);
		CHECK(ssh_s);
		end();
	}
}

TEST(belay_s_own_work_on_the_host)
{
	request("--kill", "a,b", "host", NULL);
	CHECK(!ssh_s && w.manages && w.kind == KIND_SELF && config.null_stdin);
	CHECK_STR(command(), "kill a b");
	CHECK(session_request_manages(&options));
	end();
	request("--rename", "old:new", "host", NULL);
	CHECK_STR(command(), "rename old new");
	end();
	request("--detach", "work", "host", NULL);
	CHECK_STR(command(), "detach work");
	end();
}

/* Programs that only look on, or are ours, get nothing of this machine. */
TEST(what_manages_forwards_neither_agent_nor_display)
{
	request("-A", "-X", "--kill", "a", "host", NULL);
	CHECK(!config.forward_agent.n && !config.x11 && !config.n_forwards);
	end();
	request("-A", "-X", "--read-only", "host", NULL);
	CHECK(!config.forward_agent.n && !config.x11);
	end();
}

TEST(subsystems_but_sftp_are_ssh_s)
{
	request("-s", "host", "sftp", NULL);
	CHECK(!ssh_s && w.kind == KIND_SFTP);
	end();
	request("-s", "host", "netconf", NULL);
	CHECK(ssh_s);
	end();
}

TEST(a_shell_in_the_background_is_ssh_s_to_refuse)
{
	request("-f", "host", NULL);
	CHECK(ssh_s);
	end();
}

TEST(each_session_has_a_number_of_its_own)
{
	uint8_t id[ID_LEN];
	request("host", "ls", NULL);
	memcpy(id, w.id, ID_LEN);
	end();
	request("host", "ls", NULL);
	CHECK(memcmp(id, w.id, ID_LEN) != 0);
	end();
}
