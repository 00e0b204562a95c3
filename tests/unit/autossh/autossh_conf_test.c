#include "autossh/autossh_conf.h"
#include "base/buf.h"
#include "base/err.h"
#include "test.h"

enum { WORDS_MAX = 32, LINE_MAX_LEN = 512 };

/* A command line and an environment, and what they were read into. */
static struct {
	char line[LINE_MAX_LEN], env[LINE_MAX_LEN];
	char *argv[WORDS_MAX], *vars[WORDS_MAX];
	struct autossh_conf c;
} t;

/* Words are separated by single blanks; "" stands for an empty one. */
static int
split(char *line, char **words)
{
	int n = 0;
	for (char *p = line; p; n++) {
		char *blank = strchr(p, ' ');
		if (blank)
			*blank = 0;
		words[n] = strcmp(p, "\"\"") == 0 ? p + 2 : p;
		p = blank ? blank + 1 : NULL;
	}
	words[n] = NULL;
	return n;
}

static char *
env(const char *name)
{
	size_t n = strlen(name);
	for (char **v = t.vars; *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

static void
read_conf(const char *vars, const char *line)
{
	snprintf(t.env, sizeof t.env, "%s", vars);
	snprintf(t.line, sizeof t.line, "autossh %s", line);
	split(t.env, t.vars);
	int argc = split(t.line, t.argv);
	CHECK_EQ(autossh_conf_read(&t.c, argc, t.argv, env), 0);
}

/* What ssh gets of it. */
static void
check_ssh(const char *line, const char *wanted)
{
	static char program[] = "ssh";
	struct buf got;
	read_conf("", line);
	CHECK_STR(t.c.error, "");
	CHECK(!t.c.usage);
	buf_init(&got, LINE_MAX_LEN);
	for (char **w = autossh_conf_argv(&t.c, program); *w; w++)
		buf_print(&got, "%s%s", got.len ? " " : "", **w ? *w : "\"\"");
	CHECK_STR(buf_str(&got), wanted);
	buf_finish(&got);
	autossh_conf_finish(&t.c);
}

static bool
refused(const char *vars, const char *line)
{
	read_conf(vars, line);
	bool wrong = t.c.error[0] || t.c.usage;
	autossh_conf_finish(&t.c);
	return wrong;
}

TEST(its_own_options_are_taken_out)
{
	check_ssh("-M 0 host", "ssh host");
	check_ssh("-M0 host", "ssh host");
	check_ssh("-M 0 -t host 'screen -D'", "ssh -t host 'screen -D'");
	check_ssh("-f -M 0 -N host", "ssh -N host");
	check_ssh("-fNM 0 host", "ssh -N host");
	check_ssh("-fM 0 host", "ssh host");
	check_ssh("-NfT -M 0 host", "ssh -NT host");
	check_ssh("host -f -M 0 -N", "ssh host -N");
	check_ssh("-M 0 -oA=f -o B=f -Lf:M:1 -i f host",
	    "ssh -oA=f -o B=f -Lf:M:1 -i f host");
	check_ssh("-M 0 -J f,M -B eth0 host", "ssh -J f,M -B eth0 host");
	check_ssh("-M 0 -Jf host", "ssh -Jf host");
}

TEST(the_words_of_the_command_are_left_alone)
{
	check_ssh("-M 0 host tail -f log", "ssh host tail -f log");
	CHECK(!t.c.background);
	check_ssh("-M 0 host cmd -M 1 -- -f \"\" -V", "ssh host cmd -M 1 -- -f \"\" -V");
	check_ssh("-M 0 -- host cmd", "ssh -- host cmd");
	check_ssh("-M 0 -- host -f -N cmd", "ssh -- host -N cmd");
	check_ssh("-M 0 host -- -f", "ssh host -- -f");
	check_ssh("-M 0 host -", "ssh host -");
}

TEST(the_port_becomes_forwardings)
{
	check_ssh("-M 20000 -N host",
	    "ssh -L 20000:127.0.0.1:20000 -R 20000:127.0.0.1:20001 -N host");
	check_ssh("-M 20000:7 -N host", "ssh -L 20000:127.0.0.1:7 -N host");
	check_ssh("-N -M0x4e20:0x7 host", "ssh -L 20000:127.0.0.1:7 -N host");
}

TEST(where_the_port_is_named)
{
	read_conf("AUTOSSH_PORT=20000:7", "host");
	CHECK_EQ(t.c.port, 20000);
	CHECK_EQ(t.c.echo_port, 7);
	CHECK(!t.c.any_port);
	autossh_conf_finish(&t.c);
	read_conf("AUTOSSH_PORT=20000", "-M 0 host");
	CHECK_EQ(t.c.port, 0);
	CHECK(!t.c.any_port);
	autossh_conf_finish(&t.c);
	read_conf("AUTOSSH_PORT=", "host");
	CHECK(t.c.any_port);
	autossh_conf_finish(&t.c);
}

TEST(without_an_environment)
{
	read_conf("", "-M 1 host");
	CHECK_EQ(t.c.poll_s, 600);
	CHECK_EQ(t.c.first_poll_s, 600);
	CHECK_EQ(t.c.gate_s, 30);
	CHECK_EQ(t.c.max_start, -1);
	CHECK_EQ(t.c.max_life_s, 0);
	CHECK_EQ(t.c.log_level, 6);
	CHECK(!t.c.debug && !t.c.message && !t.c.ssh && !t.c.pid_file && !t.c.log_file);
	autossh_conf_finish(&t.c);
}

TEST(the_environment)
{
	read_conf("AUTOSSH_POLL=0x10 AUTOSSH_FIRST_POLL=5 AUTOSSH_GATETIME=0"
		  " AUTOSSH_MAXSTART=7 AUTOSSH_MAXLIFETIME=1000 AUTOSSH_LOGLEVEL=3"
		  " AUTOSSH_MESSAGE=hello AUTOSSH_PATH=/x/ssh AUTOSSH_PIDFILE=p"
		  " AUTOSSH_LOGFILE=l",
	    "-M 1 host");
	CHECK_STR(t.c.error, "");
	CHECK_EQ(t.c.poll_s, 16);
	CHECK_EQ(t.c.first_poll_s, 5);
	CHECK_EQ(t.c.gate_s, 0);
	CHECK_EQ(t.c.max_start, 7);
	CHECK_EQ(t.c.max_life_s, 1000);
	CHECK_EQ(t.c.log_level, 3);
	CHECK_STR(t.c.message, "hello");
	CHECK_STR(t.c.ssh, "/x/ssh");
	CHECK_STR(t.c.pid_file, "p");
	CHECK_STR(t.c.log_file, "l");
	autossh_conf_finish(&t.c);
	read_conf(
	    "AUTOSSH_DEBUG= AUTOSSH_LOGLEVEL=1 AUTOSSH_POLL=100 AUTOSSH_MAXLIFETIME=9"
	    " AUTOSSH_PIDFILE= AUTOSSH_LOGFILE= AUTOSSH_PATH=",
	    "-f -M 1 host");
	CHECK(t.c.debug);
	CHECK_EQ(t.c.log_level, 7);
	CHECK_EQ(t.c.poll_s, 9);
	CHECK_EQ(t.c.first_poll_s, 9);
	CHECK_EQ(t.c.gate_s, 0); /* -f */
	CHECK(!t.c.pid_file && !t.c.log_file && !t.c.ssh);
	autossh_conf_finish(&t.c);
}

TEST(what_is_wrong_is_refused)
{
	static const char *const vars[] = {
		"AUTOSSH_POLL=0", "AUTOSSH_POLL=", "AUTOSSH_POLL=1x", "AUTOSSH_POLL=-5",
		"AUTOSSH_POLL=99999999999999999999", "AUTOSSH_FIRST_POLL=0",
		"AUTOSSH_GATETIME=-1", "AUTOSSH_GATETIME=1.5", "AUTOSSH_MAXSTART=-2",
		"AUTOSSH_MAXSTART=", "AUTOSSH_MAXLIFETIME=x", "AUTOSSH_LOGLEVEL=8",
		"AUTOSSH_LOGLEVEL=",
		"AUTOSSH_MESSAGE=12345678901234567890123456789012345678901234567890123456789012345"
	};
	static const char *const lines[] = { "-M 65535 host", "-M -1 host", "-M x host",
		"-M 1:x host", "-M 1: host", "-M 1:0 host", "-M 1:65536 host",
		"-M :7 host", "-M 1:7:7 host", "-M 00000000000000000001 host", "-M",
		"host -M", "-M 0", "-M 0 -N", "-M 0 -L", "-M 0 -9 host", "-M 0 --x host",
		"-M 0 host -9" };
	for (size_t i = 0; i < sizeof vars / sizeof *vars; i++)
		if (!refused(vars[i], "-M 0 host"))
			FAIL("%s is taken", vars[i]);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!refused("", lines[i]))
			FAIL("%s is taken", lines[i]);
	CHECK(!refused("AUTOSSH_DEBUG=1 AUTOSSH_LOGLEVEL=7", "-M 65534:65535 host"));
	CHECK(!refused("AUTOSSH_PORT=x", "-M 0 host"));
	CHECK(refused("AUTOSSH_PORT=x", "host"));
}

TEST(the_version_is_asked_for)
{
	read_conf("AUTOSSH_POLL=x", "-V");
	CHECK(t.c.version && !t.c.usage);
	autossh_conf_finish(&t.c);
	read_conf("", "-NV");
	CHECK(t.c.version);
	autossh_conf_finish(&t.c);
}

TEST(who_reads_stdin)
{
	static const struct {
		const char *line;
		bool reads;
	} table[] = { { "-M 0 -t host", true }, { "-M 0 -TN host", false },
		{ "-M 0 host -n cmd", false }, { "-M 0 host cmd -N", true } };
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		read_conf("", table[i].line);
		CHECK_EQ(t.c.reads_stdin, table[i].reads);
		autossh_conf_finish(&t.c);
	}
}

TEST(no_memory)
{
	for (long n = 1;; n++) {
		test_fail_malloc(n);
		snprintf(t.line, sizeof t.line, "autossh -M 0 host");
		int argc = split(t.line, t.argv);
		int err = autossh_conf_read(&t.c, argc, t.argv, env);
		autossh_conf_finish(&t.c);
		if (!test_malloc_failed())
			break;
		CHECK_EQ(err, ERR_NOMEM);
	}
}
