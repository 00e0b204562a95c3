#include "screen/keyboard.h"
#include "test.h"

enum {
	NOBODY = KEYBOARD_NOBODY,
	PROGRAM = KEYBOARD_PROGRAM,
	OFFER = KEYBOARD_OFFER,
	LATE = KEYBOARD_LATE,
	SAID = KEYBOARD_LATE_SAID,
	LINE = KEYBOARD_LINE,
	HELD = KEYBOARD_HELD,
	PART = KEYBOARD_HELD_PART,
	ANSWER = KEYBOARD_ANSWER,
	DROP = KEYBOARD_DROP,
	DROP_HELD = KEYBOARD_DROP_HELD,
	DROP_ANSWER = KEYBOARD_DROP_ANSWER,
};

/* clang-format off */
static const unsigned char next[KEYBOARD_STATES][KEYBOARD_EVENTS] = {
/* OPENS    CLOSES  ASKS         QUESTION     WITHDRAWN    FAILED
 * READY    TYPED        ENTER        CANCEL   LINE_OPENS  LINE_ENDS
 * OFFERS   RECALLS      GOES         ANEW         SETTLES */
[NOBODY] = { PROGRAM, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY,
	NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY,
	NOBODY, NOBODY, NOBODY, NOBODY, NOBODY },
[PROGRAM] = { PROGRAM, NOBODY, HELD, PROGRAM, PROGRAM, PROGRAM,
	PROGRAM, PROGRAM, PROGRAM, PROGRAM, LINE, PROGRAM,
	OFFER, PROGRAM, PROGRAM, LATE, PROGRAM },
[OFFER] = { OFFER, NOBODY, HELD, OFFER, OFFER, OFFER,
	OFFER, PROGRAM, OFFER, PROGRAM, LINE, OFFER,
	OFFER, PROGRAM, LATE, LATE, OFFER },
[LATE] = { LATE, NOBODY, HELD, LATE, LATE, LATE,
	LATE, SAID, SAID, SAID, LATE, LATE,
	LATE, LATE, LATE, LATE, PROGRAM },
[SAID] = { SAID, NOBODY, HELD, SAID, SAID, SAID,
	SAID, SAID, SAID, SAID, SAID, SAID,
	SAID, SAID, SAID, LATE, PROGRAM },
[LINE] = { LINE, NOBODY, LINE, LINE, LINE, LINE,
	LINE, LINE, LINE, LINE, LINE, PROGRAM,
	LINE, LINE, LINE, LINE, LINE },
[HELD] = { HELD, NOBODY, HELD, ANSWER, HELD, PROGRAM,
	PROGRAM, PART, HELD, PROGRAM, HELD, HELD,
	HELD, HELD, HELD, LATE, HELD },
[PART] = { PART, NOBODY, PART, DROP_ANSWER, PART, DROP,
	PROGRAM, PART, HELD, PROGRAM, PART, PART,
	PART, PART, PART, LATE, PART },
[ANSWER] = { ANSWER, NOBODY, ANSWER, DROP_ANSWER, DROP_HELD, DROP,
	DROP, ANSWER, HELD, PROGRAM, ANSWER, ANSWER,
	ANSWER, ANSWER, ANSWER, LATE, ANSWER },
[DROP] = { DROP, NOBODY, DROP, DROP, DROP, DROP,
	DROP, DROP, PROGRAM, PROGRAM, DROP, DROP,
	DROP, DROP, DROP, LATE, DROP },
[DROP_HELD] = { DROP_HELD, NOBODY, DROP_HELD, DROP_ANSWER, DROP_HELD, DROP,
	DROP, DROP_HELD, HELD, PROGRAM, DROP_HELD, DROP_HELD,
	DROP_HELD, DROP_HELD, DROP_HELD, LATE, DROP_HELD },
[DROP_ANSWER] = { DROP_ANSWER, NOBODY, DROP_ANSWER, DROP_ANSWER, DROP_HELD, DROP,
	DROP, DROP_ANSWER, ANSWER, PROGRAM, DROP_ANSWER, DROP_ANSWER,
	DROP_ANSWER, DROP_ANSWER, DROP_ANSWER, LATE, DROP_ANSWER },
};
/* clang-format on */

static struct keyboard k;

static bool
holds_nothing(void)
{
	for (size_t i = 0; i < sizeof k.held; i++)
		if (k.held[i])
			return false;
	return k.n_held == 0;
}

static struct span rest;

static bool
take(const char *text)
{
	rest = (struct span){ (const uint8_t *)text, strlen(text) };
	return keyboard_take(&k, &rest);
}

/* A login that asks was begun, and this typed. */
static void
begin(const char *typed)
{
	k = (struct keyboard){ 0 };
	(void)keyboard_on(&k, KEYBOARD_OPENS);
	CHECK_EQ(keyboard_asked(&k, true, 0), 0);
	CHECK_EQ(k.state, KEYBOARD_HELD);
	CHECK(!take(typed));
	CHECK_EQ(rest.n, 0);
}

TEST(all_states_and_events)
{
	for (int state = 0; state < KEYBOARD_STATES; state++)
		for (int event = 0; event < KEYBOARD_EVENTS; event++) {
			k = (struct keyboard){ .state = (enum keyboard_state)state };
			(void)keyboard_on(&k, (enum keyboard_event)event);
			if (k.state != next[state][event])
				test_fail(__FILE__, __LINE__, "state %d, event %d: %d",
				    state, event, k.state);
		}
}

/* From where the person has begun a line, nothing but its end leads elsewhere: the rest of it
 * is thrown away, or goes where it went. */
TEST(within_a_line_keys_do_not_come_to_another)
{
	static const enum keyboard_event others[] = { KEYBOARD_ASKS, KEYBOARD_QUESTION,
		KEYBOARD_WITHDRAWN, KEYBOARD_FAILED, KEYBOARD_READY, KEYBOARD_TYPED };
	for (int state = KEYBOARD_ANSWER; state < KEYBOARD_STATES; state++)
		for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
			k = (struct keyboard){ .state = (enum keyboard_state)state };
			(void)keyboard_on(&k, others[i]);
			CHECK(
			    k.state == (enum keyboard_state)state || keyboard_drops(&k));
		}
}

TEST(the_old_link_answers_while_a_passphrase_is_typed)
{
	begin("");
	CHECK_EQ(keyboard_asked(&k, true, 1), 0);
	CHECK_EQ(k.state, KEYBOARD_ANSWER);
	(void)keyboard_on(&k, KEYBOARD_TYPED);
	CHECK_EQ(keyboard_asked(&k, false, 0), 0);
	CHECK(keyboard_drops(&k));
	CHECK(!take("rest of it\rls\r"));
	CHECK_BYTES(rest.p, rest.n, "ls\r");
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK(holds_nothing());
}

TEST(what_ends_what_is_thrown_away)
{
	static const char *const ends[] = { "\r", "\n", "\033[13u", "\033OM", "\x03",
		"\x04", "\033[99;5u" };
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		begin("");
		(void)keyboard_asked(&k, true, 1);
		(void)keyboard_asked(&k, false, 0);
		CHECK(!take("abc\x15\x7f\033[A"));
		CHECK_EQ(k.state, KEYBOARD_DROP);
		CHECK_EQ(take(ends[i]), i >= 4);
		CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	}
}

TEST(keys_behind_an_answer_are_held_for_the_program)
{
	begin("");
	(void)keyboard_asked(&k, true, 1);
	(void)keyboard_on(&k, KEYBOARD_ENTER);
	CHECK_EQ(keyboard_asked(&k, true, 0), 0);
	CHECK(!take("ls\rec"));
	CHECK_EQ(keyboard_ready(&k), KEYBOARD_GIVE);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK_BYTES(k.held, k.n_held, "ls\rec");
	keyboard_forget(&k);
	CHECK(holds_nothing());
	CHECK_EQ(keyboard_asked(&k, false, 0), 0);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
}

TEST(but_not_when_another_question_follows)
{
	begin("secret\r");
	(void)keyboard_asked(&k, true, 1);
	CHECK_EQ(k.state, KEYBOARD_ANSWER);
	CHECK(holds_nothing());
	begin("sec");
	(void)keyboard_asked(&k, true, 1);
	CHECK_EQ(k.state, KEYBOARD_DROP_ANSWER);
	CHECK(holds_nothing());
	CHECK(!take("ret\ragain"));
	CHECK_EQ(k.state, KEYBOARD_ANSWER);
	CHECK_BYTES(rest.p, rest.n, "again");
}

TEST(nor_when_the_login_fails)
{
	begin("secret\r");
	CHECK_EQ(keyboard_asked(&k, false, 0), KEYBOARD_SAY);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK(holds_nothing());
	begin("");
	CHECK_EQ(keyboard_asked(&k, false, 0), 0); /* nothing is lost */
	begin("sec");
	CHECK_EQ(keyboard_asked(&k, false, 0), 0); /* said as long as it is done */
	CHECK_EQ(k.state, KEYBOARD_DROP);
	CHECK(holds_nothing());
}

TEST(one_question_in_the_place_of_another)
{
	begin("");
	(void)keyboard_asked(&k, true, 1);
	(void)keyboard_asked(&k, true, 2);
	CHECK_EQ(k.state, KEYBOARD_DROP_ANSWER);
	(void)keyboard_asked(&k, true, 0);
	CHECK_EQ(k.state, KEYBOARD_DROP_HELD);
	CHECK(!take("rest\rls"));
	CHECK_EQ(k.state, KEYBOARD_HELD);
	/* An answer and the next question may be seen at once. */
	begin("");
	(void)keyboard_asked(&k, true, 1);
	(void)keyboard_on(&k, KEYBOARD_ENTER);
	(void)keyboard_asked(&k, true, 2);
	CHECK_EQ(k.state, KEYBOARD_ANSWER);
}

TEST(cancelling_while_nothing_is_asked)
{
	begin("ab\x04");
	CHECK_EQ(k.state, KEYBOARD_HELD_PART); /* for the program ^D is a key */
	CHECK(take("\x03"
		   "cd"));
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK(holds_nothing());
	/* The attempt may live a moment longer. */
	CHECK_EQ(keyboard_asked(&k, true, 1), 0);
	CHECK_EQ(keyboard_asked(&k, false, 0), 0);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
}

TEST(a_pasted_control_cancels_nothing_that_is_held)
{
	begin("\033[200~a\x03"
	      "b\033[201~");
	CHECK_EQ(k.n_held, 15);
}

TEST(a_question_for_which_nobody_asked_gets_no_keys)
{
	k = (struct keyboard){ 0 };
	(void)keyboard_on(&k, KEYBOARD_OPENS);
	CHECK_EQ(keyboard_on(&k, KEYBOARD_QUESTION), 0);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK_EQ(keyboard_asked(&k, false, 7), 0);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
}

TEST(more_than_can_be_held_is_not_kept_in_part)
{
	begin("");
	for (int i = 0; i < KEYBOARD_HELD_MAX; i++)
		CHECK(!take("x"));
	CHECK_EQ(k.n_held, KEYBOARD_HELD_MAX);
	CHECK(!take("y"));
	CHECK(holds_nothing());
	CHECK(!take("z\r"));
	CHECK(holds_nothing());
	CHECK_EQ(keyboard_ready(&k), KEYBOARD_SAY);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	begin("");
	for (int i = 0; i < KEYBOARD_HELD_MAX + 1; i++)
		CHECK(!take("x"));
	CHECK_EQ(keyboard_ready(&k), 0);
	CHECK_EQ(k.state, KEYBOARD_DROP);
}

TEST(its_end_leaves_nothing)
{
	begin("secret");
	(void)keyboard_on(&k, KEYBOARD_CLOSES);
	CHECK(holds_nothing());
	CHECK_EQ(k.state, KEYBOARD_NOBODY);
	CHECK(!take("x"));
	CHECK_EQ(rest.n, 1);
}

/* ---- the status line that asks for a login ---- */

static const uint64_t noticed_us = KEYBOARD_NOTICED_US, appears_us = 5000000;

/* Such a line has stood for so long, and something typed waits or not. */
static void
stand_for(uint64_t for_us, bool waits)
{
	k = (struct keyboard){ 0 };
	(void)keyboard_on(&k, KEYBOARD_OPENS);
	keyboard_offer(&k, true, false, appears_us);
	keyboard_offer(&k, true, waits, appears_us + for_us);
}

static unsigned
press(const char *keys)
{
	rest = (struct span){ (const uint8_t *)keys, strlen(keys) };
	return keyboard_take_offered(&k, &rest, true);
}

TEST(enter_is_the_lines_once_it_has_been_noticed)
{
	stand_for(noticed_us - 1, false);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK_EQ(keyboard_deadline(&k), appears_us + noticed_us);
	stand_for(noticed_us, false);
	CHECK_EQ(k.state, KEYBOARD_OFFER);
	CHECK_EQ(keyboard_deadline(&k), 0);
	CHECK_EQ(press("\rsecret"), KEYBOARD_LOGIN);
	CHECK_BYTES(rest.p, rest.n, "secret");
	CHECK_EQ(keyboard_asked(&k, true, 0), 0);
	CHECK_EQ(k.state, KEYBOARD_HELD);
}

TEST(every_enter_is_one)
{
	static const char *const enters[] = { "\r", "\n", "\033[13u", "\033OM" };
	for (size_t i = 0; i < sizeof enters / sizeof *enters; i++) {
		stand_for(noticed_us, false);
		CHECK_EQ(press(enters[i]), KEYBOARD_LOGIN);
		CHECK_EQ(rest.n, 0);
	}
}

TEST(other_keys_and_what_is_pasted_are_the_programs)
{
	static const char *const others[] = { "y", "y\r", "\x03", "\033[200~\r\033[201~",
		"\033[I" };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		stand_for(noticed_us, false);
		CHECK_EQ(press(others[i]), 0);
		CHECK_EQ(rest.n, strlen(others[i]));
		CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	}
	stand_for(noticed_us, false);
	rest = (struct span){ (const uint8_t *)"\r", 1 };
	CHECK_EQ(keyboard_take_offered(&k, &rest, false), 0);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
}

TEST(nor_is_enter_the_lines_while_something_typed_waits)
{
	stand_for(1, true);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK(k.noticed && keyboard_deadline(&k) == 0); /* another key is named at once */
	stand_for(noticed_us, true);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	CHECK_EQ(keyboard_deadline(&k), 0);
	stand_for(noticed_us, false);
	keyboard_offer(&k, true, true, appears_us + 2 * noticed_us);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	keyboard_offer(&k, true, false,
	    appears_us + 3 * noticed_us); /* dropped, or sent */
	CHECK_EQ(k.state, KEYBOARD_OFFER);
}

TEST(a_key_as_the_line_goes_is_thrown_away)
{
	uint64_t goes_us = appears_us + 2 * noticed_us;
	stand_for(noticed_us, false);
	keyboard_offer(&k, false, false, goes_us);
	CHECK_EQ(k.state, KEYBOARD_LATE);
	CHECK_EQ(keyboard_deadline(&k), goes_us + noticed_us);
	keyboard_offer(&k, false, false, goes_us + noticed_us - 1);
	rest = (struct span){ (const uint8_t *)"\r", 1 };
	CHECK_EQ(keyboard_take_late(&k, &rest), KEYBOARD_SAY_LATE);
	CHECK_EQ(rest.n, 0);
	rest = (struct span){ (const uint8_t *)"\r", 1 };
	CHECK_EQ(keyboard_take_late(&k, &rest), 0); /* said once */
	keyboard_offer(&k, false, false, goes_us + noticed_us);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
}

TEST(a_line_that_nobody_can_have_obeyed_goes_without_that)
{
	stand_for(noticed_us - 1, false);
	keyboard_offer(&k, false, false, appears_us + noticed_us);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
	stand_for(noticed_us, true);
	keyboard_offer(&k, false, true, appears_us + 2 * noticed_us);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
}

TEST(a_paste_as_the_line_goes_is_thrown_away_to_its_end)
{
	uint64_t goes_us = appears_us + 2 * noticed_us;
	stand_for(noticed_us, false);
	keyboard_offer(&k, false, false, goes_us);
	rest = (struct span){ (const uint8_t *)"\033[200~one", 9 };
	CHECK_EQ(keyboard_take_late(&k, &rest), KEYBOARD_SAY_LATE);
	keyboard_offer(&k, false, false, goes_us + 2 * noticed_us);
	CHECK_EQ(k.state, KEYBOARD_LATE_SAID);
	rest = (struct span){ (const uint8_t *)"two\033[201~", 9 };
	CHECK_EQ(keyboard_take_late(&k, &rest), 0);
	keyboard_offer(&k, false, false, goes_us + 2 * noticed_us);
	CHECK_EQ(k.state, KEYBOARD_PROGRAM);
}

/* ---- anything at any time ---- */

enum { TO_NOWHERE, TO_PROGRAM, TO_QUESTION };

/* One key of a line, which goes where the state says; of a line that is held it is not known
 * until then.  Returns the place. */
static int
type(char key)
{
	char text[2] = { key, 0 };
	if (k.state == KEYBOARD_PROGRAM)
		return TO_PROGRAM;
	if (k.state == KEYBOARD_ANSWER) {
		(void)keyboard_on(&k, key == '\r' ? KEYBOARD_ENTER : KEYBOARD_TYPED);
		return TO_QUESTION;
	}
	(void)take(text);
	return TO_NOWHERE;
}

/* No line is for the program in one part and for a question in another. */
TEST(a_line_never_goes_to_two)
{
	for (uint64_t run = 0; run < 20000; run++) {
		unsigned question = 0, last = 0;
		bool asks = false, to[3] = { false };
		test_seed(run);
		k = (struct keyboard){ 0 };
		(void)keyboard_on(&k, KEYBOARD_OPENS);
		for (int step = 0; step < 60; step++) {
			unsigned does = 0;
			switch (test_below(8)) {
			case 0: /* only an Enter for the program begins a login */
				to[type('\r')] = true;
				if (k.state == KEYBOARD_PROGRAM)
					asks = true;
				CHECK(!(to[TO_PROGRAM] && to[TO_QUESTION]));
				memset(to, 0, sizeof to);
				break;
			case 1:
				question = asks ? ++last : 0;
				break;
			case 2:
				question = 0;
				break;
			case 3:
				asks = false;
				question = 0;
				break;
			case 4:
				if (asks)
					does = keyboard_ready(&k);
				asks = false;
				question = 0;
				break;
			default:
				to[type('x')] = true;
			}
			does |= keyboard_asked(&k, asks, question);
			if (does & KEYBOARD_GIVE) {
				to[TO_PROGRAM] |= k.n_held
				    && k.held[k.n_held - 1] != '\r';
				keyboard_forget(&k);
			}
		}
	}
}

/* Whatever state the keys were in, they are nobody's until the person has noticed. */
TEST(another_program_gets_nothing_that_was_typed_before_it)
{
	for (int state = KEYBOARD_PROGRAM; state < KEYBOARD_STATES; state++) {
		struct span keys = { (const uint8_t *)"y\r", 2 };
		k = (struct keyboard){ .state = (enum keyboard_state)state };
		if (state == KEYBOARD_LINE)
			continue;
		keyboard_anew(&k, 1000);
		CHECK(keyboard_is_anew(&k));
		CHECK_EQ(k.state, KEYBOARD_LATE);
		CHECK_EQ(keyboard_take_late(&k, &keys), KEYBOARD_SAY_LATE);
		CHECK_EQ(keys.n, 0);
		CHECK_EQ(keyboard_deadline(&k), 1000 + KEYBOARD_NOTICED_US);
		keyboard_offer(&k, false, false, 1000 + KEYBOARD_NOTICED_US);
		CHECK_EQ(k.state, KEYBOARD_PROGRAM);
		CHECK(!keyboard_is_anew(&k));
	}
}
