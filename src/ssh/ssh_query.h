/*
 * Asks `ssh -G` what the user's configuration wants (ssh_config(5)), some milliseconds,
 * before ssh connects: what is to be run goes with the command line, which saves a round
 * trip.
 *
 *     ssh_query_start ---> asks ---whole---> ssh_query_take moves it to the caller's
 *                       |-----failed---> the caller keeps what it has
 *
 * An answer is whole when ssh has ended well and said all of it; only then it replaces
 * another one, by ssh_query_take, which nothing else does.  Keywords that ssh_config.c does not know
 * are compared with what this ssh has by itself (`ssh -G -F none`), asked only then.
 */
#ifndef SSH_SSH_QUERY_H
#define SSH_SSH_QUERY_H

#include "ssh/ssh_config.h"
#include "sys/loop.h"

#include <sys/types.h>

enum ssh_query_state { ASKER_NONE, ASKER_ASKS, ASKER_WHOLE, ASKER_FAILED };

struct ssh_query {
	struct loop *loop;
	const struct options *options;
	const char *ssh;
	enum ssh_query_state state;
	struct ssh_config config; /* its own, until it is whole and taken */
	struct buf answer; /* what ssh says: first of the host, then by itself */
	bool again; /* the caller has an answer already */
	/* ssh is asked with the command, without which some lines are wrong (-f, -s) and with
	 * which others are (RemoteCommand) */
	bool with_command;
	bool itself; /* ssh is asked for what it has by itself */
	struct watch watch; /* what ssh says; no function: its end has been read */
	pid_t pid; /* 0: ended, or never started */
	int err;
	uint64_t until_us; /* 0: as long as it takes */
	void (*known)(void *owner); /* called once */
	void *owner;
};

/* Calls `known`, perhaps before it returns.  `again`: the caller can do without, and does
 * not wait longer than a few seconds. */
void ssh_query_start(struct ssh_query *a, struct loop *loop, const struct options *o,
    const char *ssh, bool again, void (*known)(void *owner), void *owner);
/* Moves a whole answer to *config, which ssh_config_finish frees; false: there is none, and
 * *config stays as it is. */
bool ssh_query_take(struct ssh_query *a, struct ssh_config *config);
/* Whether it asks now. */
bool ssh_query_asks(const struct ssh_query *a);
/* A child has ended: perhaps it was ours. */
void ssh_query_reap(struct ssh_query *a);
/* Waits no longer, when it is time (until_us). */
void ssh_query_turn(struct ssh_query *a, uint64_t now_us);
/* Ends it, also in the middle.  Takes a zeroed one. */
void ssh_query_finish(struct ssh_query *a);

#endif
