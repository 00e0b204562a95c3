#include "client/returning.h"

#include <string.h>

static bool
is_terminal(const char *term)
{
	return term && term[0] && strcmp(term, "dumb") != 0 && strcmp(term, "none") != 0;
}

bool
returning_by_person(const char *term, bool escapes, bool controls, bool leads)
{
	return is_terminal(term) && escapes && controls && !leads;
}

bool
returning_by_program(const char *term, bool escapes)
{
	return !is_terminal(term) && !escapes;
}

static bool
same_window(const struct tty_place *a, const struct tty_place *b)
{
	return a->device == b->device && a->leader == b->leader
	    && a->leader_start == b->leader_start;
}

bool
returning_to_window(const struct saved_session *m, const struct saved_place *here)
{
	return here->tty.leader && m->how == SAVED_LEFT
	    && same_window(&m->place.tty, &here->tty);
}

bool
returning_may(enum options_return when, const struct saved_session *m,
    const struct saved_place *here)
{
	if (when != RETURN_AUTO)
		return when == RETURN_ALWAYS;
	if (!here->person || !m->place.person)
		return false;
	return m->how != SAVED_LEFT || same_window(&m->place.tty, &here->tty);
}
