#include "client/returning.h"
#include "test.h"

static const struct saved_place window = { { 1, 2, 3 }, true };

TEST(a_person_has_a_terminal_with_escapes_that_a_shell_leads)
{
	CHECK(returning_by_person("xterm", true, true, false));
	CHECK(!returning_by_person(NULL, true, true, false));
	CHECK(!returning_by_person("", true, true, false));
	CHECK(!returning_by_person("dumb", true, true, false));
	CHECK(!returning_by_person("none", true, true, false));
	CHECK(!returning_by_person("xterm", false, true, false));
	CHECK(!returning_by_person("xterm", true, false, false));
	CHECK(!returning_by_person("xterm", true, true, true));
}

TEST(a_program_has_neither_a_terminal_nor_escapes)
{
	CHECK(returning_by_program("dumb", false));
	CHECK(returning_by_program(NULL, false));
	CHECK(!returning_by_program("dumb", true)); /* a shell in an editor */
	CHECK(!returning_by_program("xterm", false));
}

/* Everything that there is: where it was left, by whom, how; where we are, and who. */
TEST(all_there_is)
{
	static const struct saved_place heres[] = { { { 1, 2, 3 }, true },
		{ { 9, 2, 3 }, true }, { { 1, 9, 3 }, true }, { { 1, 2, 9 }, true },
		{ { 1, 2, 3 }, false }, { { 0 }, false } };
	for (int how = SAVED_CUT_OFF; how <= SAVED_WINDOW_GONE; how++)
		for (int person = 0; person < 2; person++)
			for (size_t i = 0; i < sizeof heres / sizeof *heres; i++) {
				struct saved_session m = { .place = window,
					.how = (enum saved_how)how };
				m.place.person = person;
				bool persons = person && heres[i].person;
				bool same = i == 0;
				CHECK_EQ(returning_may(RETURN_AUTO, &m, &heres[i]),
				    persons && (how != SAVED_LEFT || same));
				CHECK(returning_may(RETURN_ALWAYS, &m, &heres[i]));
				CHECK(!returning_may(RETURN_NEVER, &m, &heres[i]));
			}
}

TEST(a_zeroed_place_comes_back_to_nothing)
{
	struct saved_place none = { 0 };
	struct saved_session m = { 0 };
	CHECK(!returning_may(RETURN_AUTO, &m, &none));
	m.place = window;
	CHECK(!returning_may(RETURN_AUTO, &m, &none));
}
