#include "autossh/supervise.h"
#include "test.h"

/* Scripts of what happens and what is to be done, with a clock of their own. */

enum { SECOND = 1000000, HOUR = 3600 };
enum { KILLED = 1000 }; /* killed by signal N: KILLED + N */

static struct supervise s;
static uint64_t now_us;

static const struct supervise_rules usual = { .poll_us = (uint64_t)600 * SECOND,
	.first_poll_us = (uint64_t)600 * SECOND,
	.gate_us = (uint64_t)30 * SECOND,
	.max_starts = -1,
	.tests = true };

static void
pass(double seconds)
{
	now_us += (uint64_t)(seconds * SECOND);
}

static void
begin(const struct supervise_rules *rules)
{
	now_us = (uint64_t)HOUR * SECOND;
	supervise_init(&s, rules, now_us);
	CHECK_EQ(supervise_begin(&s, now_us), SUPERVISE_START);
}

static unsigned
on(enum supervise_event event)
{
	return supervise_on(&s, event, now_us);
}

static unsigned
ended_by(int status, int why)
{
	struct supervise_end end = { .status = status % KILLED,
		.by_signal = status >= KILLED };
	end.why = why;
	return supervise_ended(&s, &end, now_us);
}

static unsigned
ended(int status)
{
	return ended_by(status, SUPERVISE_UNKNOWN);
}

/* Goes to the next deadline; returns how many seconds away it was. */
static long
until(unsigned wanted)
{
	uint64_t at_us = supervise_deadline(&s), from_us = now_us;
	CHECK(at_us >= now_us);
	if (at_us > now_us) {
		now_us = at_us - 1;
		CHECK_EQ(on(SUPERVISE_TIMER), 0);
	}
	now_us = at_us;
	CHECK_EQ(on(SUPERVISE_TIMER), wanted);
	return (long)((at_us - from_us) / SECOND);
}

static void
over(int exit_status)
{
	CHECK_EQ(s.state, SUPERVISE_OVER);
	CHECK_EQ(s.exit_status, exit_status);
	CHECK_EQ(supervise_deadline(&s), 0);
}

TEST(how_ssh_ended_decides)
{
	/* In which state, what comes of it: 0 and 1 are exits, 2 is again. */
	static const struct {
		int status;
		int early, first, later, ungated;
	} table[] = {
		{ 0, 1, 0, 0, 0 },
		{ 1, 1, 1, 2, 2 },
		{ 2, 1, 1, 2, 2 },
		{ 3, 1, 1, 1, 1 },
		{ 127, 1, 1, 1, 1 },
		{ 254, 1, 1, 1, 1 },
		{ 255, 1, 2, 2, 2 },
		{ KILLED + 9, 2, 2, 2, 2 },
		{ KILLED + 15, 2, 2, 2, 2 },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		for (int stage = 0; stage < 4; stage++) {
			struct supervise_rules rules = usual;
			int wanted[] = { table[i].early, table[i].first, table[i].later,
				table[i].ungated };
			rules.gate_us = stage == 3 ? 0 : rules.gate_us;
			begin(&rules);
			pass(stage == 1 ? 30.001 : 30);
			if (stage == 2) {
				CHECK_EQ(ended(KILLED + 1), 0);
				CHECK_EQ(until(SUPERVISE_START), 0);
			}
			unsigned actions = ended(table[i].status);
			CHECK(s.said[0]);
			if (wanted[stage] == 2)
				CHECK_EQ(until(SUPERVISE_START), 0);
			else
				over(wanted[stage]);
			CHECK_EQ(actions, wanted[stage] == 2 ? 0 : SUPERVISE_EXIT);
		}
}

TEST(quick_ends_are_backed_off_from_as_autossh_does)
{
	static const long waits_s[] = { 0, 0, 0, 0, 0, 2, 8, 18, 32, 50, 72, 98 };
	struct supervise_rules rules = usual;
	rules.gate_us = 0;
	begin(&rules);
	for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
		CHECK_EQ(ended(255), 0);
		CHECK_EQ(until(SUPERVISE_START), waits_s[i]);
	}
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(ended(255), 0);
		CHECK(until(SUPERVISE_START) <= 600);
	}
	s.tries = (1u << 31) + 4; /* its square overflows to nothing */
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(until(SUPERVISE_START), 600);
	pass(60); /* a tenth of the poll time: it has lived */
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(until(SUPERVISE_START), 0);
}

TEST(a_short_poll_time_shortens_the_back_off)
{
	struct supervise_rules rules = usual;
	rules.poll_us = (uint64_t)30 * SECOND;
	rules.gate_us = 0;
	begin(&rules);
	for (int i = 0; i < 40; i++) {
		pass(9.9); /* less than ten seconds is no life */
		CHECK_EQ(ended(255), 0);
		CHECK(until(SUPERVISE_START) <= 30);
	}
	CHECK_EQ(s.tries, 40);
	pass(10);
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(s.tries, 0);
}

TEST(a_host_that_is_not_reached_is_backed_off_from_however_long_that_took)
{
	struct supervise_rules rules = usual;
	rules.gate_us = 0;
	begin(&rules);
	for (int i = 0; i < 5; i++) {
		pass(127); /* what a kernel takes to give up */
		CHECK_EQ(ended_by(255, SUPERVISE_UNREACHED), 0);
		CHECK_EQ(until(SUPERVISE_START), 0);
	}
	pass(127);
	CHECK_EQ(ended_by(255, SUPERVISE_UNREACHED), 0);
	CHECK_EQ(until(SUPERVISE_START), 2);
	CHECK_EQ(ended_by(255, SUPERVISE_UNREACHED), 0);
	CHECK_EQ(until(SUPERVISE_START), 8);
}

TEST(a_refused_login_is_tried_less_than_five_times_in_ten_minutes)
{
	struct supervise_rules rules = usual;
	rules.gate_us = 0;
	begin(&rules);
	uint64_t began_us = now_us;
	int starts = 1;
	for (;;) {
		CHECK_EQ(ended_by(255, SUPERVISE_REFUSED), 0);
		pass(1);
		CHECK_EQ(on(SUPERVISE_MOVED), 0); /* no news for that */
		until(SUPERVISE_START);
		if (now_us > began_us + (uint64_t)600 * SECOND)
			break;
		starts++;
	}
	CHECK_EQ(starts, 4);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(ended_by(255, SUPERVISE_REFUSED), 0);
		CHECK(until(SUPERVISE_START) <= 600);
	}
	CHECK_EQ(ended_by(255, SUPERVISE_REFUSED), 0);
	CHECK_EQ(on(SUPERVISE_PROD), SUPERVISE_START); /* a person knows better */
	CHECK_EQ(ended_by(255, SUPERVISE_UNKNOWN), 0);
	CHECK_EQ(s.refusals, 0);
}

TEST(tests_come_at_their_times_and_end_a_dead_tunnel)
{
	struct supervise_rules rules = usual;
	rules.first_poll_us = (uint64_t)20 * SECOND;
	begin(&rules);
	CHECK_EQ(until(SUPERVISE_TEST), 20);
	CHECK_EQ(supervise_deadline(&s), 0); /* until it has a result */
	pass(1);
	CHECK_EQ(on(SUPERVISE_TEST_OK), 0);
	CHECK_EQ(until(SUPERVISE_TEST), 600);
	CHECK_EQ(on(SUPERVISE_TEST_FAILED), SUPERVISE_TERM);
	CHECK_EQ(on(SUPERVISE_TEST_FAILED), 0);
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(until(SUPERVISE_START), 0);
	CHECK_EQ(until(SUPERVISE_TEST), 20);
	CHECK_EQ(on(SUPERVISE_TEST_EARLY), SUPERVISE_TERM);
	CHECK_EQ(ended(0), 0); /* ssh -N says 0 when it is ended: that is not the end */
	CHECK_EQ(until(SUPERVISE_START), 0);
}

TEST(without_a_port_nothing_is_tested)
{
	struct supervise_rules rules = usual;
	rules.tests = false;
	begin(&rules);
	CHECK_EQ(supervise_deadline(&s), 0);
	CHECK_EQ(on(SUPERVISE_MOVED), 0);
	CHECK_EQ(on(SUPERVISE_PROD), 0);
}

TEST(an_ssh_whose_address_is_gone_is_replaced_at_once_and_it_is_no_failure)
{
	struct supervise_rules rules = usual;
	rules.tests = false;
	begin(&rules);
	for (int i = 0; i < 20; i++) { /* sooner than a back-off would let it */
		pass(2);
		CHECK_EQ(on(SUPERVISE_CUT_OFF), SUPERVISE_TERM);
		CHECK_EQ(on(SUPERVISE_CUT_OFF), 0);
		CHECK_EQ(ended(255), 0);
		CHECK_EQ(s.tries, 0);
		CHECK_EQ(until(SUPERVISE_START), 0);
	}
	CHECK_EQ(on(SUPERVISE_CUT_OFF), SUPERVISE_TERM); /* at once, and again: */
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(until(SUPERVISE_START), 1);
	CHECK_EQ(on(SUPERVISE_CUT_OFF), SUPERVISE_TERM);
	CHECK_EQ(on(SUPERVISE_STOP), 0);
	CHECK_EQ(ended(255), SUPERVISE_EXIT);
}

TEST(a_change_of_the_network_tests_at_once_but_not_an_ssh_that_still_logs_in)
{
	begin(&usual);
	CHECK_EQ(on(SUPERVISE_MOVED), SUPERVISE_TEST);
	CHECK_EQ(on(SUPERVISE_MOVED), 0); /* it runs */
	CHECK_EQ(on(SUPERVISE_TEST_EARLY), 0);
	CHECK_EQ(s.state, SUPERVISE_RUN);
	CHECK_EQ(on(SUPERVISE_PROD), SUPERVISE_TEST);
	CHECK_EQ(on(SUPERVISE_TEST_OK), 0);
	CHECK_EQ(on(SUPERVISE_MOVED), SUPERVISE_TEST);
	CHECK_EQ(on(SUPERVISE_TEST_FAILED), SUPERVISE_TERM);
	/* A poll that finds such a test running makes it its own. */
	begin(&usual);
	pass(599.999);
	CHECK_EQ(on(SUPERVISE_MOVED), SUPERVISE_TEST);
	CHECK_EQ(until(0), 0);
	CHECK_EQ(on(SUPERVISE_TEST_EARLY), SUPERVISE_TERM);
}

static void
back_off(void)
{
	struct supervise_rules rules = usual;
	rules.gate_us = 0;
	begin(&rules);
	s.tries = 50;
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(s.state, SUPERVISE_WAIT);
	CHECK_EQ(supervise_deadline(&s), now_us + (uint64_t)600 * SECOND);
}

TEST(whoever_waits_can_be_prodded_stopped_and_told_of_changes)
{
	back_off();
	CHECK_EQ(on(SUPERVISE_PROD), SUPERVISE_START);
	back_off();
	CHECK_EQ(on(SUPERVISE_RESTART), SUPERVISE_START);
	back_off();
	CHECK_EQ(on(SUPERVISE_STOP), SUPERVISE_EXIT);
	over(1);
	back_off();
	pass(2);
	CHECK_EQ(on(SUPERVISE_MOVED), SUPERVISE_START);
	back_off();
	pass(0.25); /* a moment after the last start: then, but not at once */
	CHECK_EQ(on(SUPERVISE_MOVED), 0);
	pass(0.75);
	CHECK_EQ(on(SUPERVISE_TIMER), SUPERVISE_START);
}

TEST(an_ssh_that_does_not_end_is_killed)
{
	begin(&usual);
	CHECK_EQ(on(SUPERVISE_RESTART), SUPERVISE_TERM);
	CHECK_EQ(on(SUPERVISE_PROD), 0);
	CHECK_EQ(on(SUPERVISE_MOVED), 0);
	CHECK_EQ(until(SUPERVISE_KILL), 5);
	CHECK_EQ(until(SUPERVISE_KILL), 5);
	CHECK_EQ(ended(KILLED + 9), 0);
	CHECK_EQ(until(SUPERVISE_START), 0);
}

TEST(who_is_told_to_stop_stops)
{
	begin(&usual);
	CHECK_EQ(on(SUPERVISE_STOP), SUPERVISE_TERM);
	CHECK_EQ(on(SUPERVISE_STOP), SUPERVISE_KILL); /* told twice */
	CHECK_EQ(ended(0), SUPERVISE_EXIT);
	over(1);
	begin(&usual); /* told while it ends ssh for another reason */
	CHECK_EQ(on(SUPERVISE_RESTART), SUPERVISE_TERM);
	CHECK_EQ(on(SUPERVISE_STOP), 0);
	CHECK_EQ(ended(0), SUPERVISE_EXIT);
	over(1);
}

TEST(starts_are_counted)
{
	struct supervise_rules rules = usual;
	rules.gate_us = 0;
	rules.max_starts = 2;
	begin(&rules);
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(until(SUPERVISE_START), 0);
	s.tries = 50; /* nobody waits for what will not come */
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(until(SUPERVISE_EXIT), 0);
	over(0);
	rules.max_starts = 0;
	supervise_init(&s, &rules, now_us);
	CHECK_EQ(supervise_begin(&s, now_us), SUPERVISE_EXIT);
	over(0);
}

TEST(a_life_has_its_end_wherever_it_is)
{
	struct supervise_rules rules = usual;
	rules.gate_us = 0;
	rules.max_life_us = (uint64_t)100 * SECOND;
	begin(&rules);
	CHECK_EQ(until(SUPERVISE_TERM), 100);
	CHECK_EQ(until(SUPERVISE_KILL), 5);
	CHECK_EQ(ended(KILLED + 9), SUPERVISE_EXIT);
	over(0);
	begin(&rules);
	s.tries = 50;
	CHECK_EQ(ended(255), 0);
	CHECK_EQ(until(SUPERVISE_EXIT), 100);
	over(0);
	begin(&rules);
	pass(99);
	CHECK_EQ(on(SUPERVISE_RESTART), SUPERVISE_TERM);
	CHECK_EQ(until(0), 1);
	CHECK_EQ(ended(255), SUPERVISE_EXIT);
	over(0);
}

/* Whatever happens in whatever order: one ssh at a time, only it is tested and ended, no
 * start after the end, and always a way on. */
TEST(nothing_goes_wrong_in_any_order)
{
	static const int statuses[] = { 255, 255, 255, 255, 1, KILLED + 9 };
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		test_seed(seed);
		struct supervise_rules rules = usual;
		rules.gate_us = 0;
		rules.max_starts = test_below(4) ? -1 : (long)test_below(20);
		rules.max_life_us = test_below(4) ? 0
						  : test_below(5000) * (uint64_t)SECOND;
		now_us = SECOND;
		supervise_init(&s, &rules, now_us);
		unsigned actions = supervise_begin(&s, now_us);
		bool runs = false;
		for (int i = 0; i < 300 && !(actions & SUPERVISE_EXIT); i++) {
			if (actions & SUPERVISE_START) {
				CHECK(!runs);
				runs = true;
			}
			if (actions & ~SUPERVISE_START)
				CHECK(runs);
			CHECK_EQ(s.state == SUPERVISE_WAIT, !runs);
			uint64_t at_us = supervise_deadline(&s);
			CHECK(runs || at_us); /* or it would wait for ever */
			if (at_us > now_us && test_below(2))
				now_us = at_us;
			else
				pass((double)test_below(3000) / 1000);
			if (runs && test_below(3) == 0) {
				runs = false;
				actions = ended_by(statuses[test_below(6)],
				    (int)test_below(3));
			} else {
				actions = on(test_below(2) ? SUPERVISE_TIMER
					: test_below(20)
					? (enum supervise_event)test_below(
					    SUPERVISE_EVENTS)
					: SUPERVISE_PROD);
			}
		}
		if (actions & SUPERVISE_EXIT) {
			CHECK(!runs);
			for (int e = 0; e < SUPERVISE_EVENTS; e++)
				CHECK_EQ(on((enum supervise_event)e), 0);
		}
	}
}
