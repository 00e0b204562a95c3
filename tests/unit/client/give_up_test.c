#include "client/give_up.h"
#include "test.h"

#include <string.h>

enum { DAY = 24 * 3600 };

static uint32_t
of(const char *line, enum hello_kind kind, bool command)
{
	struct options o;
	char text[200], *words[20];
	int argc = 0;
	snprintf(text, sizeof text, "belay %s host", line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		words[argc++] = word;
	words[argc] = NULL;
	CHECK_EQ(options_parse(&o, argc, words), 0);
	CHECK(!o.bad_option);
	uint32_t s = give_up_s(&o, kind, command, DAY);
	options_finish(&o);
	return s;
}

TEST(a_shell_and_a_tunnel_never_a_command_when_the_host_has)
{
	CHECK_EQ(of("", KIND_PTY, false), 0);
	CHECK_EQ(of("", KIND_NONE, false), 0);
	CHECK_EQ(of("", KIND_PTY, true), DAY);
	CHECK_EQ(of("", KIND_PIPES, true), DAY);
	CHECK_EQ(of("", KIND_PIPES, false), DAY);
	CHECK_EQ(of("", KIND_SFTP, true), DAY);
	CHECK_EQ(of("", KIND_SELF, true), DAY);
}

TEST(what_is_said_counts_for_all)
{
	static const enum hello_kind kinds[] = { KIND_PTY, KIND_PIPES, KIND_SFTP,
		KIND_SELF, KIND_NONE };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		CHECK_EQ(of("--give-up 90", kinds[i], false), 90);
		CHECK_EQ(of("--give-up=2m", kinds[i], true), 120);
	}
}

TEST(ssh_s_own_bound_on_the_line_bounds_a_command)
{
	CHECK_EQ(of("-oServerAliveInterval=15", KIND_PIPES, true), 45);
	CHECK_EQ(of("-oServerAliveInterval=15 -oServerAliveCountMax=2", KIND_PIPES, true),
	    30);
	CHECK_EQ(of("-o serveraliveinterval=1m", KIND_PIPES, true), 180);
	CHECK_EQ(of("-oServerAliveInterval=7 -oServerAliveInterval=9", KIND_PTY, true),
	    21);
	CHECK_EQ(of("-oServerAliveInterval=15", KIND_PTY, false), 0);
	CHECK_EQ(of("-oServerAliveInterval=15", KIND_NONE, false), 0);
	CHECK_EQ(of("-oServerAliveInterval=0", KIND_PIPES, true), DAY);
	CHECK_EQ(of("-oServerAliveIntervals=5", KIND_PIPES, true), DAY);
	CHECK_EQ(of("-i -oServerAliveInterval=5", KIND_PIPES, true), DAY);
}
