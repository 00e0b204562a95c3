#include "client/again.h"
#include "test.h"

#include <stdlib.h>
#include <time.h>

static char text[AGAIN_TEXT_MAX];

TEST(it_begins_by_itself_only_where_the_host_was_restarted)
{
	static const struct {
		enum options_again when;
		enum reconnect_next killed, restarted;
	} all[] = { { AGAIN_AUTO, RECONNECT_ASK, RECONNECT_ANEW },
		{ AGAIN_ASK, RECONNECT_ASK, RECONNECT_ASK },
		{ AGAIN_ALWAYS, RECONNECT_ANEW, RECONNECT_ANEW },
		{ AGAIN_NEVER, RECONNECT_OVER, RECONNECT_OVER } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (int rebooted = 0; rebooted < 2; rebooted++)
			for (int known = 0; known < 2; known++) {
				struct reconnect_gone gone = { rebooted, known };
				CHECK_EQ(again_next(all[i].when, &gone),
				    rebooted && known ? all[i].restarted : all[i].killed);
			}
}

TEST(one_line_says_what_has_happened)
{
	struct handshake_remains r = { .any = true,
		.rebooted = true,
		.booted_s = 12 * 3600 + 4 * 60,
		.there = true,
		.directory = "~/src/x",
		.running = "make -j8" };
	struct again_typed typed = { 0 };
	CHECK_EQ(setenv("TZ", "UTC0", 1), 0);
	tzset();
	again_text(&r, false, &typed, 12 * 3600 + 300, text);
	CHECK_STR(text, "host restarted 12:04; new shell in ~/src/x (was: make -j8)");
	again_text(&r, false, &typed, 40 * 3600, text);
	CHECK_STR(text, "host restarted Thu 12:04; new shell in ~/src/x (was: make -j8)");
	r.there = false;
	r.running[0] = 0;
	r.rebooted = false;
	again_text(&r, true, &typed, 12 * 3600 + 300, text);
	CHECK_STR(text,
	    "the session ended on the host; new shell (~/src/x is not there)");
}

TEST(what_was_typed_is_counted)
{
	struct handshake_remains r = { 0 };
	struct again_typed typed = { 1, 0 };
	again_text(&r, true, &typed, 0, text);
	CHECK_STR(text, "host restarted; new shell; 1 byte that you typed was not sent");
	typed = (struct again_typed){ 12, 3 };
	again_text(&r, false, &typed, 0, text);
	CHECK_STR(text,
	    "the session ended on the host; new shell; 12 bytes that you typed were not "
	    "sent; the last 3 that were may not have arrived");
}
