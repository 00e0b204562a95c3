#include "predict/preference.h"

#include "test.h"

TEST(on_above_60_ms_and_off_below_40)
{
	struct preference p = { .mode = PREDICT_ADAPTIVE };
	CHECK(!preference_shows(&p));
	preference_echo(&p, 60000);
	CHECK(!preference_shows(&p));
	preference_echo(&p, 60001);
	CHECK(preference_shows(&p));
	preference_echo(&p, 41000);
	CHECK(preference_shows(&p));
	preference_echo(&p, 40000);
	CHECK(!preference_shows(&p));
}

TEST(underlined_when_late_or_in_doubt)
{
	struct preference p = { .mode = PREDICT_ADAPTIVE };
	preference_echo(&p, 160000);
	CHECK(!preference_underlines(&p));
	preference_echo(&p, 160001);
	CHECK(preference_underlines(&p));
	preference_echo(&p, 130000);
	CHECK(preference_underlines(&p));
	preference_echo(&p, 100000);
	CHECK(!preference_underlines(&p));
	p.in_doubt = true;
	CHECK(preference_underlines(&p));
}

TEST(a_key_that_waits_turns_it_on_for_ten)
{
	struct preference p = { .mode = PREDICT_ADAPTIVE };
	preference_waited(&p, 249999);
	CHECK(!preference_shows(&p));
	preference_waited(&p, 250000);
	CHECK(preference_shows(&p) && preference_underlines(&p));
	for (int i = 0; i < 9; i++)
		preference_reflected(&p, 10000);
	CHECK(preference_shows(&p));
	preference_reflected(&p, 10000);
	CHECK(!preference_shows(&p) && !preference_underlines(&p));
	preference_reflected(&p, 300000);
	CHECK(preference_shows(&p));
	preference_reflected(&p, 300000);
	CHECK_EQ(p.glitch_keys, PREFERENCE_GLITCH_KEYS);
}

TEST(modes_and_their_names)
{
	static const char *const names[] = { "never", "adaptive", "always",
		"experimental" };
	for (int m = 0; m < PREDICT_MODES; m++) {
		struct preference p = { .mode = (uint8_t)m };
		CHECK_STR(preference_name((enum predict_mode)m), names[m]);
		CHECK_EQ(preference_mode(names[m]), m);
		CHECK_EQ(preference_shows(&p), m >= PREDICT_ALWAYS);
		CHECK_EQ(preference_shows_all(&p), m == PREDICT_EXPERIMENTAL);
		preference_echo(&p, 1000000);
		CHECK_EQ(preference_shows(&p), m != PREDICT_NEVER);
	}
	CHECK_EQ(preference_mode("sometimes"), -1);
	/* What was never set shows nothing. */
	CHECK_EQ(PREDICT_NEVER, 0);
	CHECK(!preference_shows(&(struct preference){ .in_doubt = true }));
}
