/*
 * One way to the session, tried: an ssh child up to `ready` (ssh/carrier.h), a link over its
 * pipes, and the handshake on that.
 *
 *   BOOT ----ready----> HELLO ----WELCOME----> LINK, also where ssh has ended since
 *     |                   |                     |
 *     +-------------------+---------------------+-----> OVER   (why: see below)
 */
#ifndef RECONNECT_ATTEMPT_H
#define RECONNECT_ATTEMPT_H

#include "reconnect/askpass.h"
#include "reconnect/handshake.h"
#include "link/pipe.h"
#include "ssh/carrier.h"
#include "ssh/login_board.h"
#include "ssh/shared_login.h"

enum attempt_phase { ATTEMPT_BOOT, ATTEMPT_HELLO, ATTEMPT_LINK, ATTEMPT_OVER };

/* Why an attempt is over. */
enum attempt_why {
	WHY_CARRIER, /* its ssh is, or was closed: carrier.why says why */
	WHY_REFUSED, /* the server refused: `handshake` says why */
	WHY_PROTOCOL, /* the host sent what it must not: handshake.text */
};

struct attempt {
	struct loop *loop;
	struct carrier carrier;
	struct pipe io; /* over the pipes of ssh, from HELLO on */
	struct handshake handshake; /* what the host has answered */
	struct askpass askpass; /* what ssh asks the person */
	unsigned asked; /* questions so far */
	char master[LOGIN_NAME_MAX]; /* of the shared login; empty: its own alone */
	bool leads; /* makes that; else it rides on it */
	/* where its ssh listens as a master; empty: it does not */
	char control[SHARED_LOGIN_PATH_MAX];
	enum attempt_phase phase;
	enum attempt_why why;
	bool clean; /* its ssh has ended, and well */
};

struct attempt_plan {
	struct carrier_plan carrier; /* without `hello` and `first_bytes` */
	bool secret; /* the hello is not for the eyes of others: it goes by stdin */
	struct span hello; /* the first frame */
	struct span prelude; /* data that follows it at once */
};

/* Starts ssh.  0, or ERR_SYSTEM with errno; then nothing is left behind. */
int attempt_start(struct attempt *a, struct loop *loop, const struct attempt_plan *plan);
/* Moves it on, up to the end of the handshake (phase LINK): frames are the owner's.  What
 * WELCOME says of the streams goes to the engine. */
void attempt_turn(struct attempt *a, struct engine *e);
/* The server has refused, and awaits another HELLO: that is sent on the same link. */
int attempt_again(struct attempt *a, struct span hello);
/* Whether its ssh has just ended; what ssh had passed on is taken then, and the attempt is over,
 * unless it has become the link: that breaks by itself, behind what is left to be read. */
bool attempt_reap(struct attempt *a, struct engine *e);
/* Ends ssh: closes its descriptors, TERM, and KILL (attempt_tick) if that is not enough. */
void attempt_close(struct attempt *a);
/* What is to be said of why it is over. */
const char *attempt_text(const struct attempt *a);
/* What it asks the person now, or (`unattended`) only tells; NULL: nothing. */
struct prompt *attempt_prompt(struct attempt *a);
/* The number of the question that waits for an answer; 0: none does. */
unsigned attempt_question(const struct attempt *a);
/* Takes keys for it off the head of *keys.  A cancelled attempt is over as a refused login
 * is. */
enum prompt_event attempt_keys(struct attempt *a, struct span *keys);
void attempt_cancel(struct attempt *a);

#endif
