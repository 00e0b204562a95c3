/*
 * Connects to a host by itself: looks its name up, tries its addresses side by side, and
 * keeps the first connection that stands.
 *
 *     connector_start --> [2 lookups] --> address_race.c --> [sockets] --> done(fd)
 *            '-----address---------------^                '---> done(-1), `words`
 */
#ifndef SSH_CONNECTOR_H
#define SSH_CONNECTOR_H

#include "ssh/address_race.h"
#include "ssh/ssh_config.h"
#include "sys/loop.h"
#include "sys/tcp.h"

#include <netdb.h>

/* Of a name that leads to several machines: which to try before and behind the others, as
 * numbers; "": none. */
struct connector_order {
	char first[TCP_ADDRESS_MAX];
	char last[4][TCP_ADDRESS_MAX];
};

enum { DIALER_LOOKUPS = 2, DIALER_WORDS_MAX = NI_MAXHOST + 256 };

struct connector {
	struct loop *loop; /* NULL: not started, or done */
	struct address_race dial;
	char host[NI_MAXHOST];
	unsigned port, timeout_s; /* timeout_s: 0: the system's */
	bool keepalive;
	struct connector_order order;
	struct lookup {
		struct watch watch; /* fd -1: has answered, or was not needed */
		pid_t pid;
	} lookups[DIALER_LOOKUPS]; /* of everything; of IPv4 */
	/* Of each address in `dial` the first one, and behind those the one that was
	 * made later beside it; fd -1: none. */
	struct watch tries[2 * ADDRESS_RACE_ADDRESSES];
	uint64_t deadline_us; /* of all; 0: none */
	char words[DIALER_WORDS_MAX]; /* what ssh would say */
	/* Called once, not from within connector_start.  fd: connected and blocking, for the
	 * caller to close; or -1. */
	void (*done)(void *owner, int fd);
	void *owner;
};

/* Starts to connect as the configuration has it.  0, or -1 with errno. */
int connector_start(struct connector *d, struct loop *loop, const struct ssh_config *c,
    unsigned timeout_s, void (*done)(void *owner, int fd), void *owner);
/* Puts addresses in that order, and leaves them as they are otherwise. */
void connector_order(const struct connector_order *order,
    struct sockaddr_storage *addresses, size_t n);
/* Before a name is answered. */
void connector_prefer(struct connector *d, const struct connector_order *order);
/* Tries what is due; returns when to call it again (0: after events only). */
uint64_t connector_tick(struct connector *d, uint64_t now_us);
/* Something may be better now, or a person waits: it tries once more soon. */
void connector_hurry(struct connector *d);
/* An address is known, and asked for a connection again and again. */
bool connector_asks_again(const struct connector *d);
/* Whether this machine has none of the addresses any more from which it connects. */
bool connector_is_cut_off(const struct connector *d);
/* The first address that was found of the other family than this one, as text; "": none was.
 * Also of one that is done. */
void connector_other_family(const struct connector *d, const char *address,
    char ret[TCP_ADDRESS_MAX]);
/* Takes one that is done, or zeroed.  Nothing is called any more. */
void connector_cancel(struct connector *d);

#endif
