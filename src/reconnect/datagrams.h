/*
 * The datagram links of a session from the client's side: sockets, addresses, and the policy
 * of datagram_policy.h.
 *
 *     WELCOME, with DGRAM_AT ---> probed ---> carries what is urgent, beside ssh; all without
 *
 * There is one link, and for a moment a second one: fresh keys come with each WELCOME and are
 * tried beside the old ones, which are wiped when the new ones are answered.
 */
#ifndef RECONNECT_DATAGRAMS_H
#define RECONNECT_DATAGRAMS_H

#include "reconnect/datagram_policy.h"
#include "reconnect/handshake.h"
#include "link/datagram.h"
#include "sys/loop.h"
#include "sys/udp.h"

enum { DATAGRAMS_WAYS = 4, DATAGRAMS_ADDRESSES = 4 };

struct datagram_way {
	struct watch watch; /* fd -1: none */
	struct datagram_end *end;
};

/* One link, with its sockets. */
struct datagram_end {
	struct datagrams *all;
	struct datagram_policy policy;
	struct datagram io;
	bool joined; /* the engine has it */
	bool bulk; /* it carries everything, as the host was told last */
	struct datagram_way ways[DATAGRAMS_WAYS];
	size_t way; /* the one that is used */
	bool all_ways; /* nobody knows yet which */
	struct sockaddr_storage addresses[DATAGRAMS_ADDRESSES];
	size_t n_addresses, address; /* the one that is used */
	uint64_t answered_us; /* what was known of io.answered_us */
};

enum datagrams_mode { DATAGRAMS_AUTO, DATAGRAMS_NEVER, DATAGRAMS_ONLY };

struct datagrams {
	struct loop *loop;
	struct engine *engine;
	enum datagrams_mode mode;
	struct datagram_end ends[2];
	struct datagram_end *used; /* NULL: no link was offered */
	struct datagram_end *next; /* NULL: no other is tried beside it */
	bool ssh_answers; /* as reconnect has told */
	uint64_t written, typed_us; /* what was typed, and when */
	uint64_t bye_us; /* when BYE was sent; 0 */
	uint64_t bye_number; /* of the first datagram that has it */
	uint16_t bye; /* the code of the host's BYE; 0: none has come */
};

void datagrams_init(struct datagrams *ds, struct loop *loop, struct engine *engine);
/* Wipes the keys. */
void datagrams_finish(struct datagrams *ds);
/* Where a host may be, in numbers. */
struct datagrams_place {
	const char *peer; /* where our connection to it leads; "": not known */
	const char *other; /* an address of it of the other family; "": not known */
	bool direct; /* no proxy is between */
};

/* The host offers a link. */
void datagrams_offer(struct datagrams *ds, const struct handshake_datagrams *offer,
    const struct datagrams_place *place);
/* Whether ssh answers: without it everything goes by datagrams. */
void datagrams_ssh(struct datagrams *ds, bool answers);
void datagrams_moved(struct datagrams *ds);
/* What the host has not acknowledged goes by ssh now, too: what is said there next is behind it. */
void datagrams_yield(struct datagrams *ds);
/* Whether they carry what is urgent, and the host answers. */
bool datagrams_up(const struct datagrams *ds);
/* What is in use; NULL: none is. */
const struct datagram_end *datagrams_used(const struct datagrams *ds);
/* Sends; takes what time has brought. */
void datagrams_turn(struct datagrams *ds);
/* When to call that again; 0: on events only. */
uint64_t datagrams_deadline(const struct datagrams *ds);
/* Says BYE; false: there is no link for it. */
bool datagrams_bye(struct datagrams *ds, enum bye_code code);
/* It has arrived, or nobody answers any more. */
bool datagrams_flushed(const struct datagrams *ds);

#endif
