/*
 * The connections of the relays to a session, and the links over what they bring.
 *
 *     listener ---> relay's connection ---> HELLO and two descriptors ---> link
 *                                      \--> ASK ---> answer, closed
 *
 * Frames of the running session go to the engine of the link's client at once; what the
 * session has to decide is pulled: links_next.
 *
 * Full: more relays than LINKS_MAX are closed, a HELLO that finds no memory or no room in
 * the loop too: the client tries again.
 */
#ifndef SERVER_LINKS_H
#define SERVER_LINKS_H

#include "link/pipe.h"
#include "server/agent.h"
#include "server/clients.h"

enum { LINKS_MAX = 2 * CLIENTS_MAX /* links, and relays that have not said hello yet */ };

enum links_event {
	LINKS_NOTHING,
	LINKS_HELLO, /* `hello`: the session admits it, refuses it or closes it */
	LINKS_ASKED, /* `ask`: the answer goes to conn->relay.fd; the session closes it */
	LINKS_BYE, /* `code`: of the link's client; the session closes it */
	LINKS_KILLED, /* the link's client was killed, so that it is as if it had hung up */
};

/* A relay, and the link over the descriptors that it brought. */
struct conn {
	bool taken, linked;
	struct links *links;
	struct pipe io;
	struct watch relay;
	struct buf hello; /* what came over the relay's connection */
	int fds[2]; /* the relay's stdin and stdout */
	size_t n_fds;
	struct client *client; /* the client of the link */
	char agent[AGENT_PATH_MAX]; /* where its ssh has forwarded one; "": none */
	bool closing; /* close when what waits is written */
	bool closes_last; /* HELLO_CLOSES_LAST */
	uint64_t input_over_us; /* since when its input has ended; 0: it has not */
	enum links_event event; /* not pulled yet */
	uint16_t code; /* of its BYE */
};

struct links {
	struct loop *loop;
	struct agent *agent; /* of the session */
	struct conn list[LINKS_MAX];
	bool
	    outlive_input; /* a link whose input has ended is not over: a program on pipes */
};

struct links_told {
	enum links_event event;
	struct conn *conn;
	/* Valid until the connection is closed, or links_greeted. */
	struct msg_hello hello;
	struct msg_ask ask;
	uint16_t code;
};

void links_init(struct links *ls, struct loop *loop, struct agent *agent);
/* Closes all of them. */
void links_finish(struct links *ls);
/* A relay has connected; the descriptor is the links'. */
void links_take(struct links *ls, int relay);
/* The next thing that the session has to decide; false: there is none. */
bool links_next(struct links *ls, struct links_told *ret_told);
/* Writes, closes what is over.  Returns when to call it again; 0: on events only. */
uint64_t links_turn(struct links *ls);

/* Joins the link of this connection to a client, who is told in WELCOME that it is there.
 * An error, and nothing is changed. */
int links_join(struct conn *g, struct client *p, struct span positions,
    const struct msg_welcome *welcome);
/* The hello is answered: what it was is forgotten. */
void links_greeted(struct conn *g);
/* The answer to a hello that leads nowhere; the link is closed behind it. */
void links_refuse(struct conn *g, enum refuse_code code, const char *text);
void links_close(struct conn *g);
/* The client is sent away: its links are closed when they have told it why. */
void links_dismiss(struct links *ls, struct client *p, enum bye_code code);

/* Whether there is any connection, also one that only asks. */
bool links_any(const struct links *ls);
/* Whether a client that has this claim has a link. */
bool links_of(const struct links *ls, enum claim claim);
/* The link in use that has an agent, the typist's if it has one; NULL: none. */
struct conn *links_with_agent(struct links *ls, const struct client *typist);

#endif
