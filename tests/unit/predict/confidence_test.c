#include "predict/confidence.h"

#include "test.h"

/* All states and events, a letter each: what comes next. */
TEST(the_table_of_states_and_events)
{
	static const char letters[] = "XTKSD"; /* secret, tentative, kernel, sure, deaf */
	static const struct {
		enum confidence_event event;
		const char *next; /* from each state */
	} table[] = {
		{ CONF_TOLD_SECRET, "XXXXX" },
		{ CONF_TOLD_KERNEL, "KKKKK" },
		{ CONF_TOLD_PROGRAM, "TTTSD" },
		{ CONF_CONTEXT, "XTTTT" },
		{ CONF_HARD, "XTTTD" },
		{ CONF_MATCH, "XSKSS" },
		{ CONF_MISS, "XTTTD" },
		{ CONF_MOVED, "XTKTD" },
		{ CONF_UNHEARD, "XDDDD" },
		{ CONF_PROMPT, "XSKSD" },
	};
	CHECK_EQ(sizeof table / sizeof *table, CONF_EVENTS);
	CHECK_EQ(strlen(letters), CONF_STATES);
	for (int e = 0; e < CONF_EVENTS; e++) {
		CHECK_EQ(table[e].event, e);
		for (int s = 0; s < CONF_STATES; s++)
			CHECK_EQ(letters[confidence_next((enum confidence)s,
				     (enum confidence_event)e)],
			    table[e].next[s]);
	}
}

TEST(what_each_state_shows)
{
	static const char *const names[] = { "secret", "tentative", "kernel", "sure",
		"deaf" };
	static const char shown[] = "--++-", all[] = "-++++";
	for (int s = 0; s < CONF_STATES; s++) {
		CHECK_STR(confidence_name((enum confidence)s), names[s]);
		CHECK_EQ(confidence_shows((enum confidence)s, false), shown[s] == '+');
		CHECK_EQ(confidence_shows((enum confidence)s, true), all[s] == '+');
	}
}

/* A zeroed state is the secret one, and nothing but the host ends that. */
TEST(a_secret_is_ended_by_the_host_only)
{
	CHECK_EQ(CONF_SECRET, 0);
	for (int e = 0; e < CONF_EVENTS; e++)
		if (e != CONF_TOLD_KERNEL && e != CONF_TOLD_PROGRAM)
			CHECK_EQ(confidence_next(CONF_SECRET, (enum confidence_event)e),
			    CONF_SECRET);
}
