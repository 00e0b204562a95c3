/*
 * What a client may do with a session, in one table: by its role, the message, and a part of
 * it.  What is not in the table is an error.  Pure.
 *
 *     guest    a connection that has not said hello, or was sent away
 *     reader   looks on (HELLO_READ_ONLY): leaves no trace, whatever it sends
 *     sharer   is there beside others (HELLO_SHARE): types and forwards
 *     owner    has made the session, or taken it over
 */
#ifndef SERVER_RIGHTS_H
#define SERVER_RIGHTS_H

#include "wire/msg.h"

enum role { ROLE_GUEST, ROLE_READER, ROLE_SHARER, ROLE_OWNER, ROLES };

enum right {
	RIGHT_ERROR, /* the peer's error: its link is closed, or it is sent away */
	RIGHT_IGNORED,
	RIGHT_REFUSED, /* the answer is no */
	RIGHT_ALLOWED,
};

/* The parts of HELLO, and what being there means. */
enum claim {
	CLAIM_NONE,
	CLAIM_MAKE, /* makes the session that is not there */
	CLAIM_TAKE_OVER, /* sends the others away */
	CLAIM_TYPE, /* what it sends on the main stream is for the program */
	CLAIM_SIZE, /* its window counts */
	CLAIM_LINGER, /* says how long the session waits */
	CLAIM_STAY, /* while it is there, and a while after, the session is in use */
	CLAIM_EVERY_BYTE, /* the program waits for it (HELLO_EXACT) */
	CLAIM_AGENT, /* programs use its agent (HELLO_AGENT) */
	CLAIM_FORWARD, /* has the host connect and listen */
};

/* Of a client that comes with these flags to a session that is there, or makes it. */
enum role rights_role(uint8_t flags, bool makes);
/* `part`: of HELLO a claim, of BYE its code, else 0. */
enum right rights_of(enum role role, uint8_t type, unsigned part);
/* Whether it has a claim of HELLO. */
bool rights_has(enum role role, enum claim claim);

#endif
