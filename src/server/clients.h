/*
 * The clients of a session.  Each has an engine with streams of its own, so that one that
 * stalls holds up nobody else; what the program writes goes to all of them.
 *
 *                          +--> [retained] stream 1 ---> links of client A
 *     program --> output --+--> [retained] stream 1 ---> links of client B
 *                          +--> the terminal model
 *
 *     program <-- input <------ stream 1 of every client that may type
 *
 * Full: a program on pipes has one client and waits for it, however long it takes.  One on
 * a terminal waits only while every client that is connected, and has acknowledged anything
 * in the last 5 s (or ten round trips), still has much to fetch; a client that is away, or slower than another, is left behind when its retained bytes are
 * full, and gets the rows it missed and the screen from the model when it has fetched
 * those.
 *
 * While one that is here wants the session to fit all windows (HELLO_FIT) it is as small as the
 * smallest of them.  A larger one is left behind then: it gets pictures of the screen in a frame
 * (term/frame.h), each when it has the last one, and nobody waits for it.  When its window is of
 * the session's size again it is brought up to date as others that were left behind.
 */
#ifndef SERVER_CLIENTS_H
#define SERVER_CLIENTS_H

#include "server/pace.h"
#include "server/questions.h"
#include "server/remote_listeners.h"
#include "server/rights.h"
#include "server/seen.h"
#include "stream/engine.h"
#include "sys/tty.h"
#include "term/frame.h"
#include "term/term.h"
#include "term/transfer.h"

enum { CLIENTS_MAX = 16, READERS = 8 /* of these */ };

struct client {
	bool taken;
	uint8_t id[ID_LEN]; /* of the client */
	uint64_t serial; /* no other client of the session has or had it */
	struct engine engine;
	struct stream *control, *main, *errors; /* errors: on pipes only */
	struct remote_listeners forwards;
	struct tty_size size;
	enum role role;
	bool fits; /* HELLO_FIT */
	bool framed; /* behind, and gets pictures */
	struct term_frame frame;
	bool exact; /* it gets every byte: the program waits for it, unless it is away and
		     * others are here */
	bool used; /* it has chosen a link: it knows that the session is there */
	bool behind; /* not in step with the program: */
	bool
	    fresh; /* its terminal shows nothing of the session yet, or is where the model has
		     * a mark of its place in the list; */
	uint32_t history_rows; /* that a fresh one wants, */
	uint64_t history_us; /* and how long its screen may take for them; 0: no matter */
	bool returns; /* to a window that shows what the same mark has; fresh */
	enum redraw redraw; /* the program is asked for it, behind a fresh one's screen */
	struct seen seen;
	struct typed typed; /* on a terminal */
	struct pace pace;
	bool knows_exit; /* it has been told how the program ended */
	bool wants_away, told_away; /* HELLO_AWAY; it knows what has happened (away.h) */
	bool predicts, shows; /* PREDICT, SHOWS: it wants to be told of the echo */
	struct msg_echoed echoed; /* what it was told last */
};

struct clients {
	struct loop *loop;
	struct client list[CLIENTS_MAX];
	uint64_t serial; /* of the client that was added last */
	bool pty;
	size_t retained_max; /* output kept for a client: beyond this it is left behind */
	struct term *term; /* on a terminal */
	struct client *typist; /* who typed last: its window counts */
	bool resize; /* ... and is to be told to the program */
	bool fit; /* ... but the smallest one does */
	bool redraw; /* the program is to draw anew what the model could not */
	struct seen_left left; /* of those that went */
	uint64_t work_until; /* the model's in this turn, so that keys get through */
	uint64_t
	    retry_us; /* there was no memory to keep output: until then none is read */
	bool typed; /* somebody has, since the owner looked */
	bool missed; /* somebody misses output, or nobody is here: more history is kept */
	/* clients_exit was told: a client's control stream ends with its last connection */
	bool exited;
	struct msg_exit exit; /* then: how the program ended */
	/* While nobody is here: the sequence that has begun, whether it was a question, and
	 * what the model answers. */
	struct buf unfinished;
	bool question;
	struct buf answers;
	struct questions questions; /* while somebody is here */
	struct buf would; /* what the model would say to them */
	struct transfer transfer; /* a file's: nothing is answered */
};

/* Returns ERR_NOMEM when there is no memory for the model. */
int clients_init(struct clients *ps, struct loop *loop, bool pty,
    const struct tty_size *size);
void clients_finish(struct clients *ps);

struct client *clients_find(struct clients *ps, const uint8_t id[ID_LEN]);
/* Whether clients_add finds a place for one of this role. */
bool clients_has_place(struct clients *ps, enum role role);
/* A new client; NULL: too many, or no memory.  `late`: the program runs already.  Those that
 * only came beside others make room when they are away. */
struct client *
clients_add(struct clients *ps, const uint8_t id[ID_LEN], enum role role, bool late);
void clients_remove(struct clients *ps, struct client *p);
/* A new one returns to the window that showed this of the session, by one that went. */
void clients_return(struct clients *ps, struct client *p, const struct msg_seen *m);
/* The session's size, by whose window counts, if it is to have another than this one. */
bool clients_size(struct clients *ps, const struct tty_size *now, struct tty_size *ret);
/* Whether it has a link. */
bool client_here(const struct client *p);
bool clients_any_here(const struct clients *ps);
/* Whether a client other than `p` is here that has this claim. */
bool
clients_other_here(const struct clients *ps, const struct client *p, enum claim claim);

/* ---- the program's side ---- */

/* Where output may be read to, at most *max bytes; 0: not now. */
size_t clients_space(struct clients *ps, bool errors, size_t max, uint8_t **ret_room);
/* So much of it is there now. */
void clients_wrote(struct clients *ps, bool errors, size_t n);
/* What was typed, or came on stdin; valid until the next call. */
struct span clients_input(struct clients *ps);
void clients_took(struct clients *ps, size_t n);
/* There will be no more of it. */
bool clients_input_over(const struct clients *ps);

/* The client whose agent (or display) programs use; NULL: none has one. */
struct client *clients_with(struct clients *ps, enum open_kind kind);

/* ---- turns ---- */

/* Moves what is forwarded.  Returns when to call it again; 0: on events only. */
uint64_t clients_forward(struct clients *ps, uint64_t now_us);
/* Gives memory back that nobody has used for a moment.  Returns when to call it again; 0: on
 * events only. */
uint64_t clients_trim(struct clients *ps, uint64_t now_us);
/* As tunnel_watch, of all. */
void clients_watch(struct clients *ps);

/* Brings those in step that have fetched what was retained.  Returns when to call it again;
 * 0: on events only. */
uint64_t clients_catch_up(struct clients *ps, uint64_t now_us);
/* Tells all of them how the program ended, and that there is no more. */
void clients_exit(struct clients *ps, const struct msg_exit *m);
/* Everything is in the hands of those who count: the owner, and the sharers that are here. */
bool clients_delivered(const struct clients *ps);

#endif
