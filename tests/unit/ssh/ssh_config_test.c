#include "ssh/ssh_config.h"
#include "test.h"

static struct options o;
static struct ssh_config c;

static void
parse(const char *text)
{
	ssh_config_from_options(&c, &o);
	ssh_config_parse(&c, (struct span){ (const uint8_t *)text, strlen(text) });
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
	CHECK(c.tty == SSH_CONFIG_TTY_AUTO && !c.no_command && !c.subsystem && !c.null_stdin);
	CHECK(!c.background && c.escape == '~' && c.remote_command.n == 0);
}

TEST(each_keyword_is_understood)
{
	o = (struct options){ .escape = '~' };
	parse(
	    "requesttty force\nsessiontype none\nstdinnull yes\nforkafterauthentication yes\n"
	    "escapechar none\nremotecommand tmux new -A -s x\n");
	CHECK(c.tty == SSH_CONFIG_TTY_FORCE && c.no_command && c.null_stdin && c.background);
	CHECK(c.escape == 0 && command_is("tmux new -A -s x"));
	parse("requesttty yes\nsessiontype subsystem\nremotecommand none\n");
	CHECK(c.tty == SSH_CONFIG_TTY_YES && c.subsystem && c.remote_command.n == 0);
	parse("requesttty true\n"); /* OpenSSH 8.6 and earlier */
	CHECK(c.tty == SSH_CONFIG_TTY_YES);
	parse("requesttty false\n");
	CHECK(c.tty == SSH_CONFIG_TTY_NO);
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
	CHECK(c.tty == SSH_CONFIG_TTY_YES && c.null_stdin && c.subsystem && c.escape == '%');
	o = (struct options){ .no_tty = true, .no_command = true, .background = true };
	parse("hostname x");
	CHECK(c.tty == SSH_CONFIG_TTY_NO && c.no_command && c.background);
	o = (struct options){ .tty = 2 };
	parse("no newline at the end, and no value\nrequesttty\n");
	CHECK(c.tty == SSH_CONFIG_TTY_FORCE);
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
	return ssh_config_connects(&c, false, false);
}

TEST(how_ssh_would_connect)
{
	o = (struct options){ 0 };
	CHECK(connects_with(""));
	CHECK_BYTES(c.hostname.p, c.hostname.n, "host.example");
	CHECK_EQ(c.port, 2222);
	CHECK(c.family == SSH_CONFIG_INET6 && c.connect_timeout_s == 7 && c.keepalive);
	parse(
	    "addressfamily any\nconnecttimeout none\ntcpkeepalive no\nport 70000000000\n");
	CHECK(c.family == SSH_CONFIG_ANY && !c.connect_timeout_s && !c.keepalive && !c.port);
	CHECK(!ssh_config_connects(&c, false, true));
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
	CHECK(!ssh_config_connects(&c, false, true));
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
	CHECK(!ssh_config_connects(&c, true, false));
	CHECK(ssh_config_connects(&c, true, true));
	CHECK(connects_with("userknownhostsfile /dev/null"));
	CHECK(!ssh_config_connects(&c, true, true));
	CHECK(connects_with("stricthostkeychecking true")
	    && ssh_config_connects(&c, true, false));
	CHECK(connects_with("stricthostkeychecking accept-new"));
	CHECK(ssh_config_connects(&c, true, false));
	CHECK(connects_with("batchmode yes\nstricthostkeychecking ask"));
	CHECK(ssh_config_connects(&c, true, false));
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

/* ---- who carries a keyword out ---- */

static bool
is_for_ssh(const char *text, const char *by_itself)
{
	o = (struct options){ 0 };
	parse(text);
	if (c.n_unknown)
		ssh_config_compare(&c,
		    (struct span){ (const uint8_t *)by_itself, strlen(by_itself) });
	return c.for_ssh.n > 0;
}

TEST(the_table_is_one_of_small_letters_each_once)
{
	const char *name, *other;
	enum ssh_config_who who;
	size_t n = 0;
	for (; ssh_config_keyword(n, &name, &who); n++) {
		for (const char *p = name; *p; p++)
			CHECK((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'));
		for (size_t i = 0; i < n; i++)
			CHECK(
			    ssh_config_keyword(i, &other, &who) && strcmp(name, other) != 0);
	}
	CHECK(n > 100);
}

TEST(what_nobody_else_carries_out_is_for_ssh)
{
	CHECK(!is_for_ssh("channeltimeout none\n", ""));
	CHECK(is_for_ssh("channeltimeout session=5m\n", ""));
	CHECK_BYTES(c.for_ssh.p, c.for_ssh.n, "channeltimeout");
	CHECK(!is_for_ssh("ciphers aes128-ctr\nhost x\n", ""));
	CHECK(is_for_ssh("shinynewlimit 5\n", "shinynewlimit none\n"));
	CHECK_BYTES(c.for_ssh.p, c.for_ssh.n, "shinynewlimit");
	CHECK(!is_for_ssh("shinynewlimit none\n", "host x\nshinynewlimit none\n"));
	CHECK(is_for_ssh("shinynewlimit none\n", ""));
	CHECK(is_for_ssh("a b\n", "a b\nc d\n"));
	CHECK(is_for_ssh(" x\n", "")); /* no keyword at all */
	CHECK(is_for_ssh("bare\n", "") && !is_for_ssh("bare\n", "bare\n"));
	/* more than can be compared */
	char many[2000] = "";
	for (int i = 0; i <= SSH_CONFIG_UNKNOWN; i++)
		sprintf(many + strlen(many), "unknown%d no\n", i);
	CHECK(is_for_ssh(many, many));
}

TEST(what_the_host_may_open_by_socks)
{
	struct ssh_config zero = { 0 };
	CHECK(!ssh_config_may_open(&zero, "a", 1));
	CHECK(!is_for_ssh("hostname x\n", "") && ssh_config_may_open(&c, "a", 1));
	CHECK(!is_for_ssh("permitremoteopen any\n", "") && ssh_config_may_open(&c, "a", 1));
	CHECK(!is_for_ssh("permitremoteopen none\n", "") && !ssh_config_may_open(&c, "a", 1));
	CHECK(!is_for_ssh("permitremoteopen a:80 *:25 b:* [::1]:8080\n", ""));
	static const struct {
		const char *host;
		unsigned port;
		bool may;
	} rows[] = { { "a", 80, true }, { "a", 81, false }, { "A", 80, false },
		{ "c", 25, true }, { "c", 24, false }, { "b", 7, true },
		{ "::1", 8080, true }, { "::1", 80, false }, { "[::1]", 8080, false },
		{ "*", 80, false }, { "", 80, false }, { "a:80", 80, false } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (ssh_config_may_open(&c, rows[i].host, rows[i].port) != rows[i].may)
			FAIL("%s %u", rows[i].host, rows[i].port);
	CHECK(!is_for_ssh("permitremoteopen *:*\n", "") && ssh_config_may_open(&c, "x", 9));
}

TEST(a_limit_that_is_not_understood_is_for_ssh)
{
	static const char *const bad[] = { "", " ", "None", "a", "a:", ":80", "a:http",
		"a:0", "a:65536", "a:80  b:80", "::1:80", "[::1]", "[::1", "[]:80",
		"[::1]80", "a:80 any", "a/80" };
	char text[100];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "permitremoteopen %s\n", bad[i]);
		if (!is_for_ssh(text, ""))
			FAIL("%s", text);
	}
	CHECK(is_for_ssh("permitremoteopen\n", ""));
	char many[4000] = "permitremoteopen";
	for (int i = 0; i <= SSH_CONFIG_OPENS; i++)
		sprintf(many + strlen(many), " host%d:80", i);
	CHECK(is_for_ssh(many, ""));
}

TEST(a_whole_answer)
{
	static const struct {
		const char *text;
		bool whole;
	} rows[] = { { "", false }, { "\n", false }, { "port 22\n", false },
		{ "hostname x", false }, { "hostname x\nport 2", false },
		{ "user y\nhostname x\n", true } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_EQ(ssh_config_is_whole((struct span){ (const uint8_t *)rows[i].text,
			     strlen(rows[i].text) }),
		    rows[i].whole);
}
