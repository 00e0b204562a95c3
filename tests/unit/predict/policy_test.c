#include "predict/policy.h"

#include "test.h"

TEST(on_above_60_ms_and_off_below_40)
{
	struct policy p = { .mode = PREDICT_ADAPTIVE };
	CHECK(!policy_shows(&p));
	policy_echo(&p, 60000);
	CHECK(!policy_shows(&p));
	policy_echo(&p, 60001);
	CHECK(policy_shows(&p));
	policy_echo(&p, 41000);
	CHECK(policy_shows(&p));
	policy_echo(&p, 40000);
	CHECK(!policy_shows(&p));
}

TEST(underlined_when_late_or_in_doubt)
{
	struct policy p = { .mode = PREDICT_ADAPTIVE };
	policy_echo(&p, 160000);
	CHECK(!policy_underlines(&p));
	policy_echo(&p, 160001);
	CHECK(policy_underlines(&p));
	policy_echo(&p, 130000);
	CHECK(policy_underlines(&p));
	policy_echo(&p, 100000);
	CHECK(!policy_underlines(&p));
	p.in_doubt = true;
	CHECK(policy_underlines(&p));
}

TEST(a_key_that_waits_turns_it_on_for_ten)
{
	struct policy p = { .mode = PREDICT_ADAPTIVE };
	policy_waited(&p, 249999);
	CHECK(!policy_shows(&p));
	policy_waited(&p, 250000);
	CHECK(policy_shows(&p) && policy_underlines(&p));
	for (int i = 0; i < 9; i++)
		policy_reflected(&p, 10000);
	CHECK(policy_shows(&p));
	policy_reflected(&p, 10000);
	CHECK(!policy_shows(&p) && !policy_underlines(&p));
	policy_reflected(&p, 300000);
	CHECK(policy_shows(&p));
	policy_reflected(&p, 300000);
	CHECK_EQ(p.glitch_keys, POLICY_GLITCH_KEYS);
}

TEST(modes_and_their_names)
{
	static const char *const names[] = { "never", "adaptive", "always",
		"experimental" };
	for (int m = 0; m < PREDICT_MODES; m++) {
		struct policy p = { .mode = (uint8_t)m };
		CHECK_STR(policy_mode_name((enum predict_mode)m), names[m]);
		CHECK_EQ(policy_mode(names[m]), m);
		CHECK_EQ(policy_shows(&p), m >= PREDICT_ALWAYS);
		CHECK_EQ(policy_shows_all(&p), m == PREDICT_EXPERIMENTAL);
		policy_echo(&p, 1000000);
		CHECK_EQ(policy_shows(&p), m != PREDICT_NEVER);
	}
	CHECK_EQ(policy_mode("sometimes"), -1);
	/* What was never set shows nothing. */
	CHECK_EQ(PREDICT_NEVER, 0);
	CHECK(!policy_shows(&(struct policy){ .in_doubt = true }));
}
