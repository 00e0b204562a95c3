/*
 * What happens around a connection: the network changes, the machine wakes from sleep.
 *
 *     os_net_open()  ---> [quiet for a moment] ---> NETWATCH_MOVED
 *     os_wake_open() ---> [has the boot clock run ahead?] ---> NETWATCH_WOKE
 *
 * Used with a loop: netwatch_open, then at each turn netwatch_turn for what has happened,
 * and netwatch_deadline among the deadlines of the turn.
 *
 * Promised, where the system has what os.h asks for (Linux does): a change of addresses,
 * routes, or of a link that has an address is told within NETWATCH_SETTLE_MAX_US, and a
 * burst of them once.  A sleep of more than a second is told at the first turn after it,
 * and that turn comes at once, however far away every deadline is: poll() alone would count
 * the rest of its time only from the waking on.  A new wall clock time costs a turn and is
 * not told.
 *
 * Not promised: what lies behind the first hop; a sleep in which the monotonic clock went
 * on, as it may for a paused virtual machine (deadlines are simply over then), or of which
 * the kernel does not know how long it was.  An event may be told although nothing that
 * matters to this connection has changed: it is a reason to look, not a finding.
 */
#ifndef SYS_NETWATCH_H
#define SYS_NETWATCH_H

#include "sys/loop.h"

struct sockaddr;

enum {
	NETWATCH_SETTLE_US = 20 * 1000, /* quiet for so long: the burst is over */
	NETWATCH_SETTLE_MAX_US = 500 * 1000,
};

/* What has happened; bits. */
enum {
	NETWATCH_MOVED = 1,
	NETWATCH_WOKE = 2,
	/* with MOVED: an address is gone, or what goes out comes from another one than before */
	NETWATCH_LEFT = 4,
};

enum { NETWATCH_ADDRESSES = 64 }; /* of more, not all are known when they go */

struct netwatch {
	struct loop *loop;
	struct watch net, wake; /* fd -1: the system has no such thing */
	uint64_t links; /* fingerprint of the addresses whose link is up */
	uint64_t here[NETWATCH_ADDRESSES]; /* a hash of each address */
	size_t n_here;
	uint64_t ways[2]; /* and of those that what goes out comes from; 0: there is none */
	uint64_t slept_us; /* the boot clock is so far ahead of the monotonic one */
	uint64_t first_us, last_us; /* news that have not been told; 0: none */
};

/* Never fails: what the system does not have is not told. */
void netwatch_open(struct netwatch *n, struct loop *loop);
/* Takes one that is closed already, or zeroed. */
void netwatch_close(struct netwatch *n);
/* What has happened since the last call. */
unsigned netwatch_turn(struct netwatch *n, uint64_t now_us);
/* When to call netwatch_turn next; 0: only after events. */
uint64_t netwatch_deadline(const struct netwatch *n);

/* Whether this machine has an address, beside those for itself, on a link that is up.  True
 * also of one that is not open. */
bool netwatch_has_network(const struct netwatch *n);

/* Whether this machine (still) has the local address of a socket, of any port.  True also
 * for addresses of an interface that is down, and when it cannot be found out. */
bool netwatch_address_is_here(const struct sockaddr *address);
/* Whether this machine has a way out: a route to addresses beyond its own networks. */
bool netwatch_is_online(void);

#endif
