/*
 * Connects to a host by itself: looks its name up, tries its addresses side by side, and
 * keeps the first connection that stands.
 *
 *     dialer_start --> [2 lookups] --> dial.c --> [sockets] --> done(fd)
 *            '-----address---------------^                '---> done(-1), `words`
 */
#ifndef CLIENT_DIALER_H
#define CLIENT_DIALER_H

#include "client/config.h"
#include "client/dial.h"
#include "sys/loop.h"

#include <netdb.h>

enum { DIALER_LOOKUPS = 2, DIALER_WORDS_MAX = NI_MAXHOST + 256 };

struct dialer {
	struct loop *loop; /* NULL: not started, or done */
	struct dial dial;
	char host[NI_MAXHOST];
	unsigned port, timeout_s; /* timeout_s: 0: the system's */
	bool keepalive;
	struct lookup {
		struct watch watch; /* fd -1: has answered, or was not needed */
		pid_t pid;
	} lookups[DIALER_LOOKUPS]; /* of everything; of IPv4 */
	/* Of each address in `dial` the first one, and behind those the one that was
	 * made later beside it; fd -1: none. */
	struct watch tries[2 * DIAL_ADDRESSES];
	uint64_t deadline_us; /* of all; 0: none */
	char words[DIALER_WORDS_MAX]; /* what ssh would say */
	/* Called once, not from within dialer_start.  fd: connected and blocking, for the
	 * caller to close; or -1. */
	void (*done)(void *owner, int fd);
	void *owner;
};

/* Starts to connect as the configuration has it.  0, or -1 with errno. */
int dialer_start(struct dialer *d, struct loop *loop, const struct config *c,
    unsigned timeout_s, void (*done)(void *owner, int fd), void *owner);
/* Tries what is due; returns when to call it again (0: after events only). */
uint64_t dialer_tick(struct dialer *d, uint64_t now_us);
/* Something may be better now, or a person waits: it tries once more soon. */
void dialer_hurry(struct dialer *d);
/* Whether this machine has none of the addresses any more from which it connects. */
bool dialer_is_cut_off(const struct dialer *d);
/* Takes one that is done, or zeroed.  Nothing is called any more. */
void dialer_cancel(struct dialer *d);

#endif
