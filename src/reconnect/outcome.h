/*
 * What follows when an attempt is over and is not the link: tables of reasons and stages; no
 * I/O.  Reconnect carries it out.
 *
 * Nothing that may have run is run again: where a command may have begun, nothing leads to
 * plain ssh.  Once a link has been up, nothing that ssh or the network says ends the session, but
 * another host key where nobody waits; only the host's own word does.
 */
#ifndef RECONNECT_OUTCOME_H
#define RECONNECT_OUTCOME_H

#include "reconnect/attempt.h"

enum outcome_stage {
	OUTCOME_FIRST, /* the first login, in which ssh talks to the person itself */
	OUTCOME_BESIDE, /* an attempt beside that, which asks nobody anything */
	OUTCOME_LATER, /* the first login is over */
	OUTCOME_STAGES
};

enum outcome {
	OUTCOME_AGAIN, /* tried again when it is time */
	OUTCOME_AGAIN_SAID, /* the same, and the person is told why, once: it may last */
	OUTCOME_NO_WAY, /* the same: it never got to the host */
	OUTCOME_PUT_OFF, /* the same at once, since something is short for the moment */
	OUTCOME_SEND_ANEW, /* the same at once, with another server: that one is damaged */
	OUTCOME_RIDE, /* another window's login did not do: another way */
	OUTCOME_DESCRIBE, /* the host waits for a description of the terminal */
	OUTCOME_REFUSED, /* the login was */
	OUTCOME_UNASKED, /* the login wants a person */
	OUTCOME_STRANGER, /* another host key is shown */
	OUTCOME_ELSEWHERE, /* another machine of this name answers */
	OUTCOME_GONE, /* the session is not there */
	OUTCOME_TAKEN, /* another client has it */
	OUTCOME_FOREIGN, /* another program than ours runs, and is the one asked for */
	OUTCOME_PLAIN, /* plain ssh, from now on */
	OUTCOME_PLAIN_ONCE, /* plain ssh, and next time it may be otherwise */
	OUTCOME_MAY_HAVE_BEGUN, /* the end: plain ssh would run the command again */
	OUTCOME_END, /* the end; ssh has said why */
	OUTCOME_END_SAID, /* the end, and the attempt's text says why; as the others */
	OUTCOME_VERSION,
	OUTCOME_HOST_REFUSES,
	OUTCOME_CANNOT_START,
	OUTCOMES
};

struct outcome_facts {
	enum outcome_stage stage;
	enum attempt_why why;
	unsigned refused; /* WHY_REFUSED: enum refuse_code, or what the peer has sent */
	enum carrier_why carrier; /* WHY_CARRIER */
	bool was_up; /* the session exists on the host */
	bool rides; /* on another window's login */
	bool answered; /* a word of ours has come from the host */
	bool told_ready; /* ... that the server there begins */
	bool found; /* that server lay there */
	bool sent_anew; /* it was already */
	bool elsewhere; /* another machine than the session's answers */
	bool rebooted; /* the host, since the session was there */
	bool
	    describes; /* the terminal was described already, or the host does not wait */
	bool put_off; /* so often that it is enough */
	bool terminal; /* endless output is of no use there */
	bool key_ends; /* nobody waits for another network */
	bool may_run_twice; /* a command, which may have begun */
};

enum outcome outcome_of(const struct outcome_facts *f);
/* Whether another program than ours has answered a first login, or none: that is remembered. */
bool outcome_is_foreign(const struct outcome_facts *f);

#endif
