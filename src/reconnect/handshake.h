/*
 * HELLO and its answer, on a link of any kind.
 *
 *     handshake_begin: HELLO, data --->
 *                                      <--- WELCOME   positions go to the engine: the link
 *                                                     carries the session from here on
 *                                      <--- REFUSE    code, text
 */
#ifndef RECONNECT_HANDSHAKE_H
#define RECONNECT_HANDSHAKE_H

#include "link/datagram.h"
#include "stream/engine.h"
#include "stream/link.h"

enum { HANDSHAKE_TEXT_MAX = 256 };

enum handshake_event {
	HANDSHAKE_MORE, /* no answer yet */
	HANDSHAKE_WELCOME,
	HANDSHAKE_REFUSED, /* `code`, `text` */
	HANDSHAKE_WRONG, /* the host sent what it must not; `text` */
};

/* What a session began from that had been there before it, in REMAINS. */
struct handshake_remains {
	bool any;
	bool rebooted; /* the host has been started since */
	int64_t booted_s; /* when; by the host's clock */
	bool there; /* the session is in its directory */
	char directory[HANDSHAKE_TEXT_MAX], running[HANDSHAKE_TEXT_MAX]; /* printable */
};

enum { HANDSHAKE_ADDRESS_MAX = 64 };

/* DGRAM_AT, from WELCOME. */
struct handshake_datagrams {
	uint32_t id; /* 0: there is none */
	uint16_t port;
	struct datagram_keys keys;
	char address
	    [HANDSHAKE_ADDRESS_MAX]; /* of the host, as its sshd sees it; "": none */
};

/* What the host has answered; zeroed before. */
struct handshake {
	uint8_t boot_id[ID_LEN]; /* from WELCOME or REFUSE; zeros: not known */
	uint8_t machine[ID_LEN]; /* the same: which machine answers */
	uint8_t session[ID_LEN]; /* from WELCOME, as what follows */
	int64_t begun_ms; /* of the session, since 1970 by the host's clock */
	char name[NAME_MAX_LEN + 1]; /* of the session; "": it has none, or a bad one */
	bool same_build; /* as ours, the server's is */
	struct handshake_remains remains;
	struct handshake_datagrams datagrams;
	enum refuse_code code; /* from REFUSE */
	bool stays; /* the host awaits another HELLO on this link */
	char text[HANDSHAKE_TEXT_MAX];
};

/* Queues HELLO, a whole frame (empty: it has gone another way), and the frames behind it.
 * ERR_FULL, ERR_NOMEM. */
int handshake_begin(struct link *l, struct span hello, struct span prelude);
/* Takes the answer off what the link has received; no frame behind it. */
enum handshake_event
handshake_take(struct handshake *h, struct link *l, struct engine *e);

#endif
