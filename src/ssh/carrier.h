/*
 * One ssh child from its start to its end: the connection, where it is ours, the boot on the
 * host up to belay-server's `ready`, what ssh says and asks, and why it has ended.  What its
 * pipes carry behind `ready` is the caller's.
 *
 *   BOOT --------ready--------> READY ---carrier_serves---> SERVES
 *     |  need: script, program    |                           |
 *     +---------------------------+---------------------------+-----> OVER   (why)
 *
 * Events are pulled: after each turn of the loop, carrier_reap and carrier_tick,
 *
 *     while (carrier_next(&carrier, &event))
 */
#ifndef SSH_CARRIER_H
#define SSH_CARRIER_H

#include "ssh/bootstrap.h"
#include "ssh/connector.h"
#include "ssh/handover.h"
#include "ssh/options.h"
#include "ssh/programs.h"
#include "ssh/quickack.h"
#include "ssh/ssh_config.h"
#include "ssh/ssh_errors.h"
#include "sys/os.h"

#include <sys/types.h>

enum carrier_phase {
	CARRIER_NONE, /* zeroed */
	CARRIER_BOOT,
	CARRIER_READY, /* nothing has shown yet that a server of ours answers */
	CARRIER_SERVES,
	CARRIER_OVER
};

enum carrier_why {
	CARRIER_ENDED, /* ssh ended: the connection failed or broke */
	/* ssh ended: there is no way to the host now, or its name is not known without one */
	CARRIER_NO_WAY,
	CARRIER_LOGIN, /* ssh ended: the login was refused */
	CARRIER_HOST_KEY, /* ssh ended: the host is not the one that it should be */
	CARRIER_NO_SERVER, /* belay-server cannot run there; `text` says why */
	CARRIER_DAMAGED, /* the one that lies there was run, and does not begin; `text` */
	CARRIER_NO_PLACE, /* the host could run it, but no directory takes it; `text` */
	CARRIER_LACKS, /* this machine has no memory for it at the moment; `text` */
	CARRIER_SILENT, /* another program runs there, and does not answer; `text` */
	CARRIER_NOISE, /* the same, and its output has no end; `text` */
	/* another program than ours has run there, or runs, and got nothing of ours: its output
	 * and its end are the ones that were asked for (carrier_give_away) */
	CARRIER_FOREIGN,
	CARRIER_CUT, /* ssh lives and cannot be written to or read from; `text` */
	CARRIER_CLOSED, /* the caller closed it */
};

enum carrier_told {
	CARRIER_TELLS_ASKS, /* ssh asks something: `fds[0]`, a socket (ssh_helper.h) */
	/* The boot is done: `fds`, ssh's stdout and stdin; carrier.in is what has been read
	 * behind `ready`, carrier.out what is to be written yet. */
	CARRIER_TELLS_READY,
	CARRIER_TELLS_OVER, /* `why`, `text`; the last one */
};

struct carrier_event {
	enum carrier_told told;
	int fds[2]; /* the caller's from here on */
};

/* The server on the host, as far as is known. */
enum carrier_server { SERVER_UNKNOWN, SERVER_FOUND, SERVER_SENT };

struct carrier {
	struct loop *loop;
	const struct programs_kept *servers;
	enum carrier_phase phase;
	enum carrier_why why;
	char text[BOOTSTRAP_TEXT_MAX];
	enum ssh_errors
	    error; /* what ssh, or who connected for it, said when it was over */
	/* The host may have got HELLO and may have started the program: nothing has shown
	 * yet that it has not. */
	bool may_have_begun;
	bool known; /* belay-server has run there: what comes at once is for it */
	bool adopts; /* of another program the caller wants output and end */
	bool terminal; /* it is for one: endless output is of no use there */
	bool answered; /* a word of ours has come from the host */
	struct buf output; /* what has come without one; of a host that is not known */
	int status; /* ssh's, as waitpid has it; CARRIER_FOREIGN with no pid */
	enum carrier_server server; /* how the one that runs came there */
	struct bootstrap bootstrap;

	pid_t pid; /* 0: ended */
	uint64_t kill_us; /* when TERM was not enough; 0: not told to end */
	int last; /* ssh's stdin, which is closed when it has ended; 0: none */
	struct watch from, to; /* stdout and stdin of ssh; no function: not ours */
	struct buf in, out; /* read from it and not looked at; to be written to it */
	struct buf first_bytes; /* what is written to stdin at once, or behind `start` */
	struct watch err; /* its stderr */
	struct buf said; /* the last of what ssh said on stderr */
	size_t shown; /* bytes of `said` that the person has seen */
	struct ssh_errors_key key; /* CARRIER_HOST_KEY: the one that was shown */
	bool door; /* its stderr is one (ssh_helper.h) */
	bool asks; /* it may ask, by way of the door; any but the first may notify */
	int asking; /* a question that is not told yet; -1: none */
	struct connector connector; /* where the connection is ours */
	struct handover handover; /* that connection's, where stderr does not do */
	struct quickack quickack; /* while it logs in */
	char peer[TCP_ADDRESS_MAX]; /* where the connection leads, if it is ours */
	char other
	    [TCP_ADDRESS_MAX]; /* an address of the host's of the other family; "": none */
	struct sockaddr_storage local; /* its address here; family 0: not known */

	bool silent; /* LogLevel: errors of the connection are not shown */
	bool mute; /* LogLevel: ssh may be silent about a connection that broke */
	bool first; /* ssh may talk to the person, and its stderr is theirs */
	bool key_ends; /* another host key ends it: that is said in ssh's words */
	bool held; /* its stderr is held back until it is clear that the server runs */
	bool again; /* that there is no way to the host is not shown */
	bool rides; /* on a login that others have made */
	bool on_terminal; /* it may ask there by itself */
	bool asked; /* a person was seen to be asked */
	bool
	    early; /* as in CARRIER_EARLY, also of a host that does not answer any more */
	bool heard; /* something has come on its stdout */
	bool broken; /* its pipes are */
	int broken_err; /* errno of the first reason; 0: ssh has closed them */
	bool told_ready, told_over;
	uint64_t started_us;
	uint64_t
	    silent_us; /* how long the host's system had not answered, at the last look */
	uint64_t told_us; /* when something was learned from it last */
	uint64_t gap_us; /* the longest time without that */
	uint64_t
	    dead_us; /* when the host's system was seen not to answer last; 0: never */
	struct os_tcp_probed probed; /* its connection, before it was probed */
	bool probes;
	/* when ssh had taken all of first_bytes, was in, or the server was run; 0: not yet */
	uint64_t taken_us;
	uint64_t
	    ended_us; /* when its input was ended, since nothing of ours answers; 0: not */
	uint64_t broken_us; /* when its pipes were found broken; 0: not */
};

/* ssh, which carries another program than ours. */
struct carrier_foreign {
	pid_t pid; /* 0: it has ended, with this status */
	int status;
	int in, out, err; /* ours of its stdin, stdout and stderr, while it runs */
	bool door; /* its stderr is one (ssh_helper.h) */
	struct buf output, errors; /* what has come of both */
};

struct carrier_plan {
	const struct options *options;
	/* what is asked for, some of which the link overrides */
	const struct ssh_config *wanted;
	bool terminal; /* the program runs on one */
	const char *ssh; /* its path */
	const struct programs_kept *servers; /* borrowed; NULL: none was kept */
	bool alone; /* not by a connection that is shared with others */
	/* of a login that the user's windows share (shared_login.h); NULL: of none */
	const char *socket;
	bool leads; /* makes it; else it rides on it, and makes none */
	/* where the link's ssh listens as a master, for whom belay lets in; NULL: it does not */
	const char *master;
	bool first, asks; /* asks: ssh may prompt, by the door unless it is the first */
	/* It may ask as ssh does, since nobody sits at belay's: the user's own SSH_ASKPASS, or (on
	 * the terminal that controls us) whoever answers there. */
	bool by_itself, on_terminal;
	const struct connector_order *order; /* of the host's addresses; NULL: any */
	bool fresh; /* a server that is there does not work */
	bool known; /* belay-server has run there (HOST_CACHE_SERVES) */
	bool adopts; /* output and end of another program are wanted */
	bool key_ends; /* another host key ends it: nobody waits for another network */
	bool again; /* that there is no way to the host was said before */
	/* a host that only takes certain commands complains about ours */
	bool hold_errors;
	unsigned connect_timeout_s; /* up to the keys, ssh_config(5); not for the first */
	const struct ssh_config *config; /* how we connect; NULL: ssh does it by itself */
	struct span
	    hello; /* goes on the command line, which others can see; empty: none */
	struct span first_bytes; /* for stdin: not empty, since silence is seen by it */
};

/* Starts ssh.  0, or an error (ERR_SYSTEM with errno); then nothing is left behind. */
int carrier_start(struct carrier *c, struct loop *loop, const struct carrier_plan *plan);
bool carrier_next(struct carrier *c, struct carrier_event *ret_event);
/* A server of ours answers: ssh's words and its connection are of no interest any more. */
void carrier_serves(struct carrier *c);
/* The pipes that the caller has been given are broken, by this error (0: closed by ssh, whose
 * end tells why, and is awaited for a moment). */
void carrier_broke(struct carrier *c, int err);
/* CARRIER_FOREIGN: all of ssh is the caller's. */
void carrier_give_away(struct carrier *c, struct carrier_foreign *ret);
/* The person cancels it: over, as a refused login is. */
void carrier_cancel(struct carrier *c);
/* Keeps ssh's stdin, of a link that is given up, until ssh has ended: the host never sees its
 * input end alone (HELLO_CLOSES_LAST).  -1, or no ssh: nothing is kept. */
void carrier_keep(struct carrier *c, int fd);
/* Ends ssh: closes what is still the carrier's, TERM, and KILL (carrier_tick) if that is not
 * enough.  Takes one that is closed. */
void carrier_close(struct carrier *c);
/* Whether ssh has just ended; *ret_status is waitpid's.  The caller takes what the pipes that
 * it was given still hold, and calls carrier_ended: `all_read` if nothing was left there. */
bool carrier_reap(struct carrier *c, int *ret_status);
void carrier_ended(struct carrier *c, int status, bool all_read);
/* Something may be better now, or a person waits: what is not connected yet tries again. */
void carrier_hurry(struct carrier *c);
/* Whether this machine does not have the address any more from which it connects or has
 * connected.  False where that is not known. */
bool carrier_is_cut_off(const struct carrier *c);

/* What can be seen of a login from outside. */
enum carrier_sight {
	CARRIER_UNSEEN, /* nothing: it may be a person's turn */
	CARRIER_ASKS, /* a person is asked */
	CARRIER_CONNECTS, /* it has no connection yet */
	CARRIER_EARLY, /* the host has said too little for anything to be asked */
	CARRIER_ANSWERS, /* the host's system answers: it, ssh or a person takes time */
	CARRIER_DEAD, /* it does not */
};
/* Looks, up to `ready`.  Also has the connection probed from now on, and learns from where
 * it is made. */
enum carrier_sight carrier_look(struct carrier *c);
/* When something was learned from it: words, bytes, a connection, a question.  While one is
 * asked for again and again (connector.h) that is now. */
uint64_t carrier_told(struct carrier *c);
/* Sends KILL, gives up, shows what was held back, when it is time; returns when to look
 * again (0: never). */
uint64_t carrier_tick(struct carrier *c, uint64_t now_us);

#endif
