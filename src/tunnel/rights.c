#include "tunnel/rights.h"

#include <stddef.h>

enum { CLIENT = 1, SERVER = 2 };

static const struct right {
	enum open_kind kind;
	unsigned from; /* the ends that may send it; 0: it is never on the wire */
	enum open_kind to[3]; /* what it may lead to */
} rights[] = {
	{ OPEN_TCP, CLIENT, { OPEN_TCP } },
	{ OPEN_UNIX, CLIENT, { OPEN_UNIX } },
	{ OPEN_FORWARD, SERVER, { OPEN_TCP, OPEN_UNIX, OPEN_SOCKS } },
	{ OPEN_AGENT, SERVER, { OPEN_UNIX } },
	{ OPEN_DISPLAY, SERVER, { OPEN_X11 } },
	{ OPEN_SOCKS, 0, { OPEN_TCP } },
	{ OPEN_X11, 0, { OPEN_TCP, OPEN_UNIX } },
};

static const struct right *
find(enum open_kind kind)
{
	for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
		if (rights[i].kind == kind)
			return &rights[i];
	return NULL;
}

bool
rights_open(bool client, enum open_kind kind)
{
	const struct right *r = find(kind);
	return r && r->from & (client ? CLIENT : SERVER);
}

bool
rights_lead(enum open_kind kind, enum open_kind to)
{
	const struct right *r = find(kind);
	bool may = false;
	for (size_t i = 0; r && i < sizeof r->to / sizeof *r->to; i++)
		may |= r->to[i] == to;
	return may && to != OPEN_NOTHING;
}
