#include "server/echo.h"

enum { LOOK_US = 50 * 1000 }; /* so long a program may take for an echo */

/* Behind a read: before a person types an answer, and for programs that start slowly. */
static const unsigned again_us[] = { 50 * 1000, 150 * 1000, 400 * 1000, 1000 * 1000 };
enum { AGAIN = sizeof again_us / sizeof again_us[0] };

static struct msg_echoed
state_of(const struct client *p, const struct tty_echo *tty)
{
	return (struct msg_echoed){ .input = p->main->in_got - p->main->in.len,
		.output = stream_written(p->main),
		.modes = (uint8_t)((tty->echo ? ECHOED_ECHO : 0)
		    | (tty->canonical ? ECHOED_CANONICAL : 0)
		    | (tty->signals ? ECHOED_SIGNALS : 0)),
		.erase = tty->erase,
		.group = tty->group };
}

/* Where there is no memory it is told the next time. */
static void
tell(struct client *p, const struct msg_echoed *m)
{
	if (engine_tell(&p->engine, MSG_ECHOED, m))
		p->echoed = *m;
}

static bool
is_changed(const struct msg_echoed *a, const struct msg_echoed *b)
{
	return a->modes != b->modes || a->erase != b->erase || a->group != b->group;
}

/* `all`: also to those for whom only more was given to the program. */
static void
look(struct clients *ps, int tty, bool all)
{
	struct tty_echo now;
	bool looked = false;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		if (!p->taken || !p->shows || p->framed)
			continue;
		if (!looked && !tty_get_echo(tty, &now))
			return;
		looked = true;
		struct msg_echoed m = state_of(p, &now);
		if (is_changed(&m, &p->echoed) || (all && m.input != p->echoed.input))
			tell(p, &m);
	}
}

static bool
any_shows(const struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].taken && ps->list[i].shows)
			return true;
	return false;
}

void
echo_read(struct echo *e, struct clients *ps, int tty, uint64_t now_us)
{
	look(ps, tty, true);
	e->read_us = any_shows(ps) ? now_us : 0;
	e->again = 0;
}

void
echo_wrote(struct echo *e, const struct clients *ps, uint64_t now_us)
{
	if (!e->look_us && any_shows(ps))
		e->look_us = now_us + LOOK_US;
}

uint64_t
echo_turn(struct echo *e, struct clients *ps, int tty, uint64_t now_us)
{
	bool wrote = e->look_us && now_us >= e->look_us;
	bool again = e->read_us && now_us >= e->read_us + again_us[e->again];
	if (wrote || again)
		look(ps, tty, wrote);
	if (wrote)
		e->look_us = 0;
	if (again && ++e->again == AGAIN)
		e->read_us = 0;
	uint64_t at = e->look_us;
	if (e->read_us)
		loop_sooner(&at, e->read_us + again_us[e->again]);
	return at;
}

void
echo_greet(struct client *p, int tty)
{
	struct tty_echo now;
	if (!p->predicts || !tty_get_echo(tty, &now))
		return;
	struct msg_echoed m = state_of(p, &now);
	tell(p, &m);
}

void
echo_shows(struct client *p, bool on, int tty)
{
	bool begins = on && !p->shows;
	p->shows = on && p->predicts;
	if (begins)
		echo_greet(p, tty);
}
