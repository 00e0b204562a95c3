/* What the host's administrator has set. */
#include "server/settings.h"

#include "test.h"

static struct server_settings
parsed(const char *text)
{
	struct server_settings s;
	server_settings_parse(&s, text, "");
	return s;
}

TEST(nothing_set_is_mosh_s_ports)
{
	struct server_settings s = parsed("");
	CHECK(s.udp);
	CHECK_EQ(s.udp_first, 60001);
	CHECK_EQ(s.udp_last, 60999);
}

TEST(no_is_no)
{
	CHECK(!parsed("udp no\n").udp);
	CHECK(!parsed("# comment\n\n  udp\tno").udp);
	CHECK(parsed("udp yes\n").udp);
	CHECK(parsed("udpx no\n#udp no\n").udp);
}

TEST(ports_are_a_range_or_one)
{
	struct server_settings s = parsed("udp-ports 61000-61010\nudp yes\n");
	CHECK(s.udp && s.udp_first == 61000 && s.udp_last == 61010);
	s = parsed("udp-ports 61000:61010");
	CHECK(s.udp_first == 61000 && s.udp_last == 61010);
	s = parsed("udp-ports 7000\n");
	CHECK(s.udp_first == 7000 && s.udp_last == 7000);
}

TEST(what_is_no_range_changes_nothing)
{
	static const char *const bad[] = { "udp-ports", "udp-ports x", "udp-ports 10-5",
		"udp-ports 1-70000", "udp-ports 0-5", "udp-ports -" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(parsed(bad[i]).udp_first, 60001);
}

static struct server_settings settings;

static const char *
on_away(const char *administrator, const char *user)
{
	server_settings_parse(&settings, administrator, user);
	return settings.on_away;
}

TEST(the_command_is_the_line_s_rest_and_the_user_s_counts_more)
{
	static char longest[ON_AWAY_MAX + 20];
	CHECK_STR(on_away("", ""), "");
	CHECK_STR(on_away("udp no\non-away echo a b  # c\n", ""), "echo a b  # c");
	CHECK(!settings.udp);
	CHECK_STR(on_away("on-away one\n", "\n on-away\ttwo"), "two");
	CHECK_STR(on_away("on-away one\n", "on-away \n"), "");
	CHECK_STR(on_away("on-away one\n", "on-awayx two\n#on-away two\n"), "one");
	/* All else is the administrator's. */
	CHECK_STR(on_away("", "udp no\nudp-ports 1-2\non-away x"), "x");
	CHECK(settings.udp && settings.udp_first == 60001);
	memset(longest, 'x', sizeof longest - 1);
	memcpy(longest, "on-away ", 8);
	CHECK_STR(on_away(longest, ""), "");
	longest[8 + ON_AWAY_MAX - 1] = '\0';
	CHECK_EQ(strlen(on_away(longest, "")), ON_AWAY_MAX - 1);
}
