#include "client/status.h"
#include "test.h"

static const uint64_t second_us = 1000 * 1000, begun_us = 5000000;

static const char *
text_of(struct status s, size_t width)
{
	static char text[STATUS_MAX];
	s.host = s.host ? s.host : "prod";
	s.heard_us = begun_us;
	s.now_us += begun_us;
	s.next_us += s.next_us ? begun_us : 0;
	s.escape = s.escape ? s.escape : '~';
	status_text(&s, width, text);
	return text;
}

/* What is left of each reason in windows of 20, 40 and 80 columns. */
TEST(reasons_in_windows_of_all_widths)
{
	static const struct {
		struct status s;
		const char *texts[3];
	} table[] = {
		{ { .state = POLICY_DOUBT_TRY, .why = STATUS_SILENT },
		    {
			"host silent, 12 s",
			"belay: prod: the host is silent, 12 s",
			"belay: prod: the host is silent, last word 12 s ago; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_WAIT, .why = STATUS_NO_NETWORK, .next_us = 1 },
		    {
			"no network, 12 s",
			"belay: prod: no network here, 12 s",
			"belay: prod: no network here, last word 12 s ago; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_WAIT, .why = STATUS_NO_NAME, .waiting = 5 },
		    {
			"unknown name, 12 s",
			"belay: prod: unknown name, 12 s; 5 wait",
			"belay: the name is not known here (VPN?), 12 s; 5 wait; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_WAIT, .why = STATUS_NO_WAY },
		    {
			"no way there, 12 s",
			"belay: no way to the host (VPN?), 12 s",
			"belay: prod: no way to the host (VPN?), 12 s; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_WAIT, .why = STATUS_REFUSES },
		    {
			"host refuses, 12 s",
			"belay: prod: host refuses, 12 s",
			"belay: prod: the host refuses connections, 12 s; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_WAIT, .why = STATUS_CLOSES },
		    {
			"host hangs up, 12 s",
			"belay: prod: host hangs up, 12 s",
			"belay: prod: the host closes the connection, 12 s; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_WAIT, .why = STATUS_NO_SERVER },
		    {
			"no server, 12 s",
			"belay: prod: no server, 12 s",
			"belay: prod: the host cannot run belay-server, 12 s; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_WAIT, .why = STATUS_KEY },
		    {
			"ANOTHER KEY, 12 s",
			"belay: prod: ANOTHER KEY, 12 s",
			"belay: prod: ANOTHER HOST KEY: nothing is sent, 12 s; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_TRY, .why = STATUS_LOST },
		    {
			"disconnected, 12 s",
			"belay: prod: disconnected, 12 s",
			"belay: prod: disconnected, last word 12 s ago; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_TRY, .why = STATUS_LOGGING_IN },
		    {
			"logging in, 12 s",
			"belay: prod: logging in, 12 s",
			"belay: prod: logging in (Ctrl-C cancels), last word 12 s ago",
		    } },
		{ { .state = POLICY_DOWN_ASK, .why = STATUS_LOGIN, .enter = true },
		    {
			"login: press Enter",
			"belay: prod: login: press Enter, 12 s",
			"belay: prod: needs your login: press Enter, 12 s; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_ASK, .why = STATUS_LOGIN, .unnoticed = true },
		    {
			"belay: login, 12 s",
			"belay: prod: needs your login, 12 s",
			"belay: prod: needs your login, last word 12 s ago; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_ASK, .why = STATUS_LOGIN, .waiting = 5 },
		    {
			"login: Enter, ~, R",
			"belay: login: Enter, ~, R, 12 s; 5 wait",
			"belay: prod: needs your login: Enter, ~, R, 12 s; 5 wait; to leave: Enter, ~, .",
		    } },
		{ { .state = POLICY_DOWN_ASK,
		      .why = STATUS_LOGIN,
		      .waiting = 1,
		      .line_start = true },
		    {
			"login: ~, R, 12 s",
			"belay: prod: login: ~, R, 12 s; 1 wait",
			"belay: prod: needs your login: ~, R, last word 12 s ago; 1 wait; to leave: ~, .",
		    } },
	};
	static const size_t widths[] = { 19, 39, 79 };
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		for (int k = 0; k < 3; k++) {
			struct status s = table[i].s;
			s.now_us = 12 * second_us;
			CHECK_STR(text_of(s, widths[k]), table[i].texts[k]);
			CHECK(strlen(table[i].texts[k]) <= widths[k]);
		}
}

TEST(in_a_wide_window_all_is_said)
{
	CHECK_STR(text_of((struct status){ .state = POLICY_DOWN_WAIT,
			      .why = STATUS_REFUSES,
			      .now_us = 65 * second_us,
			      .next_us = 68 * second_us + 1,
			      .waiting = 23 },
		      200),
	    "belay: prod: the host refuses connections, last word 1 min 5 s ago; 23 typed "
	    "characters wait; next try in 4 s; to leave press Enter, then ~, then .");
	CHECK_STR(text_of((struct status){ .state = POLICY_DOUBT_TRY,
			      .tries = 2,
			      .now_us = 7500 * second_us,
			      .escape = 1 },
		      200),
	    "belay: prod: the host is silent, last word 2 h 5 min ago; connecting, attempt 3");
}

/* Every reason has few words that leave room for the key or the time in 20 columns. */
TEST(no_text_is_wider_than_its_window)
{
	for (int why = 0; why < STATUS_WHYS; why++)
		for (size_t width = 20; width < STATUS_MAX; width++) {
			struct status s = { .state = POLICY_DOWN_WAIT,
				.why = (enum status_why)why,
				.waiting = 100000,
				.now_us = 7500 * second_us };
			CHECK(strlen(text_of(s, width)) <= width);
		}
}

static enum status_why
why(enum policy_state state, enum ssh_errors error, bool failed, bool network)
{
	struct status_facts f = { .state = state,
		.error = error,
		.failed = failed,
		.network = network };
	return status_why(&f);
}

TEST(reasons_from_what_is_known)
{
	static const enum status_why of[SSH_ERRORS] = {
		[SSH_ERROR_NONE] = STATUS_SILENT,
		[SSH_ERROR_HOST_KEY] = STATUS_KEY,
		[SSH_ERROR_LOGIN] = STATUS_LOGIN,
		[SSH_ERROR_UNREACHED] = STATUS_CLOSES,
		[SSH_ERROR_NO_NAME] = STATUS_NO_NAME,
		[SSH_ERROR_NO_NETWORK] = STATUS_NO_NETWORK,
		[SSH_ERROR_NO_WAY] = STATUS_NO_WAY,
		[SSH_ERROR_REFUSED] = STATUS_REFUSES,
		[SSH_ERROR_SILENT] = STATUS_SILENT,
		[SSH_ERROR_NO_SESSION] = STATUS_NO_SERVER,
		[SSH_ERROR_LOST] = STATUS_CLOSES,
	};
	for (int error = 0; error < SSH_ERRORS; error++)
		CHECK_EQ(why(POLICY_DOWN_WAIT, (enum ssh_errors)error, true, true),
		    of[error]);
	CHECK_EQ(why(POLICY_DOUBT_TRY, SSH_ERROR_NONE, false, true), STATUS_SILENT);
	CHECK_EQ(why(POLICY_DOWN_TRY, SSH_ERROR_NONE, false, true), STATUS_LOST);
	CHECK_EQ(why(POLICY_DOUBT_TRY, SSH_ERROR_NONE, false, false), STATUS_NO_NETWORK);
	CHECK_EQ(why(POLICY_DOWN_WAIT, SSH_ERROR_NO_NAME, true, false),
	    STATUS_NO_NETWORK);
	CHECK_EQ(why(POLICY_DOWN_WAIT, SSH_ERROR_REFUSED, true, false), STATUS_REFUSES);
	CHECK_EQ(why(POLICY_DOWN_ASK, SSH_ERROR_LOGIN, true, false), STATUS_LOGIN);
}

TEST(a_session_that_is_gone_is_asked_about)
{
	struct status_facts facts = { .state = POLICY_DOWN_GONE };
	struct status s = { .host = "host",
		.state = POLICY_DOWN_GONE,
		.why = STATUS_KILLED,
		.enter = true,
		.line_start = true,
		.escape = '~' };
	char text[STATUS_MAX];
	CHECK_EQ(status_why(&facts), STATUS_KILLED);
	facts.rebooted = true;
	CHECK_EQ(status_why(&facts), STATUS_RESTARTED);
	status_text(&s, 200, text);
	CHECK_STR(text,
	    "belay: host: the session ended on the host; for a new one: press Enter; to "
	    "leave press ~, then .");
	s.why = STATUS_RESTARTED;
	status_text(&s, 28, text);
	CHECK_STR(text, "host restarted: press Enter");
}

TEST(it_is_written_ever_more_seldom)
{
	struct status s = { .heard_us = 500, .now_us = 500 + second_us / 4 };
	unsigned times = 0;
	CHECK_EQ(status_changes_us(&s), s.now_us + second_us);
	s.now_us = 500 + 16 * second_us;
	CHECK_EQ(status_changes_us(&s), 500 + 32 * second_us);
	s.now_us = 500 + second_us / 4;
	for (; s.now_us < 3600 * second_us; s.now_us = status_changes_us(&s))
		times++;
	CHECK(times < 15);
}

TEST(a_long_name_does_not_run_over)
{
	char name[2000];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	CHECK(strlen(text_of((struct status){ .host = name }, 1000)) < STATUS_MAX);
}
