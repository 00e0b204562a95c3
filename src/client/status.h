/*
 * What the status line says while the link does not answer: why, since when, what waits, what
 * is tried next, and which keys act, in which order.  Pure.
 *
 *     belay: HOST: REASON: KEYS, last word 12 s ago; 5 wait; NEXT; to leave ...
 *
 * Where the window is narrow, what matters least is left out first.
 */
#ifndef CLIENT_STATUS_H
#define CLIENT_STATUS_H

#include "reconnect/reconnect_policy.h"
#include "ssh/ssh_errors.h"

#include <stddef.h>

enum status_why {
	STATUS_SILENT, /* the host does not answer; also if nothing is known */
	STATUS_LOST, /* the connection has ended, and no attempt has failed yet */
	STATUS_NO_NETWORK, /* here */
	STATUS_NO_NAME, /* the host's is not known here */
	STATUS_NO_WAY, /* to its address */
	STATUS_REFUSES, /* it takes no connections */
	STATUS_CLOSES, /* ... and ends them before the login */
	STATUS_NO_SERVER, /* belay-server cannot be run, for now */
	STATUS_ELSEWHERE, /* another machine of this name answers */
	STATUS_KEY, /* it has another key than before */
	STATUS_LOGIN, /* it wants a person to log in */
	STATUS_KILLED, /* the session is gone, and a person says whether another begins */
	STATUS_RESTARTED, /* the same, with the host */
	STATUS_SHARED, /* another window logs in for all */
	STATUS_LOGGING_IN, /* with questions, for a person has asked for it */
	STATUS_WHYS
};

/* What is known of the reason. */
struct status_facts {
	enum policy_state state;
	enum ssh_errors error; /* of the last attempt; SSH_ERROR_NONE: none has failed */
	bool failed; /* an attempt has */
	bool no_server; /* ... for want of belay-server */
	bool elsewhere; /* another machine of this name answered last */
	bool rebooted; /* the host was started again */
	bool shared; /* it waits for another window's login */
	bool asks; /* the attempt that runs may, for a person has asked for it */
	bool network; /* this machine has one, or had none when the host was there */
};

enum status_why status_why(const struct status_facts *f);

struct status {
	const char *host;
	enum policy_state state;
	enum status_why why;
	unsigned tries; /* failed in a row */
	uint64_t heard_us; /* when the host was heard last */
	uint64_t next_us; /* the next attempt, when waiting for one; 0: none */
	uint64_t now_us;
	size_t waiting; /* typed characters that the host does not have */
	char escape; /* 0: none */
	bool line_start; /* an escape typed now is one */
	bool enter; /* Enter logs in, where a login is asked for */
	bool unnoticed; /* the line has just appeared: no key logs in yet */
	/* in POLICY_*_STRANGER: the key that was shown and where the host's stands; or NULL */
	const struct ssh_errors_key *key;
};

enum { STATUS_MAX = 256 };

/* One line of ASCII of at most `width` columns, from what matters most on. */
void status_text(const struct status *s, size_t width, char ret_text[STATUS_MAX]);
/* The reason in a few words. */
const char *status_reason(enum status_why why);
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
