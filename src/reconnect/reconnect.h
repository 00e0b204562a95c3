/*
 * Reaches the host, again and again: the ssh children (attempts) and the policy together.
 * At most one attempt is the link; at most three are tried beside it, and beside each other
 * (candidates.h, reconnect_policy.h).
 *
 *     policy ---CONNECT---> trying ---READY---> linked ---> frames of the engine
 *        ^                    |                   |
 *        +------FAILED--------+--------LOST-------+
 *
 * What an attempt that is over leads to is a table (outcome.h).  What the session is told it
 * pulls, behind each turn: reconnect_next.
 */
#ifndef RECONNECT_RECONNECT_H
#define RECONNECT_RECONNECT_H

#include "reconnect/candidates.h"
#include "reconnect/datagrams.h"
#include "reconnect/drain.h"
#include "reconnect/outcome.h"
#include "reconnect/reconnect_policy.h"
#include "reconnect/sharing.h"
#include "ssh/options.h"
#include "ssh/ssh_query.h"
#include "sys/netwatch.h"

enum {
	/* the link, those tried, and such as are still dying */
	RECONNECT_ATTEMPTS = 1 + CANDIDATES_MAX + 2,
};

/* The session is not there any more. */
struct reconnect_gone {
	bool rebooted; /* its host was started again since it was there */
	bool machine_known; /* and it is known that this is its host */
};

enum reconnect_next {
	RECONNECT_OVER, /* it is the end */
	RECONNECT_ANEW, /* another session is asked for, at once */
	RECONNECT_ASK, /* the same, when a person has said so */
};

/* What is needed of the session at once; neither calls back. */
struct reconnect_needs {
	/* the first frame of an attempt */
	int (*hello)(void *owner, bool resume, struct buf *out);
	void (*lend)(void *owner, bool lent); /* ssh asks on the terminal */
};

enum reconnect_told {
	RECONNECT_UP = 1, /* there is a new link: `attempt` */
	/* the link has ended, `clean` or not: reconnect_on(POLICY_LOST) goes on, else it is the
	 * end */
	RECONNECT_LOST,
	/* the session is not there any more: `gone`.  Nothing goes on before reconnect_gone */
	RECONNECT_GONE,
	/* a first login to a session that was left: another machine of this name answers, and
	 * what is asked for on `machine` (NULL: any) is another session.  Nothing goes on before
	 * reconnect_elsewhere */
	RECONNECT_ELSEWHERE,
	RECONNECT_REFUSED, /* the login was, and waits for the person */
	/* another machine answers there: reconnect's `stranger`; it is waited for another
	 * network, or for the person */
	RECONNECT_STRANGER,
	/* It is over, and nothing follows: */
	RECONNECT_BYE, /* the host has said so, with `code`; TAKEN: another client has it */
	/* belay-server cannot run there: plain ssh; `text`, `keeper`: what else could keep a
	 * shell; `remember`: by its nature */
	RECONNECT_PLAIN,
	/* another program runs there, or has run, and it is the one that was asked for */
	RECONNECT_FOREIGN,
	RECONNECT_FAILED, /* `text`; NULL: ssh has said why */
};

/* What it points to stays up to the next reconnect_take. */
struct reconnect_event {
	enum reconnect_told told;
	const struct attempt *attempt;
	bool clean;
	struct reconnect_gone gone;
	const uint8_t *machine;
	enum bye_code code;
	const char *text, *keeper;
	bool remember;
	struct carrier_foreign *foreign;
};

enum {
	/* Between two turns: each attempt may come up and be lost, each may be refused, and one
	 * thing is the end, which always has room; what is beyond is not told. */
	RECONNECT_EVENTS_MAX = 4 * RECONNECT_ATTEMPTS,
};

struct reconnect {
	struct loop *loop;
	struct engine *engine;
	const struct options *options;
	const char *ssh;
	const struct reconnect_needs *needs;
	void *owner;
	struct reconnect_event told_events[RECONNECT_EVENTS_MAX]; /* the oldest first */
	size_t n_told;
	bool over; /* the last one was, or is to be, told */
	char text[BOOTSTRAP_TEXT_MAX + 256]; /* of that */
	struct carrier_foreign foreign;
	enum reconnect_told waits_for; /* the session's answer to that; 0: for none */
	struct attempt *gone; /* ... to RECONNECT_GONE: which has found that */
	struct policy policy;
	struct attempt attempts[RECONNECT_ATTEMPTS];
	/* what is in the way here or there was said, in this outage */
	bool said_why;
	struct programs_kept servers; /* what a host that lost its server gets again */
	struct candidates candidates;
	struct sharing sharing; /* `on` and `command` may be set before reconnect_start */
	bool wait_asks; /* the attempt that waits for another window's login */
	uint64_t wait_us; /* since when it waits; 0: it does not */
	bool said_wait;
	struct attempt *linked;
	struct drain drain; /* of a command's link */
	struct datagrams datagrams; /* `mode` may be set before reconnect_start */
	struct netwatch net;
	uint8_t boot_id[ID_LEN]; /* of the host */
	/* of the session: zeros: not known; may be set before reconnect_start */
	uint8_t machine[ID_LEN];
	struct connector_order order; /* its address, and those of others of its name */
	unsigned met; /* so often has another machine answered a first login */
	bool elsewhere; /* another machine of this name answered last */
	bool rebooted; /* the session was gone with its host's last start */
	bool
	    keeps_machine; /* another session in its place is to be on the same machine */
	enum reconnect_next next; /* of the session that is gone */
	const struct ssh_config
	    *wanted; /* what belay carries out: of the session's beginning */
	const struct ssh_config *config; /* how to connect, as ssh has told it last */
	struct ssh_config told; /* that, once it was asked again */
	struct ssh_query query; /* asks it again, for an attempt that `may_ask` */
	bool may_ask;
	/* of the last attempt that failed since a link was up */
	bool failed, no_server;
	enum ssh_errors error;
	bool had_network; /* when a link came up last: not for a host on this machine */
	uint64_t heard_us; /* when the last link was heard last; 0: there was none */
	/* a shared connection has to answer by then; 0: none is used */
	uint64_t master_until_us;
	bool alone; /* it did not, or is not to be used */
	bool is_master; /* the link's ssh is one, for whom the caller lets in */
	bool was_up; /* the session exists on the host */
	bool describes; /* the terminal, in its hello: the host has asked for that */
	/* the first login: when to look at it again; it wants a person */
	uint64_t look_us;
	bool wants_person;
	/* an attempt is over of which it is not known whether the host has started the program;
	 * another attempt would find the same session, but plain ssh would run it again */
	bool may_have_begun;
	bool doubted; /* the policy was told of it */
	unsigned put_off; /* so often the host has said: later */
	bool sent_anew; /* the server on the host was damaged; that is done once */
	/* the session is hung up: of a link that broke it is awaited how ssh ends */
	bool ending;
	bool asking; /* ssh has the terminal, to ask there */
	bool command; /* a command is run, not a shell */
	bool key_ends; /* nobody waits there: another host key ends it */
	struct ssh_errors_key stranger; /* that key, in POLICY_*_STRANGER */
	bool adopts; /* the output of another program than ours is what was asked for */
	bool secret; /* the first hello is not to be seen by others */
	bool terminal; /* the program runs on one */
	/* A tunnel device is free only when the link's ssh has ended: no attempt is made beside
	 * it. */
	bool due; /* an attempt is to be made when all have ended */
	bool due_asks;
	/* of congestion control, what the trace has told */
	uint64_t traced_round;
	enum congestion_phase traced_phase;
};

void reconnect_init(struct reconnect *r, struct loop *loop, struct engine *engine,
    const struct options *o, const char *ssh, const struct reconnect_needs *needs,
    void *owner);
/* The first attempt, in which ssh talks to the person itself.  What `config` points to
 * has to stay up to reconnect_finish. */
void reconnect_start(struct reconnect *r, const struct ssh_config *config);
/* Something has happened: POLICY_NUDGE, POLICY_MOVED, POLICY_PERSON, POLICY_DOUBT, POLICY_LOST. */
void reconnect_on(struct reconnect *r, enum policy_event event);
/* What it has to tell, in the order in which it was; to be asked behind reconnect_take,
 * reconnect_receive and reconnect_send. */
bool reconnect_next(struct reconnect *r, struct reconnect_event *ret_event);
/* The answers to RECONNECT_GONE and RECONNECT_ELSEWHERE. */
void reconnect_gone(struct reconnect *r, enum reconnect_next next);
void reconnect_elsewhere(struct reconnect *r);
/* An attempt that may ask the person runs, or is about to. */
bool reconnect_asks(const struct reconnect *r);
/* The first login gets no answer: it waits for one. */
bool reconnect_first_waits(const struct reconnect *r);
/* The number of its question that waits for an answer; 0: none does. */
unsigned reconnect_question(const struct reconnect *r);
/* What it asks now, or (`unattended`) only tells; NULL: nothing. */
struct prompt *reconnect_prompt(struct reconnect *r);
/* Takes keys for the question off the head of *keys. */
enum prompt_event reconnect_keys(struct reconnect *r, struct span *keys);
/* An attempt before this one may have begun the session, or may for so many seconds; 0: none. */
uint32_t reconnect_late_s(const struct reconnect *r);
/* The socket of the link's ssh, which is a master; NULL: it is none, or does not answer. */
const char *reconnect_master(const struct reconnect *r);
/* The host answers: by ssh, or by datagrams alone. */
bool reconnect_up(const struct reconnect *r);
/* There is a link of either kind, though it may be in doubt. */
bool reconnect_has_link(const struct reconnect *r);
/* Without ssh, by datagrams: nobody is told of what ssh is doing. */
bool reconnect_is_lean(const struct reconnect *r);
/* Nothing answers, but datagrams did just now, and may do so again without a login. */
bool reconnect_is_lean_in_doubt(const struct reconnect *r);
/* The round trip of the link that keys go by; 0: not known. */
uint64_t reconnect_srtt_us(const struct reconnect *r);
/* When the host was heard last; 0: never. */
uint64_t reconnect_heard_us(const struct reconnect *r);
/* The person does not want that login any more. */
void reconnect_cancel(struct reconnect *r);
/* Moves the attempts on; before the session's own turn. */
void reconnect_take(struct reconnect *r);
/* Takes the link's frames, behind what reconnect_take had to tell: that a link is there comes
 * before what it has brought. */
void reconnect_receive(struct reconnect *r);
/* Sends what the engine has, doubts; behind the session's own turn. */
void reconnect_send(struct reconnect *r);
/* When to take a turn again; 0: on events only. */
uint64_t reconnect_deadline(struct reconnect *r);
/* A child has ended: perhaps it was one of ours. */
void reconnect_reap(struct reconnect *r);

/* Says BYE on the link, if there is one; what the engine has goes before it. */
bool reconnect_bye(struct reconnect *r, enum bye_code code);
/* What was written to the link has left us. */
bool reconnect_flushed(const struct reconnect *r);
/* Ends the children: TERM, then KILL.  `leave`: the link's ssh is let finish in its own
 * time, behind our back. */
void reconnect_finish(struct reconnect *r, bool leave);

#endif
