#include "reconnect/reconnect_policy.h"
#include "test.h"

#define SECOND ((uint64_t)1000 * 1000)
#define START (1000 * SECOND)

enum { ANY_CONNECT = POLICY_CONNECT | POLICY_CONNECT_ASK };

static uint64_t now;

static void
begin(struct policy *p)
{
	now = START;
	policy_init(p, test_random());
}

/* The event leads to this state and these actions. */
#define CHECK_ON(p, event, wanted, actions) \
	do { \
		unsigned acts = policy_on(p, event, now); \
		CHECK_STR(policy_state_name((p)->state), policy_state_name(wanted)); \
		CHECK_EQ(acts, actions); \
	} while (0)

/* Time goes on to the policy's deadline. */
static void
wait_deadline(const struct policy *p)
{
	CHECK(policy_deadline(p) != 0);
	CHECK(policy_deadline(p) >= now);
	now = policy_deadline(p);
}

/* A link that has lived for an hour. */
static void
begin_up(struct policy *p)
{
	begin(p);
	CHECK_ON(p, POLICY_READY, POLICY_UP, 0);
	now += 3600 * SECOND;
}

static void
begin_down(struct policy *p)
{
	begin_up(p);
	CHECK_ON(p, POLICY_LOST, POLICY_DOWN_TRY, POLICY_CONNECT);
}

static void
begin_doubt(struct policy *p)
{
	begin_up(p);
	CHECK_ON(p, POLICY_DOUBT, POLICY_DOUBT_TRY, POLICY_CONNECT);
}

/* ---- the stories of the picture ---- */

TEST(a_first_login_that_works)
{
	struct policy p;
	begin(&p);
	CHECK_EQ(policy_deadline(&p), 0);
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

TEST(a_first_login_that_fails_is_not_repeated)
{
	static const enum policy_event ends[] = { POLICY_FAILED, POLICY_REFUSED };
	for (int i = 0; i < 2; i++) {
		struct policy p;
		begin(&p);
		CHECK(policy_on(&p, ends[i], now) & POLICY_GIVE_UP);
		CHECK_EQ(policy_deadline(&p), 0);
	}
}

TEST(a_first_login_that_asks_may_take_its_time)
{
	struct policy p;
	begin(&p);
	policy_begin(&p, now);
	p.held = true;
	CHECK_ON(&p, POLICY_NUDGE, POLICY_FIRST, 0);
	CHECK_ON(&p, POLICY_PERSON, POLICY_FIRST, 0);
	CHECK_ON(&p, POLICY_TIMER, POLICY_FIRST, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

TEST(a_first_login_that_stalls_is_joined_by_another)
{
	struct policy p;
	begin(&p);
	policy_begin(&p, now);
	uint64_t began = now;
	wait_deadline(&p);
	CHECK_EQ(now - began, 2 * SECOND);
	CHECK_ON(&p, POLICY_TIMER, POLICY_FIRST, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_FAILED, POLICY_FIRST, 0); /* one of the two */
	CHECK_ON(&p, POLICY_FAILED, POLICY_FIRST, POLICY_GIVE_UP);
	policy_begin(&p, now);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_FIRST, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

/* The one beside it asks nobody anything; what it finds out is that the host is there. */
TEST(a_first_login_that_wants_a_person_begins_anew_once)
{
	struct policy p;
	begin(&p);
	policy_begin(&p, now);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_FIRST, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_UNASKED, POLICY_FIRST, POLICY_ABANDON | POLICY_CONNECT_ASK);
	CHECK_EQ(policy_deadline(&p), 0);
	CHECK_ON(&p, POLICY_PERSON, POLICY_FIRST, 0);
	CHECK_ON(&p, POLICY_REFUSED, POLICY_FIRST, POLICY_ABANDON | POLICY_GIVE_UP);
}

TEST(a_first_login_without_a_way_to_the_host_waits_for_one)
{
	for (int waits = 0; waits < 2; waits++) {
		struct policy p;
		begin(&p);
		p.waits = waits;
		policy_begin(&p, now);
		if (!waits) {
			CHECK_ON(&p, POLICY_UNREACHED, POLICY_FIRST, POLICY_GIVE_UP);
			continue;
		}
		for (int i = 0; i < 10; i++) {
			CHECK_ON(&p, POLICY_UNREACHED, POLICY_FIRST_WAIT, 0);
			wait_deadline(&p);
			CHECK_ON(&p, POLICY_TIMER, POLICY_FIRST, POLICY_CONNECT_ASK);
		}
		now += SECOND;
		CHECK_ON(&p, POLICY_UNREACHED, POLICY_FIRST_WAIT, 0);
		CHECK_ON(&p, POLICY_NUDGE, POLICY_FIRST, POLICY_CONNECT_ASK);
		CHECK_ON(&p, POLICY_FAILED, POLICY_FIRST, POLICY_GIVE_UP);
	}
}

/* Ever more seldom, and at once for nothing but a person and another window's login. */
TEST(a_first_login_that_is_refused_is_tried_again_where_the_policy_insists)
{
	static const uint64_t minutes[] = { 1, 2, 5, 10, 10 };
	for (int alone = 0; alone < 2; alone++) {
		struct policy p;
		begin(&p);
		p.insists = true;
		p.unattended = alone;
		policy_begin(&p, now);
		if (!alone) {
			CHECK_ON(&p, POLICY_REFUSED, POLICY_FIRST,
			    POLICY_ABANDON | POLICY_GIVE_UP);
			continue;
		}
		for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
			uint64_t from = now;
			CHECK_ON(&p, POLICY_REFUSED, POLICY_FIRST_REFUSED,
			    POLICY_ABANDON);
			CHECK_ON(&p, POLICY_NUDGE, POLICY_FIRST_REFUSED, 0);
			CHECK_ON(&p, POLICY_MOVED, POLICY_FIRST_REFUSED, 0);
			wait_deadline(&p);
			CHECK(now - from > minutes[i] * 40 * SECOND
			    && now - from < minutes[i] * 80 * SECOND);
			CHECK_ON(&p, POLICY_TIMER, POLICY_FIRST, POLICY_CONNECT_ASK);
		}
		CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
		CHECK_EQ(p.refusals, 0);
	}
}

TEST(a_link_that_ends_is_replaced_at_once)
{
	struct policy p;
	begin_down(&p);
	now += 1 * SECOND;
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

TEST(a_blip_costs_nothing)
{
	struct policy p;
	begin_doubt(&p);
	now += SECOND / 10;
	CHECK_ON(&p, POLICY_HEARD, POLICY_UP, POLICY_ABANDON);
	CHECK_EQ(policy_deadline(&p), 0);
}

TEST(a_spare_link_that_answers_first_wins)
{
	struct policy p;
	begin_doubt(&p);
	now += SECOND / 10;
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

TEST(in_doubt_the_spare_is_tried_again)
{
	struct policy p;
	begin_doubt(&p);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOUBT_WAIT, 0);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOUBT_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOUBT_WAIT, 0);
	CHECK_ON(&p, POLICY_HEARD, POLICY_UP, 0);
}

TEST(a_doubted_link_that_ends_leaves_the_attempt_running)
{
	struct policy p;
	begin_doubt(&p);
	uint64_t bound = policy_deadline(&p);
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_TRY, 0);
	CHECK_EQ(policy_deadline(&p), bound);
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
}

TEST(a_doubted_link_that_ends_while_waiting_leaves_the_wait)
{
	struct policy p;
	begin_doubt(&p);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOUBT_WAIT, 0);
	uint64_t next = policy_deadline(&p);
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_WAIT, 0);
	CHECK_EQ(policy_deadline(&p), next);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
}

TEST(attempts_go_on_for_ever)
{
	struct policy p;
	begin_down(&p);
	for (int i = 0; i < 10000; i++) {
		CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
		wait_deadline(&p);
		CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	}
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
}

/* ---- time ---- */

TEST(waits_grow_and_are_bounded)
{
	uint64_t least[12], most[12], sum[12] = { 0 };
	for (int k = 0; k < 12; k++)
		least[k] = UINT64_MAX, most[k] = 0;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct policy p;
		test_seed(seed);
		begin_down(&p);
		for (int k = 0; k < 12; k++) {
			CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
			uint64_t wait = policy_deadline(&p) - now;
			least[k] = wait < least[k] ? wait : least[k];
			most[k] = wait > most[k] ? wait : most[k];
			sum[k] += wait;
			wait_deadline(&p);
			CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
		}
	}
	CHECK(most[0] < SECOND);
	for (int k = 0; k < 12; k++) {
		/* Jitter: from 3/4 to 5/4 of the same wait, and most of that used. */
		CHECK(most[k] * 3 <= least[k] * 5);
		CHECK(most[k] * 4 >= least[k] * 6);
		CHECK(most[k] <= 30 * SECOND * 5 / 4);
		CHECK(k == 0 || sum[k] >= sum[k - 1] * 97 / 100);
	}
	CHECK(sum[11] >= sum[0] * 20);
}

TEST(a_link_that_came_up_forgets_the_failures)
{
	struct policy p;
	begin_down(&p);
	for (int i = 0; i < 10; i++) {
		CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
		wait_deadline(&p);
		CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	}
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	now += 60 * SECOND;
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
	CHECK(policy_deadline(&p) - now < SECOND);
}

TEST(an_attempt_that_hangs_is_abandoned)
{
	struct policy p;
	begin_down(&p);
	p.held = true;
	wait_deadline(&p);
	CHECK_EQ(now, START + 3600 * SECOND + 20 * SECOND);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_WAIT, POLICY_ABANDON);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);

	begin_doubt(&p);
	p.held = true;
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOUBT_WAIT, POLICY_ABANDON);
	CHECK(policy_deadline(&p) > now);
}

/* ---- side by side ---- */

TEST(beside_an_attempt_that_tells_nothing_there_is_another)
{
	struct policy p;
	begin_down(&p);
	uint64_t began = now;
	wait_deadline(&p);
	CHECK_EQ(now - began, 2 * SECOND);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_TRY, 0);
	CHECK_EQ(p.tries, 0);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);

	begin_doubt(&p);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOUBT_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	CHECK_EQ(policy_deadline(&p), 0);
	now += SECOND;
	CHECK_ON(&p, POLICY_DOUBT, POLICY_DOUBT_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOUBT_WAIT, 0);
}

TEST(an_attempt_that_gets_on_is_left_alone)
{
	struct policy p;
	begin_down(&p);
	for (int i = 0; i < 19; i++) {
		now += SECOND;
		policy_progress(&p, now);
		CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, 0);
		CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_TRY, 0);
		CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, 0);
	}
}

/* The third comes in the place of the first, and each from there on has twice the time. */
TEST(by_itself_there_are_never_more_than_two)
{
	static const uint64_t waits[] = { 2, 2, 4, 8, 16 };
	struct policy p;
	begin_down(&p);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		uint64_t began = now;
		wait_deadline(&p);
		CHECK_EQ(now - began, waits[i] * SECOND);
		CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY,
		    i ? POLICY_CONNECT | POLICY_DROP : POLICY_CONNECT);
	}
}

/* A network that swallows is no slow host. */
TEST(what_the_network_swallows_is_not_given_more_time)
{
	struct policy p;
	begin_down(&p);
	for (size_t i = 0; i < 9; i++) {
		uint64_t began = now;
		p.dead = true;
		wait_deadline(&p);
		CHECK_EQ(now - began, 2 * SECOND);
		CHECK(policy_on(&p, POLICY_TIMER, now) & POLICY_CONNECT);
	}
}

TEST(a_key_makes_it_sooner_and_a_person_makes_it_three)
{
	struct policy p;
	begin_down(&p);
	uint64_t began = now;
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_TRY, 0);
	wait_deadline(&p);
	CHECK_EQ(now - began, SECOND);
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_TRY, POLICY_CONNECT);
	now += SECOND;
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_TRY, 0); /* there are two */
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, POLICY_CONNECT);
	now += SECOND;
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, 0); /* there are three */
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_TRY, 0);
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_EQ(p.running, 3);
}

TEST(logins_that_take_long_are_given_their_time)
{
	struct policy p;
	begin_down(&p);
	policy_measured(&p, 5 * SECOND);
	uint64_t began = now;
	CHECK_EQ(policy_deadline(&p) - began, 6 * SECOND);
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_TRY, 0);
	CHECK(policy_deadline(&p) - began >= 5 * SECOND);
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, 0);
	CHECK_EQ(policy_deadline(&p) - began, 5 * SECOND);
}

TEST(nothing_runs_beside_what_asks_a_person)
{
	struct policy p;
	begin_down(&p);
	p.held = true;
	now += 10 * SECOND;
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, 0);
	p.held = false;
	CHECK_ON(&p, POLICY_REFUSED, POLICY_DOWN_ASK, 0);
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, POLICY_CONNECT_ASK);
	now += 10 * SECOND;
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, 0);
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_TRY, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

TEST(one_refused_login_ends_those_beside_it)
{
	struct policy p;
	begin_down(&p);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_UNASKED, POLICY_DOWN_ASK, POLICY_ABANDON);
	CHECK_EQ(policy_deadline(&p), 0);
}

TEST(a_link_that_only_dies_is_not_made_anew_in_a_tight_loop)
{
	struct policy p;
	unsigned at_once = 0;
	begin_up(&p);
	for (int i = 0; i < 100; i++) {
		unsigned did = policy_on(&p, POLICY_LOST, now);
		if (p.state == POLICY_DOWN_WAIT) {
			CHECK_EQ(did, 0);
			CHECK(policy_deadline(&p) > now);
			CHECK(policy_deadline(&p) <= now + 2 * SECOND);
			wait_deadline(&p);
			did = policy_on(&p, POLICY_TIMER, now);
		} else {
			at_once++;
		}
		CHECK_EQ(did, POLICY_CONNECT);
		CHECK_STR(policy_state_name(p.state), policy_state_name(POLICY_DOWN_TRY));
		now += SECOND / 100;
		CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
		now += SECOND / 100;
	}
	CHECK(at_once < 5);
	now += 10 * SECOND; /* it lives again: forgotten */
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_TRY, POLICY_CONNECT);
}

/* ---- nudges ---- */

TEST(a_nudge_ends_the_wait)
{
	struct policy p;
	begin_down(&p);
	for (int i = 0; i < 8; i++) {
		CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
		wait_deadline(&p);
		CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	}
	now += 1 * SECOND;
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
	now += 1 * SECOND;
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_TRY, POLICY_CONNECT);

	begin_doubt(&p);
	now += 1 * SECOND;
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOUBT_WAIT, 0);
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOUBT_TRY, POLICY_CONNECT);
}

TEST(many_nudges_make_no_storm)
{
	struct policy p;
	unsigned attempts = 0;
	begin_down(&p);
	for (int ms = 0; ms < 10000; ms++) {
		now += 1000;
		if (policy_on(&p, POLICY_NUDGE, now) & ANY_CONNECT)
			attempts++;
		else if (policy_deadline(&p) && now >= policy_deadline(&p)
		    && policy_on(&p, POLICY_TIMER, now) & ANY_CONNECT)
			attempts++;
		if (p.state == POLICY_DOWN_TRY)
			CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
	}
	CHECK(attempts >= 5);
	CHECK(attempts <= 25);
}

TEST(a_nudge_that_is_not_followed_leaves_the_wait)
{
	struct policy p;
	begin_down(&p);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
	uint64_t next = policy_deadline(&p);
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_WAIT, 0);
	CHECK_EQ(policy_deadline(&p), next);
}

TEST(what_a_person_asked_for_does_not_lengthen_the_wait)
{
	struct policy p;
	begin_down(&p);
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
	for (int i = 0; i < 100; i++) {
		now += SECOND / 4;
		if (policy_on(&p, POLICY_NUDGE, now)
		    || (now >= policy_deadline(&p) && policy_on(&p, POLICY_TIMER, now)))
			CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
	}
	CHECK(policy_deadline(&p) < now + SECOND / 2);
}

TEST(a_nudge_too_soon_after_an_attempt_is_followed_a_moment_later)
{
	struct policy p;
	begin_down(&p);
	for (int i = 0; i < 8; i++) {
		CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
		wait_deadline(&p);
		CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	}
	uint64_t tried_us = now;
	CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_WAIT, 0);
	CHECK(policy_deadline(&p) > tried_us + 2 * SECOND);
	CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_WAIT, 0);
	CHECK(policy_deadline(&p) <= tried_us + SECOND);
}

/* ---- a refused login ---- */

TEST(after_a_refused_login_nothing_is_tried_without_a_person)
{
	for (int doubt = 0; doubt < 2; doubt++) {
		enum policy_state ask = doubt ? POLICY_DOUBT_ASK : POLICY_DOWN_ASK;
		enum policy_state try = doubt ? POLICY_DOUBT_TRY : POLICY_DOWN_TRY;
		struct policy p;
		if (doubt)
			begin_doubt(&p);
		else
			begin_down(&p);
		CHECK_ON(&p, POLICY_REFUSED, ask, 0);
		CHECK_EQ(policy_deadline(&p), 0);
		for (int i = 0; i < 10; i++) {
			now += 3600 * SECOND;
			CHECK_ON(&p, POLICY_NUDGE, ask, 0);
			CHECK_ON(&p, POLICY_TIMER, ask, 0);
			CHECK_ON(&p, POLICY_FAILED, ask, 0);
			CHECK_EQ(policy_deadline(&p), 0);
		}
		CHECK_ON(&p, POLICY_PERSON, try, POLICY_CONNECT_ASK);
		CHECK_EQ(policy_deadline(&p), 0); /* a person may take long to type */
		CHECK_ON(&p, POLICY_REFUSED, ask, 0);
		CHECK_ON(&p, POLICY_PERSON, try, POLICY_CONNECT_ASK);
		CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	}
}

/* It is tried for ever, but no more than six times an hour in the long run. */
TEST(a_refused_login_of_an_unattended_client_is_tried_after_minutes)
{
	static const uint64_t minutes[] = { 1, 2, 5, 10, 10, 10 };
	struct policy p;
	begin_down(&p);
	p.unattended = true;
	for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
		uint64_t since = now, wanted = minutes[i] * 60 * SECOND;
		CHECK_ON(&p, POLICY_REFUSED, POLICY_DOWN_ASK, 0);
		uint64_t at = policy_deadline(&p);
		CHECK_ON(&p, POLICY_NUDGE, POLICY_DOWN_ASK, 0);
		CHECK_ON(&p, POLICY_FAILED, POLICY_DOWN_ASK, 0);
		CHECK_EQ(policy_deadline(&p), at);
		wait_deadline(&p);
		CHECK(now - since >= wanted * 3 / 4 && now - since <= wanted * 5 / 4);
		CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	}
	CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	now += 3600 * SECOND;
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_REFUSED, POLICY_DOWN_ASK, 0);
	CHECK(policy_deadline(&p) <= now + 75 * SECOND); /* it begins again */
}

TEST(a_refused_login_in_doubt_is_tried_when_it_was_to_be_though_the_link_ends)
{
	struct policy p;
	begin_doubt(&p);
	p.unattended = true;
	CHECK_ON(&p, POLICY_REFUSED, POLICY_DOUBT_ASK, 0);
	uint64_t at = policy_deadline(&p);
	CHECK(at > now);
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_ASK, 0);
	CHECK_EQ(policy_deadline(&p), at);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
}

TEST(a_refused_login_in_doubt_stays_refused_when_the_link_ends)
{
	struct policy p;
	begin_doubt(&p);
	CHECK_ON(&p, POLICY_REFUSED, POLICY_DOUBT_ASK, 0);
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_ASK, 0);
	CHECK_EQ(policy_deadline(&p), 0);
	CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, POLICY_CONNECT_ASK);
}

TEST(a_refused_login_in_doubt_is_forgotten_when_the_link_answers)
{
	struct policy p;
	begin_doubt(&p);
	CHECK_ON(&p, POLICY_REFUSED, POLICY_DOUBT_ASK, 0);
	CHECK_ON(&p, POLICY_HEARD, POLICY_UP, 0);
	CHECK_ON(&p, POLICY_DOUBT, POLICY_DOUBT_TRY, POLICY_CONNECT);
}

/* ---- another host key ---- */

TEST(another_host_key_waits_for_the_network_or_a_person_and_for_no_timer)
{
	for (int doubt = 0; doubt < 2; doubt++) {
		enum policy_state met = doubt ? POLICY_DOUBT_STRANGER
					      : POLICY_DOWN_STRANGER;
		enum policy_state try = doubt ? POLICY_DOUBT_TRY : POLICY_DOWN_TRY;
		struct policy p;
		if (doubt)
			begin_doubt(&p);
		else
			begin_down(&p);
		p.unattended = test_below(2);
		now += SECOND;
		CHECK_ON(&p, POLICY_STRANGER, met, 0);
		for (int i = 0; i < 10; i++) {
			CHECK_EQ(policy_deadline(&p), 0);
			now += 3600 * SECOND;
			CHECK_ON(&p, POLICY_NUDGE, met, 0);
			CHECK_ON(&p, POLICY_TIMER, met, 0);
			CHECK_ON(&p, POLICY_DOUBT, met, 0);
		}
		CHECK_ON(&p, POLICY_MOVED, try, POLICY_CONNECT);
		CHECK_ON(&p, POLICY_STRANGER, met, 0);
		CHECK_ON(&p, POLICY_PERSON, try, POLICY_CONNECT_ASK);
		CHECK_ON(&p, POLICY_STRANGER, met, 0);
		now += SECOND;
		CHECK_ON(&p, POLICY_MOVED, try, POLICY_CONNECT);
		CHECK_ON(&p, POLICY_READY, POLICY_UP, 0);
	}
}

TEST(a_change_of_network_soon_behind_another_host_key_is_followed_a_moment_later)
{
	struct policy p;
	begin_down(&p);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOWN_STRANGER, 0);
	CHECK_ON(&p, POLICY_MOVED, POLICY_DOWN_STRANGER, 0);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOWN_STRANGER, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

/* The attempt was made in the network before; this one may be the right one. */
TEST(a_network_that_changes_during_the_attempt_gets_one_of_its_own)
{
	struct policy p;
	begin_down(&p);
	CHECK_ON(&p, POLICY_MOVED, POLICY_DOWN_TRY, 0);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOWN_WAIT, 0);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOWN_STRANGER, 0);
}

TEST(of_two_attempts_the_other_may_reach_the_host)
{
	struct policy p;
	begin_down(&p);
	wait_deadline(&p);
	CHECK_ON(&p, POLICY_TIMER, POLICY_DOWN_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOWN_TRY, 0);
	CHECK_EQ(p.running, 1);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOWN_STRANGER, 0);
}

TEST(another_host_key_in_doubt_is_forgotten_when_the_link_answers)
{
	struct policy p;
	begin_doubt(&p);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOUBT_STRANGER, 0);
	CHECK_ON(&p, POLICY_HEARD, POLICY_UP, 0);
	CHECK_ON(&p, POLICY_DOUBT, POLICY_DOUBT_TRY, POLICY_CONNECT);
	CHECK_ON(&p, POLICY_STRANGER, POLICY_DOUBT_STRANGER, 0);
	CHECK_ON(&p, POLICY_LOST, POLICY_DOWN_STRANGER, 0);
	CHECK_EQ(policy_deadline(&p), 0);
}

/* ---- a login of another window ---- */

/* All that waits goes on by it, with nobody asked; what is tried or works stays. */
/* In the place of a session that is gone nothing begins without a person. */
TEST(a_session_that_is_gone_waits_for_a_person)
{
	static const enum policy_event others[] = { POLICY_FAILED, POLICY_UNREACHED,
		POLICY_REFUSED, POLICY_STRANGER, POLICY_UNASKED, POLICY_LOST,
		POLICY_DOUBT, POLICY_HEARD, POLICY_NUDGE, POLICY_MOVED, POLICY_SHARED,
		POLICY_TIMER, POLICY_GONE };
	for (int state = POLICY_UP; state < POLICY_STATES; state++) {
		struct policy p;
		begin(&p);
		p.state = (enum policy_state)state;
		CHECK_ON(&p, POLICY_GONE, POLICY_DOWN_GONE,
		    state == POLICY_DOWN_GONE ? 0 : POLICY_ABANDON);
		CHECK_EQ(policy_deadline(&p), 0);
		CHECK(policy_wants_person(p.state));
		for (size_t i = 0; i < sizeof others / sizeof *others; i++)
			CHECK_ON(&p, others[i], POLICY_DOWN_GONE, 0);
		CHECK_ON(&p, POLICY_PERSON, POLICY_DOWN_TRY, POLICY_CONNECT_ASK);
	}
}

TEST(a_login_of_another_window_ends_every_wait)
{
	static const struct {
		enum policy_state state, next;
		unsigned did;
	} ways[] = { { POLICY_FIRST, POLICY_FIRST, 0 },
		{ POLICY_FIRST_WAIT, POLICY_FIRST, POLICY_CONNECT_ASK },
		{ POLICY_FIRST_REFUSED, POLICY_FIRST, POLICY_CONNECT_ASK },
		{ POLICY_UP, POLICY_UP, 0 }, { POLICY_DOUBT_TRY, POLICY_DOUBT_TRY, 0 },
		{ POLICY_DOUBT_WAIT, POLICY_DOUBT_TRY, POLICY_CONNECT },
		{ POLICY_DOUBT_ASK, POLICY_DOUBT_TRY, POLICY_CONNECT },
		{ POLICY_DOUBT_STRANGER, POLICY_DOUBT_TRY, POLICY_CONNECT },
		{ POLICY_DOWN_TRY, POLICY_DOWN_TRY, 0 },
		{ POLICY_DOWN_WAIT, POLICY_DOWN_TRY, POLICY_CONNECT },
		{ POLICY_DOWN_ASK, POLICY_DOWN_TRY, POLICY_CONNECT },
		{ POLICY_DOWN_STRANGER, POLICY_DOWN_TRY, POLICY_CONNECT },
		{ POLICY_DOWN_GONE, POLICY_DOWN_GONE, 0 } };
	CHECK_EQ(sizeof ways / sizeof *ways, POLICY_STATES);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct policy p;
		begin(&p);
		p.state = ways[i].state;
		p.running = ways[i].did || p.state == POLICY_UP ? 0 : 1;
		p.tried_us = now; /* however short ago it was tried */
		CHECK_ON(&p, POLICY_SHARED, ways[i].next, ways[i].did);
	}
}

/* ---- every state and event ---- */

static bool
is_trying(enum policy_state s)
{
	return s == POLICY_FIRST || s == POLICY_DOUBT_TRY || s == POLICY_DOWN_TRY;
}

static bool
is_waiting(enum policy_state s)
{
	return s == POLICY_FIRST_WAIT || s == POLICY_FIRST_REFUSED
	    || s == POLICY_DOUBT_WAIT || s == POLICY_DOWN_WAIT;
}

TEST(every_event_in_every_state_keeps_the_rules)
{
	for (enum policy_state state = 0; state < POLICY_STATES; state++) {
		CHECK(policy_state_name(state)[0]);
		for (int event = 0; event < POLICY_EVENTS; event++) {
			struct policy p;
			begin(&p);
			p.state = state;
			p.tried_us = p.told_us = now - test_below(20) * SECOND;
			p.unattended = test_below(2);
			p.waits = test_below(2);
			p.insists = test_below(2);
			p.held = test_below(2);
			p.running = is_trying(state) ? 1 + test_below(3) : 0;
			p.most = p.running;
			p.deadline_us = test_below(2) ? now : 0;
			unsigned ran = p.running;
			bool held = p.held;
			unsigned did = policy_on(&p, (enum policy_event)event, now);
			CHECK((unsigned)p.state < POLICY_STATES);
			/* Only the network, a person and what they have put off, and a
			 * login of another window, whose ssh has seen the host's key. */
			if (policy_meets_stranger(state) && did & ANY_CONNECT)
				CHECK(event == POLICY_MOVED || event == POLICY_PERSON
				    || event == POLICY_SHARED || event == POLICY_TIMER);
			if (policy_meets_stranger(p.state) && event != POLICY_MOVED
			    && !policy_meets_stranger(state))
				CHECK_EQ(policy_deadline(&p), 0);
			CHECK((did & ANY_CONNECT) != ANY_CONNECT);
			CHECK(p.running <= 3);
			CHECK_EQ(p.running > 0,
			    is_trying(p.state) && !(did & POLICY_GIVE_UP));
			/* None while a login waits for a person, or beside one that does. */
			if (did & ANY_CONNECT) {
				CHECK(is_trying(p.state));
				CHECK(!ran || !held || did & POLICY_ABANDON);
			}
			if (did & POLICY_DROP)
				CHECK(did & POLICY_CONNECT && ran >= 2);
			if (did & POLICY_CONNECT && state != POLICY_FIRST)
				CHECK(policy_deadline(&p) > now);
			if (event == POLICY_READY)
				CHECK_EQ(p.state, POLICY_UP);
			if (did & POLICY_GIVE_UP)
				CHECK_EQ(state, POLICY_FIRST);
			CHECK(policy_event_name((enum policy_event)event)[0] != '?');
		}
	}
	CHECK_STR(policy_state_name(POLICY_STATES), "?");
}

/* A caller that does as it is told never gets stuck: a policy without a link always has
 * an attempt that runs, a deadline, or needs a person; and it knows how many run. */
TEST(a_policy_is_never_stuck)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct policy p;
		unsigned attempts = 1;
		bool link = false;
		test_seed(seed);
		begin(&p);
		p.waits = test_below(2);
		p.insists = p.unattended = test_below(2);
		policy_begin(&p, now);
		for (int step = 0; step < 300; step++) {
			enum policy_event event = test_below(POLICY_EVENTS);
			now += test_below(2) ? test_below(1000) : test_below(30 * SECOND);
			if (policy_deadline(&p) && now >= policy_deadline(&p))
				event = POLICY_TIMER;
			bool needs_attempt = event <= POLICY_UNASKED;
			bool needs_link = event >= POLICY_LOST && event <= POLICY_HEARD;
			if ((needs_attempt && !attempts) || (needs_link && !link))
				continue;
			if (event == POLICY_TIMER && !policy_deadline(&p))
				continue;
			if (test_below(2))
				policy_progress(&p, now);
			unsigned did = policy_on(&p, event, now);
			if (did & POLICY_GIVE_UP)
				break;
			attempts -= needs_attempt;
			if (did & POLICY_ABANDON || event == POLICY_READY)
				attempts = 0;
			attempts -= did & POLICY_DROP ? 1 : 0;
			if (event == POLICY_READY)
				link = true;
			if (event == POLICY_LOST)
				link = false;
			attempts += did & ANY_CONNECT ? 1 : 0;
			CHECK_EQ(attempts, p.running);
			CHECK(attempts <= 3);
			CHECK_EQ(attempts > 0, is_trying(p.state));
			CHECK(link || p.state < POLICY_UP || p.state >= POLICY_DOWN_TRY);
			CHECK(!is_waiting(p.state) || policy_deadline(&p));
		}
	}
}
