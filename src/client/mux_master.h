/*
 * belay in the place of ssh's master (ControlMaster, ControlPath): `ssh -O` finds it, and so
 * do sessions by its connection.
 *
 *     ssh -O exit, stop, check, forward, cancel ---> belay: they mean the session and its
 *                                                    forwards, which outlive a connection
 *     ssh, a session; -W; -O proxy ---------------> the ssh of the link, a master of ours
 *
 * A session by it ends with the link, as with ssh; while there is none it is refused, and ssh
 * connects itself.  The socket is there as long as the session, but for `-O stop`.
 */
#ifndef CLIENT_MUX_MASTER_H
#define CLIENT_MUX_MASTER_H

#include "client/forward_table.h"
#include "ssh/mux_server.h"
#include "ssh/ssh_config.h"

struct mux_master {
	struct mux_server server; /* without a loop: it is no master */
	struct forward_table *forwards;
	bool goes; /* there is nothing but the connection (-N) */
	uint64_t persist_us; /* it ends when nobody has used it for so long; 0: not so */
	uint64_t idle_us; /* since when; 0: somebody does */
	bool ends; /* the session is to end */
};

/* Whether the configuration wants one, and belay is to be it.  With ControlPersist beside a
 * program it is ssh's, since that goes on when belay has ended. */
bool mux_master_wanted(const struct ssh_config *c);
/* Whether it is all that is wanted: with ControlPersist and -N or -f, ssh goes to the background
 * as a master, and runs no program (ssh.c). */
bool mux_master_is_all(const struct ssh_config *c);
/* Listens at ControlPath; the person is told if it cannot. */
void mux_master_open(struct mux_master *m, struct loop *loop, const struct ssh_config *c,
    struct forward_table *forwards);
/* `link`: the socket of the link's ssh; NULL: there is none now.  Returns when to call it again;
 * 0: on events only. */
uint64_t mux_master_turn(struct mux_master *m, const char *link, uint64_t now_us);
/* Sessions go by it: ssh awaits their end before its own. */
bool mux_master_serves(const struct mux_master *m);
/* Takes a zeroed one. */
void mux_master_close(struct mux_master *m);

#endif
