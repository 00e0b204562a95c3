#include "server/lifetime.h"

#include "test.h"

enum { SECOND_US = 1000000, LINGER_US = 90 * SECOND_US, BITS = 16 };

static const uint64_t now_us = 1000 * (uint64_t)SECOND_US;

static struct lifetime
in(enum lifetime_phase phase)
{
	return (struct lifetime){ .phase = phase, .linger_us = LINGER_US };
}

/* The facts of four bits. */
static struct lifetime_facts
facts_of(unsigned bits)
{
	return (struct lifetime_facts){ .connected = bits & 1,
		.kept = bits & 2,
		.used = bits & 4,
		.delivered = bits & 8 };
}

/* A letter for each event in its order: - nothing, r RUNNING, e ENDED, X over. */
TEST(each_event_in_each_phase)
{
	static const char *const expected[LIFETIME_PHASES] = {
		[LIFETIME_NEW] = "r---X-",
		[LIFETIME_RUNNING] = "-eXXXX",
		[LIFETIME_ENDED] = "--XXXX",
		[LIFETIME_OVER] = "------",
	};
	static const enum lifetime_end ends[LIFETIME_EVENTS] = {
		[LIFETIME_KILLED] = LIFETIME_BY_KILL,
		[LIFETIME_HUNG_UP] = LIFETIME_BY_HANGUP,
		[LIFETIME_SIGNALLED] = LIFETIME_BY_SIGNAL,
		[LIFETIME_NONSENSE] = LIFETIME_BY_NONSENSE,
	};
	for (int phase = 0; phase < LIFETIME_PHASES; phase++)
		for (int event = 0; event < LIFETIME_EVENTS; event++) {
			struct lifetime l = in(phase);
			char c = expected[phase][event];
			lifetime_on(&l, event);
			CHECK_EQ(l.phase,
			    c == 'r'	   ? LIFETIME_RUNNING
				: c == 'e' ? LIFETIME_ENDED
				: c == 'X' ? LIFETIME_OVER
					   : phase);
			CHECK_EQ(l.end, c == 'X' ? ends[event] : LIFETIME_GOES_ON);
		}
}

/* What is delivered is kept, so that nothing begins in its place. */
TEST(a_session_stays_for_attempts_that_may_come_late)
{
	for (unsigned bits = 0; bits < BITS; bits++) {
		struct lifetime_facts f = facts_of(bits);
		struct lifetime with = in(LIFETIME_ENDED), without = in(LIFETIME_ENDED);
		uint64_t at_us = now_us, late_us = now_us + 180 * (uint64_t)SECOND_US;
		with.late_us = late_us;
		for (int i = 0; i < 4 && with.phase != LIFETIME_OVER; i++) {
			uint64_t next = lifetime_turn(&with, &f, at_us);
			CHECK(with.phase != LIFETIME_OVER || at_us >= late_us);
			CHECK(!next || next > at_us);
			at_us = next ? next : at_us;
		}
		(void)lifetime_turn(&without, &f, now_us);
		uint64_t next = lifetime_turn(&without, &f, now_us);
		CHECK_EQ(next != 0 || without.phase == LIFETIME_OVER,
		    with.phase == LIFETIME_OVER);
		with = in(LIFETIME_RUNNING);
		with.late_us = late_us;
		lifetime_on(&with, LIFETIME_KILLED);
		CHECK_EQ(with.phase, LIFETIME_OVER);
	}
}

/* When a phase that has just begun ends by itself under facts that stay: 0 never. */
static uint64_t
expected_end(int phase, struct lifetime_facts f, enum lifetime_end *ret_end)
{
	uint64_t left = f.used ? LINGER_US : LIFETIME_UNUSED_US;
	*ret_end = f.used ? LIFETIME_LEFT : LIFETIME_UNUSED;
	if (phase == LIFETIME_OVER)
		return 0;
	if (phase == LIFETIME_NEW) {
		*ret_end = LIFETIME_REFUSED;
		return f.connected ? 0 : now_us;
	}
	if (phase == LIFETIME_ENDED && f.delivered) {
		*ret_end = LIFETIME_DELIVERED;
		return f.connected ? now_us + LIFETIME_EXIT_US : now_us;
	}
	return f.kept ? 0 : now_us + left;
}

TEST(each_fact_in_each_phase_with_its_deadline)
{
	for (int phase = 0; phase < LIFETIME_PHASES; phase++)
		for (unsigned bits = 0; bits < BITS; bits++) {
			struct lifetime_facts f = facts_of(bits);
			struct lifetime l = in(phase);
			enum lifetime_end end;
			uint64_t wanted = expected_end(phase, f, &end);
			uint64_t at = lifetime_turn(&l, &f, now_us);
			if (wanted == now_us) {
				CHECK_EQ(at, 0);
				CHECK_EQ(l.phase, LIFETIME_OVER);
				CHECK_EQ(l.end, end);
				continue;
			}
			CHECK_EQ(at, wanted);
			CHECK_EQ(l.phase, phase);
			if (!at)
				continue;
			CHECK_EQ(lifetime_turn(&l, &f, at - 1), at);
			CHECK_EQ(l.phase, phase);
			CHECK_EQ(lifetime_turn(&l, &f, at), 0);
			CHECK_EQ(l.phase, LIFETIME_OVER);
			CHECK_EQ(l.end, end);
		}
}

TEST(a_client_that_comes_back_stops_the_clock)
{
	struct lifetime l = in(LIFETIME_RUNNING);
	struct lifetime_facts here = { true, true, true, false }, away = { 0 };
	CHECK_EQ(lifetime_turn(&l, &here, now_us), 0);
	CHECK_EQ(lifetime_turn(&l, &away, now_us), now_us + LINGER_US);
	CHECK_EQ(lifetime_turn(&l, &here, now_us + LINGER_US - 1), 0);
	CHECK_EQ(lifetime_turn(&l, &away, now_us + 2 * LINGER_US),
	    now_us + 3 * LINGER_US);
	CHECK_EQ(l.phase, LIFETIME_RUNNING);
}

TEST(a_session_that_was_used_once_lingers_as_its_owner_has_said)
{
	struct lifetime l = in(LIFETIME_RUNNING);
	struct lifetime_facts here = { true, true, true, false }, away = { 0 };
	(void)lifetime_turn(&l, &here, now_us);
	(void)lifetime_turn(&l, &away, now_us);
	l.linger_us = 0;
	(void)lifetime_turn(&l, &away, now_us);
	CHECK_EQ(l.end, LIFETIME_LEFT);
}

TEST(a_session_that_was_never_used_lingers_no_longer_either)
{
	struct lifetime l = in(LIFETIME_RUNNING);
	struct lifetime_facts away = { 0 };
	l.linger_us = SECOND_US;
	CHECK_EQ(lifetime_turn(&l, &away, now_us), now_us + SECOND_US);
	CHECK_EQ(lifetime_turn(&l, &away, now_us + SECOND_US), 0);
	CHECK_EQ(l.end, LIFETIME_UNUSED);
}

TEST(more_to_deliver_begins_the_last_wait_anew)
{
	struct lifetime l = in(LIFETIME_ENDED);
	struct lifetime_facts all = { true, true, true, true }, more = all;
	more.delivered = false;
	CHECK_EQ(lifetime_turn(&l, &all, now_us), now_us + LIFETIME_EXIT_US);
	CHECK_EQ(lifetime_turn(&l, &more, now_us + 1), 0);
	CHECK_EQ(lifetime_turn(&l, &all, now_us + LIFETIME_EXIT_US),
	    now_us + 2 * LIFETIME_EXIT_US);
	CHECK_EQ(l.phase, LIFETIME_ENDED);
}

TEST(a_linger_beyond_all_time_never_ends)
{
	struct lifetime l = in(LIFETIME_RUNNING);
	struct lifetime_facts away = { .used = true };
	l.linger_us = (uint64_t)UINT32_MAX * SECOND_US;
	(void)lifetime_turn(&l, &away, now_us);
	(void)lifetime_turn(&l, &away, now_us + (uint64_t)UINT32_MAX * SECOND_US - 1);
	CHECK_EQ(l.phase, LIFETIME_RUNNING);
}
