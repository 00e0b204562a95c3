/*
 * How a session answers a HELLO: what it is, who comes and what for, in one table.  Pure.
 *
 *     its request        there is no session yet   it runs              it has ended
 *     NEW                START                     TAKEN                TAKEN
 *     RESUME             GONE                      TAKEN                TAKEN
 *     ATTACH             GONE                      JOIN or TAKE_OVER    GONE
 *     OPEN               START                     JOIN or TAKE_OVER    GONE
 *     any, known here    -                         RESUME               RESUME
 *
 * What each role may do of it is in rights.h.
 */
#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include "server/lifetime.h"
#include "server/rights.h"

enum admission_answer {
	ADMISSION_REFUSE, /* with `code` and `text`; the link is closed behind it */
	ADMISSION_CLOSE, /* the link is closed without a word: the client tries again */
	ADMISSION_START, /* the session begins, with this client */
	ADMISSION_JOIN, /* a new client beside the others */
	ADMISSION_TAKE_OVER, /* the others are sent away before */
	ADMISSION_RESUME, /* a link of a client that is known */
};

struct admission_facts {
	enum lifetime_phase phase;
	const struct msg_hello *hello;
	bool known; /* the client that says hello is one of the session's */
	bool pty; /* the program runs on a terminal */
	bool room[ROLES]; /* one more client of this role finds a place */
};

struct admission {
	enum admission_answer answer;
	enum role role; /* of a new client */
	enum refuse_code code;
	const char *text; /* static */
};

struct admission admission_of(const struct admission_facts *facts);

/* The answer when what was admitted cannot be done: `err` as in base/err.h; `momentary`: it
 * is for want of memory, descriptors or processes, and may be otherwise in a moment.  A
 * client that is in a session (it says RESUME) would take a refusal for the end of it. */
struct admission
admission_failed(int err, bool momentary, uint8_t request, const char *text);

#endif
