#include "client/status.h"
#include "test.h"

static const uint64_t second_us = 1000 * 1000;

static const char *
text_of(struct status s)
{
	static char text[STATUS_MAX];
	s.host = s.host ? s.host : "there";
	s.escape = s.escape ? s.escape : '~';
	status_text(&s, text);
	return text;
}

TEST(it_says_what_since_when_what_next_and_which_keys)
{
	CHECK_STR(text_of((struct status){ .state = POLICY_DOUBT_TRY,
		      .now_us = 12 * second_us }),
	    "belay: no answer, 12 s: there; connecting; Enter ~. leaves");
	CHECK_STR(text_of((struct status){ .state = POLICY_DOWN_TRY,
		      .tries = 2,
		      .since_us = 1 * second_us,
		      .now_us = 65 * second_us }),
	    "belay: disconnected, 1 min 4 s: there; connecting, attempt 3; Enter ~. leaves");
	CHECK_STR(text_of((struct status){ .state = POLICY_DOWN_WAIT,
		      .now_us = 7500 * second_us,
		      .next_us = 7503 * second_us + 1 }),
	    "belay: disconnected, 2 h 5 min: there; trying again in 4 s;"
	    " Enter ~. leaves");
	CHECK_STR(text_of((struct status){ .state = POLICY_DOWN_ASK, .escape = 1 }),
	    "belay: disconnected, 0 s: there; needs your login");
	CHECK_STR(text_of((struct status){ .state = POLICY_DOWN_ASK }),
	    "belay: disconnected, 0 s: there; needs your login: Enter ~R; Enter ~. leaves");
	CHECK_STR(text_of((struct status){ .state = POLICY_DOWN_ASK, .enter = true }),
	    "belay: disconnected, 0 s: there; needs your login: press Enter; Enter ~. leaves");
}

TEST(an_overdue_attempt_is_in_no_time)
{
	CHECK_STR(text_of((struct status){ .state = POLICY_DOWN_WAIT,
		      .now_us = second_us,
		      .next_us = 1 }),
	    "belay: disconnected, 1 s: there; trying again in 0 s;"
	    " Enter ~. leaves");
}

TEST(it_is_written_ever_more_seldom)
{
	struct status s = { .since_us = 500, .now_us = 500 + second_us / 4 };
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
	CHECK(strlen(text_of((struct status){ .host = name })) < STATUS_MAX);
}
