#include "server/sftp_policy.h"

#include "test.h"

static struct span
span_of(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

static struct sftp_policy
read_all(const char *text)
{
	struct sftp_policy p = { 0 };
	struct span rest = span_of(text), patterns;
	while (sftp_policy_next(&p, &rest, &patterns))
		;
	CHECK_EQ(rest.n, 0);
	return p;
}

static const struct {
	const char *text;
	enum sftp_said said;
	const char *command;
} cases[] = {
	{ "", SFTP_NOT_SAID, "" },
	{ "Port 22\n# Subsystem sftp internal-sftp\n", SFTP_NOT_SAID, "" },
	{ "Subsystem sftp /usr/lib/openssh/sftp-server\n", SFTP_COMMAND,
	    "/usr/lib/openssh/sftp-server" },
	{ "subsystem\tsftp  /usr/lib/sftp-server  -u 0077 -l\tINFO", SFTP_COMMAND,
	    "/usr/lib/sftp-server -u 0077 -l INFO" },
	{ "Subsystem=sftp internal-sftp\r\n", SFTP_INTERNAL, "" },
	{ "  Subsystem sftp internal-sftp -R -d /srv/%u\n", SFTP_INTERNAL,
	    "-R -d /srv/%u" },
	{ "Subsystem other /bin/x\nSubsystem sftp internal-sftp\n", SFTP_INTERNAL, "" },
	{ "ForceCommand none\nSubsystem sftp internal-sftp\n", SFTP_INTERNAL, "" },
	{ "Subsystem sftp internal-sftp\nMatch User x\nX11Forwarding no\n", SFTP_INTERNAL,
	    "" },
	/* What is not the same for everybody. */
	{ "Match User x\nSubsystem sftp internal-sftp\n", SFTP_UNCLEAR, NULL },
	{ "Match all\nSubsystem sftp internal-sftp\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp internal-sftp\nMatch User x\nForceCommand internal-sftp -R\n",
	    SFTP_UNCLEAR, NULL },
	{ "ForceCommand x\nSubsystem sftp internal-sftp\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp internal-sftp\nSubsystem sftp /bin/x\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp internal-sftp\nMatch User x\nSubsystem sftp /bin/x\n",
	    SFTP_UNCLEAR, NULL },
	/* What is not understood, or would mean something to a shell. */
	{ "Subsystem sftp\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem \"sftp\" internal-sftp\n", SFTP_UNCLEAR, NULL },
	{ "\"Subsystem\" sftp internal-sftp\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp sftp-server\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp /bin/x \"-u 0\"\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp /bin/x; /bin/y\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp /bin/x $HOME\n", SFTP_UNCLEAR, NULL },
	{ "Subsystem sftp internal-sftp # comment\n", SFTP_UNCLEAR, NULL },
};

TEST(what_is_said_of_sftp)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sftp_policy p = read_all(cases[i].text);
		if (p.said != cases[i].said)
			FAIL("%d of: %s", p.said, cases[i].text);
		if (cases[i].command)
			CHECK_STR(p.command, cases[i].command);
	}
}

TEST(a_command_that_is_too_long)
{
	char text[2 * SFTP_COMMAND_MAX];
	snprintf(text, sizeof text, "Subsystem sftp /%0*d", SFTP_COMMAND_MAX, 0);
	CHECK_EQ(read_all(text).said, SFTP_UNCLEAR);
}

TEST(a_file_that_is_cut_off_anywhere)
{
	static const char whole[] =
	    "Include a*.conf b\nMatch all\nSubsystem sftp /x -u 0\n";
	for (size_t n = 0; n < sizeof whole; n++) {
		char *text = malloc(n + 1);
		memcpy(text, whole, n);
		text[n] = 0;
		struct sftp_policy p = read_all(text);
		CHECK(p.said == SFTP_NOT_SAID || p.said == SFTP_UNCLEAR);
		free(text);
	}
}

TEST(includes)
{
	struct sftp_policy p = { 0 };
	struct span rest = span_of("Port 22\nInclude /a/*.conf b\nSubsystem sftp /x\n");
	struct span patterns, pattern;
	CHECK(sftp_policy_next(&p, &rest, &patterns));
	CHECK_EQ(sftp_policy_pattern(&patterns, &pattern), 1);
	CHECK_BYTES(pattern.p, pattern.n, "/a/*.conf");
	CHECK_EQ(sftp_policy_pattern(&patterns, &pattern), 1);
	CHECK_BYTES(pattern.p, pattern.n, "b");
	CHECK_EQ(sftp_policy_pattern(&patterns, &pattern), 0);
	CHECK(!sftp_policy_next(&p, &rest, &patterns));
	CHECK_EQ(p.said, SFTP_COMMAND);
}

TEST(patterns_that_are_not_understood)
{
	static const char *const bad[] = { "/a/*b*", "/*/b", "a?", "a[bc]", "\"a b\"",
		"~/a", "\\*" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct span patterns = span_of(bad[i]), pattern;
		if (sftp_policy_pattern(&patterns, &pattern) != -1)
			FAIL("%s", bad[i]);
	}
}

TEST(names_that_are_meant)
{
	static const struct {
		const char *pattern, *name;
		bool meant;
	} names[] = { { "/a/*.conf", "x.conf", true }, { "/a/*.conf", ".conf", false },
		{ "*.conf", ".x.conf", false }, { "*.conf", "x.conf~", false },
		{ "a*", "a", true }, { "a*", "b", false }, { "a*a", "a", false },
		{ "a*a", "aa", true }, { "/a/b", "b", true }, { "/a/b", "bb", false },
		{ "*", "x", true }, { "*", "..", false } };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (sftp_policy_matches(span_of(names[i].pattern), names[i].name)
		    != names[i].meant)
			FAIL("%s: %s", names[i].pattern, names[i].name);
}
