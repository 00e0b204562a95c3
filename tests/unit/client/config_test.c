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

TEST(what_the_user_has_run_here)
{
	o = (struct options){ .escape = '~' };
	parse("permitlocalcommand no\nlocalcommand echo %h; x\n");
	CHECK(!c.permits_local && c.local_command.n == 10);
	parse("permitlocalcommand yes\nlocalcommand none\n");
	CHECK(c.permits_local && c.local_command.n == 0);
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

static bool
connects_with(const char *more)
{
	char text[512];
	snprintf(text, sizeof text,
	    "hostname host.example\nport 2222\naddressfamily inet6\nconnecttimeout 7\n"
	    "tcpkeepalive yes\nproxyusefdpass no\ncheckhostip no\nconnectionattempts 1\n"
	    "canonicalizePermittedcnames none\ncanonicalizehostname false\n%s\n",
	    more);
	parse(text);
	return config_connects(&c, false, false);
}

TEST(how_ssh_would_connect)
{
	o = (struct options){ 0 };
	CHECK(connects_with(""));
	CHECK_BYTES(c.hostname.p, c.hostname.n, "host.example");
	CHECK_EQ(c.port, 2222);
	CHECK(c.family == CONFIG_INET6 && c.connect_timeout_s == 7 && c.keepalive);
	parse(
	    "addressfamily any\nconnecttimeout none\ntcpkeepalive no\nport 70000000000\n");
	CHECK(c.family == CONFIG_ANY && !c.connect_timeout_s && !c.keepalive && !c.port);
	CHECK(!config_connects(&c, false, true));
}

TEST(what_is_left_to_ssh)
{
	static const char *const own[] = { "proxycommand nc %h %p", "proxyjump bastion",
		"bindaddress 192.0.2.1", "bindinterface eth0", "checkhostip yes",
		"canonicalizehostname true", "canonicalizehostname always",
		"canonicalizePermittedcnames *.a:*.b", "connectionattempts 3",
		"nohostauthenticationforlocalhost yes" };
	o = (struct options){ 0 };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (connects_with(own[i]))
			FAIL("%s is not left to ssh", own[i]);
	CHECK(connects_with("proxycommand none\nproxyjump none"));
	/* an ssh that cannot be handed a connection */
	parse("hostname host\nport 22\n");
	CHECK(!config_connects(&c, false, true));
}

TEST(options_that_ssh_does_not_tell_of_are_left_to_it)
{
	char port[] = "-p", log[] = "-E", jump[] = "-J", none[] = "none";
	char *args[] = { port, log, jump, none, NULL };
	o = (struct options){ .link_args = args, .n_link_args = 4 };
	CHECK(!connects_with(""));
	o.n_link_args = 2; /* -E is the value of -p */
	CHECK(connects_with(""));
}

TEST(a_question_about_a_key_is_ssh_s_own)
{
	o = (struct options){ 0 };
	CHECK(connects_with("stricthostkeychecking ask\nbatchmode no"));
	CHECK(!config_connects(&c, true, false));
	CHECK(config_connects(&c, true, true));
	CHECK(connects_with("userknownhostsfile /dev/null"));
	CHECK(!config_connects(&c, true, true));
	CHECK(connects_with("stricthostkeychecking true")
	    && config_connects(&c, true, false));
	CHECK(connects_with("stricthostkeychecking accept-new"));
	CHECK(config_connects(&c, true, false));
	CHECK(connects_with("batchmode yes\nstricthostkeychecking ask"));
	CHECK(config_connects(&c, true, false));
}

TEST(shared_connections_and_silence)
{
	o = (struct options){ 0 };
	CHECK(connects_with("controlpath none\ncontrolpersist no\nloglevel INFO"));
	CHECK(!c.control_path.n && !c.control_persist && !c.silent);
	CHECK(connects_with("controlpath /tmp/x\ncontrolpersist 60\nloglevel QUIET"));
	CHECK(c.control_path.n && c.control_persist && c.silent);
	CHECK(connects_with("loglevel SILENT") && c.silent);
}
