#include "reconnect/outcome.h"
#include "test.h"

enum { CODES = 9, CARRIERS = CARRIER_CLOSED + 1 };

/* All that there can be, each bit of the facts a bit of n; false: there are no more. */
static bool
nth(unsigned n, struct outcome_facts *f)
{
	unsigned reasons = CODES + CARRIERS + 1;
	unsigned flags = n / (reasons * OUTCOME_STAGES);
	unsigned reason = n / OUTCOME_STAGES % reasons;
	*f = (struct outcome_facts){ .stage = n % OUTCOME_STAGES,
		.why = reason < CODES		? WHY_REFUSED
		    : reason < CODES + CARRIERS ? WHY_CARRIER
						: WHY_PROTOCOL,
		.was_up = flags & 1,
		.rides = flags & 2,
		.answered = flags & 4,
		.told_ready = flags & 8,
		.found = flags & 16,
		.sent_anew = flags & 32,
		.elsewhere = flags & 64,
		.rebooted = flags & 128,
		.describes = flags & 256,
		.put_off = flags & 512,
		.terminal = flags & 1024,
		.key_ends = flags & 2048,
		.may_run_twice = flags & 4096 };
	f->refused = f->why == WHY_REFUSED ? reason : 0;
	f->carrier = f->why == WHY_CARRIER ? reason - CODES : 0;
	return flags < 8192;
}

#define ALL(f) \
	struct outcome_facts f; \
	for (unsigned n = 0; nth(n, &f); n++)

static bool
is_plain(enum outcome o)
{
	return o == OUTCOME_PLAIN || o == OUTCOME_PLAIN_ONCE;
}

static bool
is_end(enum outcome o)
{
	return o == OUTCOME_TAKEN || o == OUTCOME_FOREIGN || is_plain(o)
	    || o >= OUTCOME_MAY_HAVE_BEGUN;
}

/* ---- laws, over all there can be ---- */

TEST(what_may_have_begun_is_never_run_by_plain_ssh)
{
	ALL(f)
	if (f.may_run_twice)
		CHECK(!is_plain(outcome_of(&f)));
}

TEST(once_a_link_was_up_only_the_host_itself_or_its_key_ends_it)
{
	ALL(f)
	{
		enum outcome o = outcome_of(&f);
		if (f.stage != OUTCOME_LATER || !is_end(o) || o == OUTCOME_FOREIGN)
			continue;
		CHECK(f.why == WHY_REFUSED
		    || (f.why == WHY_CARRIER && f.carrier == CARRIER_HOST_KEY
			&& f.key_ends));
	}
}

TEST(a_session_that_was_there_never_becomes_plain_ssh)
{
	ALL(f)
	if (f.was_up && f.stage == OUTCOME_LATER)
		CHECK(!is_plain(outcome_of(&f)));
}

/* What another machine says of a session is of no meaning. */
TEST(another_machine_cannot_say_that_the_session_is_gone)
{
	ALL(f)
	if (f.elsewhere)
		CHECK(outcome_of(&f) != OUTCOME_GONE);
}

TEST(what_asks_nobody_anything_refuses_no_login_and_ends_none_by_a_key)
{
	ALL(f)
	{
		if (f.stage != OUTCOME_BESIDE)
			continue;
		enum outcome o = outcome_of(&f);
		CHECK(o != OUTCOME_REFUSED && o != OUTCOME_END && o != OUTCOME_END_SAID);
	}
}

/* Each of these would go round for ever. */
TEST(what_was_done_once_is_not_done_again)
{
	ALL(f)
	{
		enum outcome o = outcome_of(&f);
		CHECK(!f.sent_anew || o != OUTCOME_SEND_ANEW);
		CHECK(!f.describes || o != OUTCOME_DESCRIBE);
		CHECK(!f.put_off || o != OUTCOME_PUT_OFF);
		CHECK(f.rides || o != OUTCOME_RIDE);
	}
}

TEST(the_login_of_another_window_says_nothing_of_the_host)
{
	ALL(f)
	if (f.why == WHY_CARRIER && f.rides && !f.answered)
		CHECK(outcome_of(&f)
		    == (f.carrier == CARRIER_FOREIGN ? OUTCOME_FOREIGN : OUTCOME_RIDE));
}

TEST(plain_ssh_is_kept_for_a_host_only_that_has_answered)
{
	ALL(f)
	if (outcome_of(&f) == OUTCOME_PLAIN)
		CHECK(f.answered && !f.told_ready && f.why == WHY_CARRIER);
}

TEST(a_code_that_is_not_known_is_the_host_s_refusal)
{
	static const unsigned codes[] = { 0, REFUSE_BAD, 8, 255, 65535 };
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct outcome_facts f = { .why = WHY_REFUSED, .refused = codes[i] };
		CHECK_EQ(outcome_of(&f), OUTCOME_HOST_REFUSES);
	}
}

TEST(a_host_is_foreign_only_where_something_else_than_ours_was_met_first)
{
	ALL(f)
	if (outcome_is_foreign(&f))
		CHECK(f.stage != OUTCOME_LATER && !f.answered && f.why == WHY_CARRIER
		    && f.carrier >= CARRIER_NO_SERVER && f.carrier != CARRIER_LACKS
		    && f.carrier != CARRIER_CUT);
}

/* ---- what each is for ---- */

#define CHECK_OUTCOME(expected, ...) \
	do { \
		struct outcome_facts facts = { __VA_ARGS__ }; \
		CHECK_EQ(outcome_of(&facts), expected); \
	} while (0)

TEST(a_first_login)
{
	CHECK_OUTCOME(OUTCOME_AGAIN, .why = WHY_CARRIER, .carrier = CARRIER_ENDED);
	CHECK_OUTCOME(OUTCOME_NO_WAY, .why = WHY_CARRIER, .carrier = CARRIER_NO_WAY);
	CHECK_OUTCOME(OUTCOME_REFUSED, .why = WHY_CARRIER, .carrier = CARRIER_LOGIN);
	CHECK_OUTCOME(OUTCOME_END, .why = WHY_CARRIER, .carrier = CARRIER_HOST_KEY);
	CHECK_OUTCOME(OUTCOME_PLAIN, .why = WHY_CARRIER, .carrier = CARRIER_NO_SERVER,
	    .answered = true);
	CHECK_OUTCOME(OUTCOME_PLAIN_ONCE, .why = WHY_CARRIER, .carrier = CARRIER_NO_PLACE,
	    .answered = true);
	CHECK_OUTCOME(OUTCOME_CANNOT_START, .why = WHY_CARRIER, .carrier = CARRIER_NOISE,
	    .terminal = true);
	CHECK_OUTCOME(OUTCOME_PLAIN_ONCE, .why = WHY_CARRIER, .carrier = CARRIER_NOISE);
	CHECK_OUTCOME(OUTCOME_SEND_ANEW, .why = WHY_CARRIER, .carrier = CARRIER_DAMAGED);
	CHECK_OUTCOME(OUTCOME_PLAIN, .why = WHY_CARRIER, .carrier = CARRIER_DAMAGED,
	    .sent_anew = true, .answered = true);
	CHECK_OUTCOME(OUTCOME_SEND_ANEW, .why = WHY_PROTOCOL, .found = true);
	CHECK_OUTCOME(OUTCOME_CANNOT_START, .why = WHY_PROTOCOL);
	CHECK_OUTCOME(OUTCOME_PUT_OFF, .why = WHY_REFUSED, .refused = REFUSE_LATER);
	CHECK_OUTCOME(OUTCOME_PLAIN_ONCE, .why = WHY_REFUSED, .refused = REFUSE_LATER,
	    .put_off = true);
	CHECK_OUTCOME(OUTCOME_DESCRIBE, .why = WHY_REFUSED, .refused = REFUSE_TERMINFO);
	CHECK_OUTCOME(OUTCOME_PLAIN_ONCE, .why = WHY_REFUSED, .refused = REFUSE_CANNOT);
}

TEST(a_later_one)
{
	enum outcome_stage later = OUTCOME_LATER;
	CHECK_OUTCOME(OUTCOME_REFUSED, .stage = later, .why = WHY_CARRIER,
	    .carrier = CARRIER_LOGIN);
	CHECK_OUTCOME(OUTCOME_STRANGER, .stage = later, .why = WHY_CARRIER,
	    .carrier = CARRIER_HOST_KEY);
	CHECK_OUTCOME(OUTCOME_END, .stage = later, .why = WHY_CARRIER,
	    .carrier = CARRIER_HOST_KEY, .key_ends = true);
	CHECK_OUTCOME(OUTCOME_AGAIN_SAID, .stage = later, .why = WHY_CARRIER,
	    .carrier = CARRIER_NO_PLACE, .was_up = true);
	CHECK_OUTCOME(OUTCOME_GONE, .stage = later, .why = WHY_REFUSED,
	    .refused = REFUSE_GONE, .was_up = true);
	CHECK_OUTCOME(OUTCOME_ELSEWHERE, .stage = later, .why = WHY_REFUSED,
	    .refused = REFUSE_GONE, .was_up = true, .elsewhere = true);
	CHECK_OUTCOME(OUTCOME_TAKEN, .stage = later, .why = WHY_REFUSED,
	    .refused = REFUSE_TAKEN, .was_up = true);
	/* another window has begun it again already */
	CHECK_OUTCOME(OUTCOME_GONE, .stage = later, .why = WHY_REFUSED,
	    .refused = REFUSE_TAKEN, .was_up = true, .rebooted = true);
	CHECK_OUTCOME(OUTCOME_HOST_REFUSES, .stage = later, .why = WHY_REFUSED,
	    .refused = REFUSE_CANNOT, .was_up = true);
	CHECK_OUTCOME(OUTCOME_AGAIN, .stage = later, .why = WHY_PROTOCOL, .was_up = true,
	    .found = true);
}
