/*
 * How a session of this window comes to a login that it shares with the other windows of the
 * destination (ssh/shared_login.h): it makes it for all, rides on it, or waits for who makes it.
 *
 *     sharing_ask --ALONE, LEAD, RIDE--> an attempt
 *          |  ^---WAIT: asked again, when it is time (sharing_deadline)
 *          +----REFUSED: as a login that was refused
 *
 * All of it is told by reconnect: what the attempts and the link use (sharing_turn), that one
 * that leads is ready (sharing_ready), that one that rides has failed (sharing_failed).
 */
#ifndef RECONNECT_SHARING_H
#define RECONNECT_SHARING_H

#include "ssh/shared_login.h"

enum { SHARING_USED = 5 }; /* the link, three attempts, and one more */

struct sharing {
	bool on; /* to be set before the first login: it may be shared */
	bool command; /* ... by a command */
	const char *ssh;
	struct shared_login login;
	enum login_verdict verdict; /* the last one */
	char master[LOGIN_NAME_MAX]; /* ... and for LEAD and RIDE, of which */
	/* waits for another window; with this wish */
	bool waits;
	enum login_wish wish;
	bool leads;
	unsigned limit; /* links that a master of this host takes; 0: not known yet */
	char failed[4][LOGIN_NAME_MAX]; /* those that it rides on no more */
	unsigned failures; /* in a row */
	char used[SHARING_USED][LOGIN_NAME_MAX]; /* as the board has it */
	size_t n_used;
	uint64_t look_us; /* when to look at the board again; 0: it need not */
	uint64_t seen_us; /* when it has looked last */
	uint64_t beat, stood_us; /* the leader's, and for how long it has been the same */
};

/* What reconnect has at the moment. */
struct sharing_now {
	char used[SHARING_USED]
		 [LOGIN_NAME_MAX]; /* masters of the link and the attempts */
	size_t n_used;
	size_t n_avoided; /* the first of them: what is new does not ride on these */
	bool leads; /* an attempt runs, or is about to, that is for all */
	bool asks; /* ... and a person is asked */
	bool wants; /* nothing runs, and a login of another would do */
};

/* What reconnect is to do. */
enum sharing_news {
	SHARING_NOTHING,
	SHARING_GO_ON, /* ask again: the wait may be over */
	SHARING_THERE, /* there is a login to ride on */
	SHARING_MOVED, /* the question is another window's now */
};

/* The verdict for a new attempt; waits, if that is it. */
enum login_verdict sharing_ask(struct sharing *s, const struct ssh_config *c,
    enum login_wish wish, const struct sharing_now *now, uint64_t now_us);
enum sharing_news
sharing_turn(struct sharing *s, const struct sharing_now *now, uint64_t now_us);
uint64_t sharing_deadline(const struct sharing *s);
/* The next attempt shares nothing. */
enum login_verdict sharing_alone(struct sharing *s);
/* It waits no more. */
void sharing_stop(struct sharing *s);
/* An attempt that led has got there. */
void sharing_ready(struct sharing *s, const char *master, bool asked);
/* An attempt that led has failed; refused: its login was, and it asked nobody. */
void sharing_denied(struct sharing *s);
/* An attempt that rode has not got there; full: the host takes no more sessions on that
 * connection. */
void sharing_failed(struct sharing *s, const struct ssh_config *c, const char *master,
    bool full);
/* The link by this master answers again. */
void sharing_heard(struct sharing *s, const char *master);
void sharing_path(const struct sharing *s, const char *master,
    char ret_path[SHARED_LOGIN_PATH_MAX]);
/* doubted: the master of the link, if it does not answer; or NULL. */
void sharing_finish(struct sharing *s, const char *doubted);

#endif
