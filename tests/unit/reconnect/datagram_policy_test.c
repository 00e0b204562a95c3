/* Every state with every event. */
#include "reconnect/datagram_policy.h"

#include "test.h"

#define OFF DATAGRAM_OFF
#define PROBE DATAGRAM_PROBE
#define UP DATAGRAM_UP
#define DOUBT DATAGRAM_DOUBT
#define DARK DATAGRAM_DARK

enum {
	SECOND = 1000 * 1000,
	KEEP = -1, /* the deadline stays */
	LEAVE = DATAGRAM_LEAVE,
	ALL = DATAGRAM_OPEN_ALL,
	ONE = DATAGRAM_OPEN_ONE,
	ASK = DATAGRAM_ASK,
	JOIN = DATAGRAM_JOIN,
	FALL = DATAGRAM_FALL,
};
static const uint64_t now_us = 1000 * (uint64_t)SECOND, before_us = 7;

/* What is to become of it: the state, what is done, and when TIMER comes (seconds from now; 0:
 * never). */
struct wanted {
	enum datagram_state state;
	unsigned does;
	int seconds;
};

static const struct wanted table[DATAGRAM_STATES][DATAGRAM_EVENTS] = {
	[OFF] = {
		[DATAGRAM_OFFERED] = { PROBE, ALL | ASK, 5 },
		[DATAGRAM_ANSWERED] = { OFF, 0, KEEP },
		[DATAGRAM_SILENT] = { OFF, 0, KEEP },
		[DATAGRAM_MOVED] = { OFF, 0, KEEP },
		[DATAGRAM_ALONE] = { OFF, 0, KEEP },
		[DATAGRAM_GONE] = { OFF, 0, KEEP },
		[DATAGRAM_BROKEN] = { OFF, 0, KEEP },
		[DATAGRAM_TIMER] = { OFF, 0, KEEP },
		[DATAGRAM_TIMER_ALONE] = { OFF, 0, KEEP },
	},
	[PROBE] = {
		[DATAGRAM_OFFERED] = { PROBE, ALL | ASK, 5 },
		[DATAGRAM_ANSWERED] = { UP, JOIN, 0 },
		[DATAGRAM_SILENT] = { PROBE, 0, KEEP },
		[DATAGRAM_MOVED] = { PROBE, ALL | ASK, 5 },
		[DATAGRAM_ALONE] = { PROBE, 0, KEEP },
		[DATAGRAM_GONE] = { PROBE, 0, KEEP },
		[DATAGRAM_BROKEN] = { OFF, 0, 0 },
		[DATAGRAM_TIMER] = { DARK, 0, 60 },
		[DATAGRAM_TIMER_ALONE] = { PROBE, ALL | ASK, 5 },
	},
	[UP] = {
		[DATAGRAM_OFFERED] = { UP, 0, KEEP },
		[DATAGRAM_ANSWERED] = { UP, 0, KEEP },
		[DATAGRAM_SILENT] = { DOUBT, ONE | ASK, 5 },
		[DATAGRAM_MOVED] = { UP, ONE | ASK, 0 },
		[DATAGRAM_ALONE] = { UP, 0, KEEP },
		[DATAGRAM_GONE] = { DOUBT, FALL, 5 },
		[DATAGRAM_BROKEN] = { OFF, LEAVE, 0 },
		[DATAGRAM_TIMER] = { UP, 0, KEEP },
		[DATAGRAM_TIMER_ALONE] = { UP, 0, KEEP },
	},
	[DOUBT] = {
		[DATAGRAM_OFFERED] = { PROBE, LEAVE | ALL | ASK, 5 },
		[DATAGRAM_ANSWERED] = { UP, 0, 0 },
		[DATAGRAM_SILENT] = { DOUBT, 0, KEEP },
		[DATAGRAM_MOVED] = { DOUBT, ONE | ASK, 5 },
		[DATAGRAM_ALONE] = { DOUBT, 0, KEEP },
		[DATAGRAM_GONE] = { DOUBT, 0, KEEP },
		[DATAGRAM_BROKEN] = { OFF, LEAVE, 0 },
		[DATAGRAM_TIMER] = { DARK, LEAVE, 60 },
		[DATAGRAM_TIMER_ALONE] = { DOUBT, ONE | ASK, 5 },
	},
	[DARK] = {
		[DATAGRAM_OFFERED] = { PROBE, ALL | ASK, 5 },
		[DATAGRAM_ANSWERED] = { UP, JOIN, 0 },
		[DATAGRAM_SILENT] = { DARK, 0, KEEP },
		[DATAGRAM_MOVED] = { PROBE, ALL | ASK, 5 },
		[DATAGRAM_ALONE] = { PROBE, ALL | ASK, 5 },
		[DATAGRAM_GONE] = { DARK, 0, KEEP },
		[DATAGRAM_BROKEN] = { OFF, 0, 0 },
		[DATAGRAM_TIMER] = { DARK, ALL | ASK, 60 },
		[DATAGRAM_TIMER_ALONE] = { PROBE, ALL | ASK, 5 },
	},
};

TEST(every_state_with_every_event)
{
	for (int state = 0; state < DATAGRAM_STATES; state++)
		for (int event = 0; event < DATAGRAM_EVENTS; event++) {
			const struct wanted *wanted = &table[state][event];
			struct datagram_policy p = { (enum datagram_state)state,
				before_us };
			unsigned does = datagram_policy_on(&p, (enum datagram_event)event,
			    now_us);
			uint64_t at_us = wanted->seconds == KEEP ? before_us
			    : wanted->seconds
			    ? now_us + (uint64_t)wanted->seconds * SECOND
			    : 0;
			if (p.state != wanted->state || does != wanted->does
			    || p.deadline_us != at_us)
				FAIL("%s, event %d: %s, does %u, until %llu",
				    datagram_state_name((enum datagram_state)state),
				    event, datagram_state_name(p.state), does,
				    (unsigned long long)p.deadline_us);
		}
}

/* A link is in the engine in UP and DOUBT, and nowhere else: it joins on the way there, leaves on
 * the way from there, and does neither twice. */
TEST(who_joins_leaves)
{
	for (int state = 0; state < DATAGRAM_STATES; state++)
		for (int event = 0; event < DATAGRAM_EVENTS; event++) {
			struct datagram_policy p = { (enum datagram_state)state, 0 };
			bool before = p.state == UP || p.state == DOUBT;
			unsigned does = datagram_policy_on(&p, (enum datagram_event)event,
			    now_us);
			bool after = p.state == UP || p.state == DOUBT;
			CHECK_EQ(!!(does & JOIN), !before && after);
			CHECK_EQ(!!(does & LEAVE), before && !after);
		}
}

/* Nobody answers: while ssh does, a question a minute; without it every 5 s, for ever. */
TEST(where_nobody_answers)
{
	struct datagram_policy p = { 0 };
	unsigned asked = 0;
	(void)datagram_policy_on(&p, DATAGRAM_OFFERED, now_us);
	for (unsigned i = 0; i < 10; i++)
		asked += !!(datagram_policy_on(&p, DATAGRAM_TIMER, p.deadline_us) & ASK);
	CHECK_EQ(p.state, DARK);
	CHECK_EQ(asked, 9);
	CHECK_EQ(p.deadline_us, now_us + (5 + 10 * 60) * (uint64_t)SECOND);
	p = (struct datagram_policy){ 0 };
	(void)datagram_policy_on(&p, DATAGRAM_OFFERED, now_us);
	for (unsigned i = 0; i < 10; i++)
		(void)datagram_policy_on(&p, DATAGRAM_TIMER_ALONE, p.deadline_us);
	CHECK_EQ(p.state, PROBE);
	CHECK_EQ(p.deadline_us, now_us + 11 * 5 * (uint64_t)SECOND);
}

TEST(each_state_has_a_name)
{
	for (int state = 0; state < DATAGRAM_STATES; state++)
		CHECK(datagram_state_name((enum datagram_state)state)[0]);
}
