#include "server/rights.h"

#define NO RIGHT_ERROR
#define SKIP RIGHT_IGNORED
#define DENY RIGHT_REFUSED
#define YES RIGHT_ALLOWED

static const struct {
	uint8_t type, part;
	uint8_t by_role[ROLES]; /* enum right */
} rights[] = {
	/*                               guest reader sharer owner */
	{ MSG_HELLO, CLAIM_NONE, { YES, NO, NO, NO } },
	{ MSG_HELLO, CLAIM_MAKE, { NO, DENY, YES, YES } },
	{ MSG_HELLO, CLAIM_TAKE_OVER, { NO, SKIP, SKIP, YES } },
	{ MSG_HELLO, CLAIM_TYPE, { NO, SKIP, YES, YES } },
	{ MSG_HELLO, CLAIM_SIZE, { NO, SKIP, YES, YES } },
	{ MSG_HELLO, CLAIM_LINGER, { NO, SKIP, SKIP, YES } },
	{ MSG_HELLO, CLAIM_STAY, { NO, SKIP, YES, YES } },
	{ MSG_HELLO, CLAIM_EVERY_BYTE, { NO, SKIP, SKIP, YES } },
	{ MSG_HELLO, CLAIM_AGENT, { NO, SKIP, YES, YES } },
	{ MSG_HELLO, CLAIM_FORWARD, { NO, DENY, YES, YES } },
	{ MSG_DISPLAY, 0, { NO, SKIP, YES, YES } },
	{ MSG_HISTORY, 0, { NO, YES, YES, YES } },
	{ MSG_PREDICT, 0, { NO, SKIP, YES, YES } },
	{ MSG_SEEN, 0, { NO, YES, YES, YES } },
	{ MSG_REDRAW, 0, { NO, SKIP, YES, YES } },
	{ MSG_DGRAM, 0, { NO, YES, YES, YES } },
	{ MSG_KEEP, 0, { NO, SKIP, SKIP, YES } },
	{ MSG_AGAIN, 0, { NO, SKIP, YES, YES } },
	{ MSG_TERMINAL, 0, { NO, SKIP, YES, YES } },
	{ MSG_ORIGIN, 0, { YES, NO, NO, NO } }, /* a relay says it */
	{ MSG_ASK, 0, { YES, NO, NO, NO } },

	{ MSG_DATA, 0, { NO, YES, YES, YES } },
	{ MSG_END, 0, { NO, YES, YES, YES } },
	{ MSG_ACK, 0, { NO, YES, YES, YES } },
	{ MSG_PING, 0, { NO, YES, YES, YES } },
	{ MSG_PONG, 0, { NO, YES, YES, YES } },
	{ MSG_USE, 0, { NO, YES, YES, YES } },
	{ MSG_RANKS, 0, { NO, YES, YES, YES } },
	/* Whoever has no right to end the session leaves it. */
	{ MSG_BYE, BYE_DONE, { NO, YES, YES, YES } },
	{ MSG_BYE, BYE_HANGUP, { NO, SKIP, SKIP, YES } },
	{ MSG_BYE, BYE_DETACHED, { NO, YES, YES, YES } },

	{ MSG_WINDOW, 0, { NO, SKIP, YES, YES } },
	{ MSG_STOP, 0, { NO, SKIP, SKIP, YES } },
	{ MSG_LATE, 0, { NO, SKIP, SKIP, YES } },
	{ MSG_BREAK, 0, { NO, SKIP, YES, YES } },
	{ MSG_SHOWS, 0, { NO, SKIP, YES, YES } },
	{ MSG_OPEN, 0, { NO, DENY, YES, YES } },
	{ MSG_OPENED, 0, { NO, NO, YES, YES } },
	{ MSG_FAILED, 0, { NO, NO, YES, YES } },
	{ MSG_CLOSE, 0, { NO, SKIP, YES, YES } },
	{ MSG_LISTEN, 0, { NO, DENY, YES, YES } },
	{ MSG_UNLISTEN, 0, { NO, YES, YES, YES } },
};

enum role
rights_role(uint8_t flags, bool makes)
{
	if (flags & HELLO_READ_ONLY)
		return ROLE_READER;
	return makes || !(flags & HELLO_SHARE) ? ROLE_OWNER : ROLE_SHARER;
}

enum right
rights_of(enum role role, uint8_t type, unsigned part)
{
	for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
		if (rights[i].type == type && rights[i].part == part)
			return rights[i].by_role[role];
	return RIGHT_ERROR;
}

bool
rights_has(enum role role, enum claim claim)
{
	return rights_of(role, MSG_HELLO, claim) == RIGHT_ALLOWED;
}
