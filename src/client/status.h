/* What the status line says while the link does not answer: what has happened, since when,
 * what is tried next, which keys act.  Pure. */
#ifndef CLIENT_STATUS_H
#define CLIENT_STATUS_H

#include "client/reconnect_policy.h"

#include <stddef.h>

struct status {
	const char *host;
	enum policy_state state;
	unsigned tries; /* failed in a row */
	uint64_t since_us; /* when the trouble began */
	uint64_t next_us; /* the next attempt, when waiting for one; 0: none */
	uint64_t now_us;
	char escape; /* 0: none */
	bool enter; /* Enter logs in, where a login is asked for */
};

enum { STATUS_MAX = 256 };

/* One line of ASCII, from what matters most on. */
void status_text(const struct status *s, char ret_text[STATUS_MAX]);
/* Why keys are thrown away up to Enter. */
enum status_dropping {
	STATUS_GONE, /* the question that they were for is gone */
	STATUS_UP, /* the same, and the link is there */
	STATUS_NEW, /* they began before the question that is open now */
};
void
status_dropping(const char *host, enum status_dropping why, char ret_text[STATUS_MAX]);
/* When the text, which is of now, is to be written anew: the longer it lasts the less often,
 * since terminals scroll down on output, and a person may be reading what is above. */
uint64_t status_changes_us(const struct status *s);

#endif
