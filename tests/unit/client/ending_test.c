#include "client/ending.h"
#include "test.h"

#define SECOND ((uint64_t)1000 * 1000)
#define START (1000 * SECOND)

enum {
	PROGRAM = 7, /* its exit status */
	BYES = ENDING_BYE_DONE | ENDING_BYE_DETACHED | ENDING_BYE_HANGUP,
	TELLS = ENDING_SAY_HOW | ENDING_SAY_UNTOLD | ENDING_SAY_GONE,
};

static uint64_t now = START;

static struct ending
in_state(enum ending_state state, bool returns, bool resumed)
{
	struct ending e = { .state = state, .returns = returns, .resumed = resumed };
	if (state >= ENDING_DONE && state < ENDING_OVER)
		e.deadline_us = now + SECOND;
	return e;
}

#define CHECK_ON(e, event, wanted, actions) \
	do { \
		unsigned did = ending_on(e, event, PROGRAM, now); \
		CHECK_STR(ending_state_name((e)->state), ending_state_name(wanted)); \
		CHECK_EQ(did, (unsigned)(actions)); \
	} while (0)

/* ---- the stories of the picture ---- */

TEST(a_command_ends_with_its_status)
{
	struct ending e = { 0 };
	CHECK_ON(&e, ENDING_UP, ENDING_RUNNING, 0);
	CHECK_ON(&e, ENDING_EXIT, ENDING_DRAINING, 0);
	CHECK_EQ(ending_deadline(&e), 0);
	CHECK_ON(&e, ENDING_SHOWN, ENDING_DRAINING, ENDING_COOK);
	CHECK_ON(&e, ENDING_DRAINED, ENDING_DONE,
	    ENDING_END_STREAMS | ENDING_COOK | ENDING_BYE_DONE);
	CHECK_EQ(ending_deadline(&e), now + 3 * SECOND);
	CHECK(!e.delivered);
	CHECK_ON(&e, ENDING_FLUSHED, ENDING_OVER, ENDING_LEAVE);
	CHECK_EQ(e.status, PROGRAM);
	CHECK(e.delivered);
	CHECK_EQ(ending_deadline(&e), 0);
}

TEST(a_link_that_may_go_with_us_is_awaited)
{
	struct ending e = in_state(ENDING_DRAINING, false, false);
	e.awaits = true;
	CHECK_ON(&e, ENDING_DRAINED, ENDING_DONE,
	    ENDING_END_STREAMS | ENDING_COOK | ENDING_BYE_DONE);
	CHECK_ON(&e, ENDING_FLUSHED, ENDING_DONE, 0);
	CHECK_ON(&e, ENDING_CLOSED, ENDING_OVER, ENDING_LEAVE);
	e = in_state(ENDING_DONE, false, false);
	e.awaits = true;
	CHECK_ON(&e, ENDING_DEADLINE, ENDING_OVER, ENDING_LEAVE);
	e = in_state(ENDING_LEAVING, true, false);
	e.awaits = true;
	CHECK_ON(&e, ENDING_FLUSHED, ENDING_OVER, ENDING_LEAVE);
}

TEST(a_shell_that_ended_is_forgotten)
{
	struct ending e = in_state(ENDING_DRAINING, true, false);
	CHECK_ON(&e, ENDING_DRAINED, ENDING_DONE,
	    ENDING_END_STREAMS | ENDING_COOK | ENDING_BYE_DONE | ENDING_FORGET);
}

TEST(a_cut_while_output_is_shown_is_a_cut_as_any)
{
	struct ending e = in_state(ENDING_DRAINING, false, false);
	CHECK_ON(&e, ENDING_LOST, ENDING_DRAINING, ENDING_RECONNECT);
	CHECK_ON(&e, ENDING_UP, ENDING_DRAINING, 0);
}

/* What was received is still to be shown; the host has been told that it is here, and forgets. */
TEST(a_session_that_is_gone_with_nothing_is_not_missed)
{
	struct ending e = in_state(ENDING_DRAINING, false, false);
	e.status = PROGRAM;
	e.whole = true;
	CHECK_ON(&e, ENDING_LOST, ENDING_DRAINING, ENDING_RECONNECT);
	CHECK(!ending_near(&e));
	CHECK_ON(&e, ENDING_GONE, ENDING_DRAINING, 0);
	CHECK(ending_near(&e)); /* no outage, no hook and no --give-up matters any more */
	CHECK_ON(&e, ENDING_DRAINED, ENDING_DONE,
	    ENDING_END_STREAMS | ENDING_COOK | ENDING_BYE_DONE);
	CHECK_EQ(ending_deadline(&e), now);
	CHECK_ON(&e, ENDING_DEADLINE, ENDING_OVER, ENDING_LEAVE);
	CHECK_EQ(e.status, PROGRAM);
}

TEST(a_session_that_is_gone_behind_the_last_word_was_over)
{
	struct ending e = in_state(ENDING_DONE, false, false);
	e.status = PROGRAM;
	CHECK_ON(&e, ENDING_GONE, ENDING_OVER, ENDING_LEAVE);
	CHECK_EQ(e.status, PROGRAM);
}

TEST(a_cut_behind_the_last_word_is_the_end)
{
	struct ending e = in_state(ENDING_DONE, false, false);
	e.status = PROGRAM;
	CHECK_ON(&e, ENDING_LOST, ENDING_OVER, ENDING_LEAVE);
	CHECK_EQ(e.status, PROGRAM);
	CHECK(!e.delivered);
}

TEST(a_shell_is_left_by_its_escape_and_says_how_to_come_back)
{
	struct ending e = in_state(ENDING_RUNNING, true, false);
	CHECK_ON(&e, ENDING_KEY, ENDING_LEAVING,
	    ENDING_COOK | ENDING_SAY_HOW | ENDING_KEEP | ENDING_BYE_DETACHED);
	CHECK_EQ(ending_deadline(&e), now + SECOND / 2);
	CHECK_ON(&e, ENDING_FLUSHED, ENDING_OVER, ENDING_LEAVE);
	CHECK_EQ(e.status, EXIT_FAILED);
	CHECK(e.delivered);
}

TEST(a_shell_that_is_left_without_a_link_is_left_at_once)
{
	struct ending e = in_state(ENDING_RUNNING, true, false);
	(void)ending_on(&e, ENDING_KEY, 0, now);
	CHECK_ON(&e, ENDING_HURRY, ENDING_LEAVING, 0);
	CHECK_EQ(ending_deadline(&e), now);
	CHECK_ON(&e, ENDING_DEADLINE, ENDING_OVER, ENDING_LEAVE);
	CHECK(!e.delivered);
}

TEST(a_shell_is_left_when_its_terminal_goes_and_no_word_is_said)
{
	struct ending e = in_state(ENDING_RUNNING, true, false);
	CHECK_ON(&e, ENDING_TERMINAL_GONE, ENDING_LEAVING,
	    ENDING_COOK | ENDING_KEEP | ENDING_BYE_DETACHED);
}

TEST(a_command_is_hung_up_and_the_host_closes)
{
	struct ending e = in_state(ENDING_RUNNING, false, false);
	CHECK_ON(&e, ENDING_TERM, ENDING_HANGING_UP, ENDING_COOK);
	CHECK_EQ(ending_deadline(&e), now + 3 * SECOND);
	CHECK_ON(&e, ENDING_LINKED, ENDING_HUNG_UP, ENDING_BYE_HANGUP);
	CHECK_ON(&e, ENDING_LINKED, ENDING_HUNG_UP, 0);
	CHECK_ON(&e, ENDING_FLUSHED, ENDING_HUNG_UP, 0);
	CHECK_ON(&e, ENDING_CLOSED, ENDING_OVER, ENDING_LEAVE);
	CHECK_EQ(e.status, EXIT_FAILED);
}

TEST(a_hang_up_that_may_be_lost_is_said_again)
{
	struct ending e = in_state(ENDING_HUNG_UP, false, false);
	uint64_t deadline_us = ending_deadline(&e);
	CHECK_ON(&e, ENDING_LOST, ENDING_HANGING_UP, ENDING_RECONNECT);
	CHECK_EQ(ending_deadline(&e), deadline_us);
	CHECK_ON(&e, ENDING_LINKED, ENDING_HUNG_UP, ENDING_BYE_HANGUP);
}

TEST(a_hang_up_that_nobody_was_told_of_is_told_to_the_person)
{
	struct ending e = in_state(ENDING_HANGING_UP, false, false);
	CHECK_ON(&e, ENDING_DEADLINE, ENDING_OVER, ENDING_SAY_UNTOLD | ENDING_LEAVE);
	e = in_state(ENDING_HUNG_UP, false, false);
	CHECK_ON(&e, ENDING_DEADLINE, ENDING_OVER, ENDING_LEAVE);
}

TEST(a_session_that_is_gone_when_it_is_hung_up_is_what_was_wanted)
{
	struct ending e = in_state(ENDING_HANGING_UP, false, false);
	CHECK_ON(&e, ENDING_GONE, ENDING_OVER, ENDING_LEAVE);
	e = in_state(ENDING_RUNNING, false, false);
	CHECK_ON(&e, ENDING_GONE, ENDING_OVER, ENDING_SAY_GONE | ENDING_LEAVE);
	CHECK_EQ(e.status, EXIT_FAILED);
}

/* There is nothing to lose with the session of -N. */
TEST(a_replaceable_session_that_is_gone_is_begun_anew)
{
	struct ending e = in_state(ENDING_RUNNING, false, false);
	e.replaceable = true;
	CHECK_ON(&e, ENDING_GONE, ENDING_AGAIN, ENDING_SAY_GONE | ENDING_ANEW);
	CHECK(!ending_begun(&e) && !ending_near(&e) && !ending_deadline(&e));
	CHECK_ON(&e, ENDING_LOST, ENDING_AGAIN, ENDING_RECONNECT);
	CHECK_ON(&e, ENDING_UP, ENDING_RUNNING, 0);
	e = in_state(ENDING_HANGING_UP, false, false);
	e.replaceable = true;
	CHECK_ON(&e, ENDING_GONE, ENDING_OVER, ENDING_LEAVE);
	e = (struct ending){ .replaceable = true };
	CHECK_ON(&e, ENDING_GONE, ENDING_OVER, ENDING_SAY_GONE | ENDING_LEAVE);
}

TEST(before_the_first_link_a_signal_ends_at_once)
{
	struct ending e = { .returns = true };
	CHECK_ON(&e, ENDING_TERM, ENDING_OVER, ENDING_LEAVE);
	e = (struct ending){ .returns = true };
	CHECK_ON(&e, ENDING_TERMINAL_GONE, ENDING_ABANDONING, ENDING_COOK);
	CHECK_ON(&e, ENDING_LINKED, ENDING_ABANDONING, 0);
	CHECK_ON(&e, ENDING_UP, ENDING_HANGING_UP, 0);
	CHECK_ON(&e, ENDING_LINKED, ENDING_HUNG_UP, ENDING_BYE_HANGUP);
}

/* timeout(1) sends TERM to its group and to us. */
TEST(a_second_signal_does_not_wait_unless_it_comes_with_the_first)
{
	struct ending e = in_state(ENDING_RUNNING, false, false);
	CHECK_ON(&e, ENDING_TERM, ENDING_HANGING_UP, ENDING_COOK);
	now += SECOND / 4;
	CHECK_ON(&e, ENDING_TERM, ENDING_HANGING_UP, 0);
	now += SECOND / 2;
	CHECK_ON(&e, ENDING_TERM, ENDING_OVER, ENDING_LEAVE);
	CHECK_EQ(e.status, EXIT_FAILED);
}

/* The end of a terminal sends HUP as well. */
TEST(a_signal_behind_the_terminals_end_changes_nothing)
{
	struct ending e = in_state(ENDING_RUNNING, true, false);
	(void)ending_on(&e, ENDING_TERMINAL_GONE, 0, now);
	now += SECOND / 4;
	CHECK_ON(&e, ENDING_TERM, ENDING_LEAVING, 0);
}

TEST(a_forward_that_fails_leaves_only_a_session_that_was_there_before)
{
	struct ending e = in_state(ENDING_RUNNING, true, true);
	CHECK_ON(&e, ENDING_FORWARD_FAILED, ENDING_LEAVING,
	    ENDING_COOK | ENDING_SAY_HOW | ENDING_KEEP | ENDING_BYE_DETACHED);
	e = in_state(ENDING_RUNNING, true, false);
	CHECK_ON(&e, ENDING_FORWARD_FAILED, ENDING_HANGING_UP, ENDING_COOK);
	e = in_state(ENDING_RUNNING, false, true);
	CHECK_ON(&e, ENDING_FORWARD_FAILED, ENDING_HANGING_UP, ENDING_COOK);
}

TEST(the_programs_status_counts_even_behind_the_end)
{
	for (int state = 0; state < ENDING_STATES; state++) {
		struct ending e = in_state((enum ending_state)state, false, false);
		(void)ending_on(&e, ENDING_EXIT, PROGRAM, now);
		CHECK_EQ(e.status, PROGRAM);
	}
}

/* ---- every state and event ---- */

/* Where each event leads: the next state's letter; a dot: it stays. */
static const char letters[ENDING_STATES] = "srgdDLahHO";
static const char *const expected[ENDING_STATES] = {
	/* UP EXIT SHOWN DRAINED | KEY HURRY TERM AGAIN GONE FORWARD | LINKED LOST CLOSED GONE
	 * FLUSHED DEADLINE STOP */
	[ENDING_STARTING] = "rd.. a.OOaa ...O..O",
	[ENDING_RUNNING] = ".d.. h.hhhh ...O..O",
	[ENDING_AGAIN] = "rd.. O.OOOa ...O..O",
	[ENDING_DRAINING] = "...D h.hhhh ...O..O",
	[ENDING_DONE] = ".... ...O.. .OOOOOO",
	[ENDING_LEAVING] = ".... ...O.. .OOOOOO",
	[ENDING_ABANDONING] = "h... ..OO.. ...O.OO",
	[ENDING_HANGING_UP] = ".... ...O.. H..O.OO",
	[ENDING_HUNG_UP] = ".... ...O.. .hOO.OO",
	[ENDING_OVER] = ".... ...... .......",
};

static char
wanted(enum ending_state state, int event)
{
	const char *p = expected[state];
	for (; event > 0 || *p == ' '; p++)
		event -= *p != ' ';
	return *p == '.' ? letters[state] : *p;
}

/* The same of a session that returns: it is left where another is hung up. */
static char
wanted_of_shell(enum ending_state state, int event, bool resumed)
{
	bool has_run = state == ENDING_RUNNING || state == ENDING_DRAINING;
	char to = wanted(state, event);
	bool leaves = to == 'h' && has_run && (event != ENDING_FORWARD_FAILED || resumed);
	return leaves ? 'L' : to;
}

static void
check_transition(enum ending_state state, int event, bool returns, bool resumed)
{
	struct ending e = in_state(state, returns, resumed);
	unsigned did = ending_on(&e, (enum ending_event)event, PROGRAM, now);
	char to[2] = { letters[e.state], 0 };
	char want[2] = { returns ? wanted_of_shell(state, event, resumed)
				 : wanted(state, event),
		0 };
	CHECK_STR(to, want);
	/* The loop is stopped when it is over, and then once. */
	CHECK_EQ((did & ENDING_LEAVE) != 0,
	    e.state == ENDING_OVER && state != ENDING_OVER);
	/* One last word at most, and always as its state is entered. */
	CHECK((did & BYES & ((did & BYES) - 1)) == 0);
	CHECK_EQ((did & ENDING_BYE_DONE) != 0,
	    e.state == ENDING_DONE && state != ENDING_DONE);
	CHECK_EQ((did & ENDING_BYE_DETACHED) != 0,
	    e.state == ENDING_LEAVING && state != ENDING_LEAVING);
	CHECK_EQ((did & ENDING_BYE_HANGUP) != 0,
	    e.state == ENDING_HUNG_UP && state != ENDING_HUNG_UP);
	/* A lost link is made again, or it is over. */
	if (event == ENDING_LOST || event == ENDING_CLOSED)
		CHECK(did & (ENDING_RECONNECT | ENDING_LEAVE) || state == ENDING_OVER);
	else
		CHECK(!(did & ENDING_RECONNECT));
	/* The saved session is touched of shells only. */
	CHECK(returns || !(did & (ENDING_FORGET | ENDING_KEEP | ENDING_SAY_HOW)));
	/* Whoever waits has a deadline. */
	CHECK_EQ(ending_deadline(&e) != 0, ending_near(&e) && e.state != ENDING_OVER);
	CHECK(!ending_near(&e) || ending_begun(&e));
	CHECK(!(did & ~(2 * ENDING_LEAVE - 1u)));
	CHECK(!(did & TELLS) || e.state != state);
	if (event == ENDING_STOP && state != ENDING_OVER)
		CHECK_EQ(e.status, PROGRAM);
}

TEST(every_event_in_every_state)
{
	for (int state = 0; state < ENDING_STATES; state++)
		for (int event = 0; event < ENDING_EVENTS; event++)
			for (int kind = 0; kind < 4; kind++)
				check_transition((enum ending_state)state, event,
				    kind & 1, kind & 2);
	CHECK_STR(ending_state_name(ENDING_STATES), "?");
}

/* From everywhere the end is reached: a session that is being ended ends when nothing
 * more happens but that time goes by. */
TEST(an_end_is_never_stuck)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		test_seed(seed);
		struct ending e = { .returns = test_below(2), .resumed = test_below(2) };
		for (int step = 0; step < 30; step++) {
			now += test_below(SECOND);
			(void)ending_on(&e, test_below(ENDING_STOP), 0, now);
		}
		if (!ending_near(&e))
			(void)ending_on(&e, ENDING_TERM, 0, now);
		if (e.state != ENDING_OVER)
			CHECK(ending_deadline(&e)
			    && ending_deadline(&e) <= now + 3 * SECOND);
		(void)ending_on(&e, ENDING_DEADLINE, 0, now);
		CHECK_EQ(e.state, ENDING_OVER);
	}
}
