/*
 * How a session ends on the client's side: one table of states and events; no I/O, no clock
 * of its own.
 *
 *              UP              EXIT              DRAINED             FLUSHED
 *   STARTING ------> RUNNING ------> DRAINING -----------> DONE ------------------+
 *      |                |               |                                         |
 *      |                +-------+-------+  ~., a signal, the terminal is gone     v
 *      |                        |                                                OVER
 *      |                        +--> LEAVING (a shell: it goes on)  --FLUSHED-->  ^
 *      v                        v                                                 |
 *   ABANDONING ---UP---> HANGING_UP ---LINKED---> HUNG_UP -----------CLOSED-------+
 *                               ^-------LOST---------+
 *
 *   RUNNING ---GONE---> AGAIN ---UP---> RUNNING      where another one may take its place
 *
 * DONE, LEAVING, ABANDONING, HANGING_UP and HUNG_UP last no longer than their deadline.
 */
#ifndef CLIENT_ENDING_H
#define CLIENT_ENDING_H

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_FAILED = 255 }; /* ssh(1), EXIT STATUS: an error of the connection */

enum ending_state {
	ENDING_STARTING, /* no link has been up yet */
	ENDING_RUNNING,
	ENDING_AGAIN, /* the session is gone, another is to begin in its place */
	ENDING_DRAINING, /* the program has exited; its output is still to be shown */
	ENDING_DONE, /* BYE_DONE was said: the host may forget the session */
	ENDING_LEAVING, /* BYE_DETACHED was said: the session goes on without this client */
	ENDING_ABANDONING, /* to be hung up, but the host has not been reached yet */
	ENDING_HANGING_UP, /* BYE_HANGUP is to be said as soon as there is a link */
	ENDING_HUNG_UP, /* BYE_HANGUP was said; the host closes the link */
	ENDING_OVER, /* the client ends with `status` */
	ENDING_STATES
};

enum ending_event {
	ENDING_UP, /* a link is up */
	ENDING_EXIT, /* the program has exited, with this status */
	ENDING_SHOWN, /* all output is shown */
	ENDING_DRAINED, /* and the forwards' connections are closed */
	ENDING_KEY, /* ~. was typed */
	ENDING_HURRY, /* ... while there is no link: a person does not wait */
	ENDING_TERM, /* a signal that asks this client to end */
	ENDING_TERM_AGAIN, /* ending_on makes it of ENDING_TERM */
	ENDING_TERMINAL_GONE, /* or the reader of our output */
	ENDING_FORWARD_FAILED, /* one that must not (ExitOnForwardFailure) */
	ENDING_LINKED, /* there is a link that a BYE can be written to */
	ENDING_LOST, /* the link has broken */
	ENDING_CLOSED, /* the host has closed the link in good order */
	ENDING_GONE, /* the host does not know the session any more */
	ENDING_FLUSHED, /* what was written to the link has left us */
	ENDING_DEADLINE, /* ending_deadline has passed */
	ENDING_STOP, /* whatever else: end with this status */
	ENDING_EVENTS
};

/* What the caller is to do, in this order; bits. */
enum ending_action {
	ENDING_END_STREAMS = 1, /* nothing more is written to the host's streams */
	ENDING_COOK = 2, /* give the terminal its own settings back */
	ENDING_SAY_HOW = 4, /* tell the person how to come back */
	ENDING_SAY_UNTOLD = 8, /* ... that the session goes on because nobody was told */
	ENDING_SAY_GONE = 16, /* ... that the session is gone; also with ENDING_ANEW */
	ENDING_KEEP = 32, /* the saved session was left now */
	ENDING_BYE_DONE = 64, /* say BYE with this code */
	ENDING_BYE_DETACHED = 128, /* the same; without a link ENDING_HURRY follows */
	ENDING_BYE_HANGUP = 256,
	ENDING_FORGET = 512, /* the saved session has ended */
	ENDING_RECONNECT = 1024, /* the reconnect policy takes it that the link is lost */
	ENDING_ANEW = 2048, /* begin another session in its place */
	ENDING_LEAVE = 4096, /* stop the loop */
};

struct ending {
	enum ending_state state;
	int status; /* the exit status */
	bool returns; /* a shell, which is left rather than hung up */
	bool resumed; /* the session was there before this client */
	/* another session takes the place of one that is gone: nothing was lost with it, or
	 * it is so wanted */
	bool replaceable;
	bool whole; /* all that the program wrote is here, and nothing else is awaited */
	bool gone; /* the session is, and was whole: nobody is told of the end */
	bool delivered; /* all that was said has been taken by the link */
	/* the link may not outlive this client: BYE_DONE was not said until the host closes */
	bool awaits;
	uint64_t deadline_us; /* 0: none */
	uint64_t term_us; /* when a signal first asked this client to end; 0: none has */
};

/* A zeroed one is STARTING, of a session that is hung up.  Takes an event (`status`: of
 * ENDING_EXIT and ENDING_STOP); returns the actions. */
unsigned
ending_on(struct ending *e, enum ending_event event, int status, uint64_t now_us);
/* When to send ENDING_DEADLINE; 0: never. */
uint64_t ending_deadline(const struct ending *e);

/* The program has exited, or the session is being ended: nothing more is typed to it. */
bool ending_begun(const struct ending *e);
/* Nothing is left but the last words to the host, or to show what is here. */
bool ending_near(const struct ending *e);
/* The session is to be ended on the host, and no link matters but to say so. */
bool ending_hangs_up(const struct ending *e);
const char *ending_state_name(enum ending_state state);

#endif
