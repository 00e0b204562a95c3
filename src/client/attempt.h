/*
 * One ssh child from its start to its end: the connection, where it is ours, the boot on
 * the host, the handshake, and then the link that it carries.
 *
 *   BOOT ----ready----> HELLO ----WELCOME----> LINK
 *     |  need/send        |REFUSE               |
 *     +-------------------+---------------------+-----> OVER   (why: see below)
 */
#ifndef CLIENT_ATTEMPT_H
#define CLIENT_ATTEMPT_H

#include "client/askpass.h"
#include "client/handshake.h"
#include "link/pipe.h"
#include "ssh/bootstrap.h"
#include "ssh/connector.h"
#include "ssh/options.h"
#include "ssh/programs.h"
#include "ssh/quickack.h"
#include "ssh/ssh_config.h"

#include <sys/types.h>

enum attempt_phase { ATTEMPT_BOOT, ATTEMPT_HELLO, ATTEMPT_LINK, ATTEMPT_OVER };

/* The server on the host, as far as is known. */
enum attempt_server { SERVER_UNKNOWN, SERVER_FOUND, SERVER_SENT };

/* Why an attempt is over. */
enum attempt_why {
	WHY_NONE,
	WHY_ENDED, /* ssh ended: the connection failed or broke */
	WHY_LOGIN, /* ssh ended: the login was refused */
	WHY_HOST_KEY, /* ssh ended: the host is not who it should be */
	WHY_NO_SERVER, /* belay-server cannot run there; `text` says why */
	WHY_DAMAGED, /* the one that lies there was run, and does not begin; `text` */
	WHY_NO_PLACE, /* the host could run it, but no directory takes it; `text` */
	WHY_SILENT, /* the command runs, but is not ours: no answer */
	WHY_NOISE, /* no answer, but no end of other output either */
	WHY_REFUSED, /* the server refused: `handshake` says why */
	WHY_PROTOCOL, /* the host sent what it must not; `text` */
	WHY_CUT, /* ssh lives and cannot be written to or read from; `text` */
	WHY_CLOSED, /* we closed it */
};

struct attempt {
	const struct programs_kept *servers;
	struct loop *loop;
	struct pipe io; /* stdin and stdout of ssh */
	struct watch err; /* its stderr */
	bool door; /* its stderr is one (ssh_helper.h) */
	struct askpass askpass; /* that it asks the person */
	bool asks; /* it may ask, by way of the door; any but the first may notify */
	unsigned asked; /* questions so far */
	struct connector connector; /* where the connection is ours */
	struct quickack quickack; /* while it logs in */
	struct sockaddr_storage local; /* its address here; family 0: not known */
	pid_t pid; /* 0: ended */
	int status; /* as from waitpid */
	enum attempt_phase phase;
	enum attempt_why why;
	bool silent; /* LogLevel: errors of the connection are not shown */
	bool mute; /* LogLevel: ssh may be silent about a connection that broke */
	/* The host may have got HELLO and may have started the program: nothing has shown
	 * yet that it has not. */
	bool may_have_begun;
	bool first; /* ssh may talk to the person, and its stderr is theirs */
	bool fresh; /* the server that was there did not work */
	enum attempt_server server; /* how the one that runs came there */
	bool ran; /* belay-server has begun there: it can run */
	bool held; /* its stderr is held back until it is clear that the server runs */
	size_t shown; /* bytes of `said` that the person has seen */
	uint64_t started_us;
	/* when ssh had taken all of the prelude, or the server was run; 0: not yet */
	uint64_t taken_us;
	uint64_t ended_us; /* when its input was ended, since nothing of ours answers; 0: not */
	uint64_t broken_us; /* when its pipes were found broken; 0: not */
	struct bootstrap bootstrap;
	uint8_t random[BOOTSTRAP_MARK_LEN / 2];
	struct buf prelude; /* what is written to stdin at once */
	struct buf said; /* the last of what ssh said on stderr */
	char text[BOOTSTRAP_TEXT_MAX];
	struct handshake handshake; /* what the host has answered */
	uint64_t kill_us; /* when TERM was not enough */
};

struct attempt_plan {
	const struct options *options;
	const struct ssh_config
	    *wanted; /* what is asked for, some of which the link overrides */
	bool terminal; /* the program runs on one */
	const char *ssh; /* its path */
	bool alone; /* not by a connection that is shared with others */
	bool first, asks; /* asks: ssh may prompt, by the door unless it is the first */
	bool fresh;
	/* a host that only takes certain commands complains about ours */
	bool hold_errors;
	unsigned connect_timeout_s; /* up to the keys, ssh_config(5); not for the first */
	const struct ssh_config *config; /* how we connect; NULL: ssh does it by itself */
	bool secret; /* the hello is not for the eyes of others: it goes by stdin */
	const struct programs_kept *servers; /* borrowed */
	struct span hello; /* the first frame */
	struct span prelude; /* data that follows it at once */
};

/* Starts ssh.  0, or ERR_SYSTEM with errno; then nothing is left behind. */
int attempt_start(struct attempt *a, struct loop *loop, const struct attempt_plan *plan);
/* Takes what has been read so far, up to the end of the handshake (phase LINK): frames
 * are the owner's.  What WELCOME says of the streams goes to the engine. */
void attempt_input(struct attempt *a, struct engine *e);
/* What ssh has written on stderr. */
void attempt_errors(struct attempt *a);
/* Writes what is queued.  Where ssh cannot be written to or read from any more, its end
 * tells why, which is awaited for a moment. */
void attempt_output(struct attempt *a);
/* Ends ssh: closes its descriptors, TERM, and KILL (attempt_tick) if that is not enough. */
void attempt_close(struct attempt *a, struct loop *loop);
/* ssh has ended with this status (waitpid's). */
void attempt_ended(struct attempt *a, struct engine *e, struct loop *loop, int status);
/* Something may be better now, or a person waits: what is not connected yet tries again. */
void attempt_hurry(struct attempt *a);
/* What it asks the person now, or (`unattended`) only tells; NULL: nothing. */
struct prompt *attempt_prompt(struct attempt *a);
/* The number of the question that waits for an answer; 0: none does. */
unsigned attempt_question(const struct attempt *a);
/* Takes keys for it off the head of *keys.  A cancelled attempt is over as a refused login
 * is. */
enum prompt_event attempt_keys(struct attempt *a, struct span *keys);
void attempt_cancel(struct attempt *a);
/* Whether this machine does not have the address any more from which it connects or has
 * connected.  False where the connection is not ours. */
bool attempt_is_cut_off(const struct attempt *a);
/* Sends KILL, shows what was held back, when it is time; returns when to look again (0:
 * never). */
uint64_t attempt_tick(struct attempt *a, uint64_t now_us);

#endif
