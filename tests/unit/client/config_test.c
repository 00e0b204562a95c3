#include "client/config.h"
#include "test.h"

static struct options o;
static struct config c;

static void
parse(const char *text)
{
	config_from_options(&c, &o);
	config_parse(&c, (struct span){ (const uint8_t *)text, strlen(text) });
}

static bool
command_is(const char *text)
{
	return c.remote_command.n == strlen(text)
	    && memcmp(c.remote_command.p, text, strlen(text)) == 0;
}

TEST(what_ssh_says_of_a_plain_host_changes_nothing)
{
	o = (struct options){ .escape = '~' };
	parse(
	    "user me\nhostname host\nrequesttty auto\nsessiontype default\nstdinnull no\n"
	    "forkafterauthentication no\nescapechar ~\nipqos lowdelay throughput\n");
	CHECK(c.tty == CONFIG_TTY_AUTO && !c.no_command && !c.subsystem && !c.null_stdin);
	CHECK(!c.background && c.escape == '~' && c.remote_command.n == 0);
}

TEST(each_keyword_is_understood)
{
	o = (struct options){ .escape = '~' };
	parse(
	    "requesttty force\nsessiontype none\nstdinnull yes\nforkafterauthentication yes\n"
	    "escapechar none\nremotecommand tmux new -A -s x\n");
	CHECK(c.tty == CONFIG_TTY_FORCE && c.no_command && c.null_stdin && c.background);
	CHECK(c.escape == 0 && command_is("tmux new -A -s x"));
	parse("requesttty yes\nsessiontype subsystem\nremotecommand none\n");
	CHECK(c.tty == CONFIG_TTY_YES && c.subsystem && c.remote_command.n == 0);
	parse("requesttty true\n"); /* OpenSSH 8.6 and earlier */
	CHECK(c.tty == CONFIG_TTY_YES);
	parse("requesttty false\n");
	CHECK(c.tty == CONFIG_TTY_NO);
}

TEST(escape_characters_as_ssh_prints_them)
{
	o = (struct options){ 0 };
	parse("escapechar ~\n");
	CHECK_EQ(c.escape, '~');
	parse("escapechar \\^B\n");
	CHECK_EQ(c.escape, 2);
	parse("escapechar ^B\n");
	CHECK_EQ(c.escape, 2);
	parse("escapechar \\\\\n");
	CHECK_EQ(c.escape, '\\');
	parse("escapechar\n");
	CHECK_EQ(c.escape, 0);
}

TEST(where_ssh_does_not_know_a_keyword_the_command_line_counts)
{
	o = (struct options){ .tty = 1,
		.null_stdin = true,
		.subsystem = true,
		.escape = '%' };
	parse("");
	CHECK(c.tty == CONFIG_TTY_YES && c.null_stdin && c.subsystem && c.escape == '%');
	o = (struct options){ .no_tty = true, .no_command = true, .background = true };
	parse("hostname x");
	CHECK(c.tty == CONFIG_TTY_NO && c.no_command && c.background);
	o = (struct options){ .tty = 2 };
	parse("no newline at the end, and no value\nrequesttty\n");
	CHECK(c.tty == CONFIG_TTY_FORCE);
}
