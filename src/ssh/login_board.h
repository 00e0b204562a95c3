/*
 * The board on which the windows of one destination write who logs in for all of them: one login
 * is shared, the others ride on it (shared_login.h).  Pure: a board is read, what is seen on it
 * and what is wanted say what to do, and it is written again.
 *
 *              free    master   led     asking   silent   refused
 *     quiet    lead    ride     wait    refused  lead     refused
 *     first    lead    ride     wait    wait     lead     lead
 *     person   lead    ride     wait    lead     lead     lead
 *     command  alone   ride     alone   alone    alone    alone
 *
 * Who leads changes the beat while it lives.  Who waits, and sees the same beat for two seconds
 * of its own, leads in its place: so one that is stopped hands over.  One that has ended is
 * known by its process.
 */
#ifndef SSH_LOGIN_BOARD_H
#define SSH_LOGIN_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOGIN_NAME_MAX = 20, /* of a master's socket, with its NUL */
	LOGIN_LINKS = 8, /* of one master; sshd's MaxSessions is 10 */
	LOGIN_SPARE = 2, /* of what a host takes, so many are left for spares */
	LOGIN_RIDERS = 64, /* links of all masters; more find no room */
	LOGIN_AVOIDED = 8,
	LOGIN_TEXT_MAX = 4096,
};

/* What a window wants. */
enum login_wish {
	LOGIN_QUIET, /* a link, without a question */
	LOGIN_FIRST, /* the first login, which may ask */
	LOGIN_PERSON, /* a person has asked for one here */
	LOGIN_COMMAND, /* a link of its own, if that asks nobody */
	LOGIN_WISHES
};

/* What it sees. */
enum login_sight {
	LOGIN_FREE, /* there is no login that it may use, and nobody makes one */
	LOGIN_MASTER, /* there is one */
	LOGIN_LED, /* another makes one */
	LOGIN_ASKING, /* ... and asks a person */
	LOGIN_SILENT, /* ... and gives no sign of life */
	LOGIN_DENIED, /* a login without questions was refused a moment ago */
	LOGIN_SIGHTS
};

/* What it does. */
enum login_verdict {
	LOGIN_ALONE, /* makes a connection for itself: the harmless one */
	LOGIN_LEAD, /* makes one for all */
	LOGIN_RIDE, /* goes by the master's */
	LOGIN_WAIT, /* looks again */
	LOGIN_REFUSED, /* takes the login for refused, and waits for a person */
};

struct login_rider {
	long pid;
	char master[LOGIN_NAME_MAX];
};

struct login_board {
	char master[LOGIN_NAME_MAX]; /* the name of its socket; empty: none */
	bool doubted; /* somebody gets no answer by it: nobody new rides on it */
	bool asked; /* a person was asked for it */
	long leader; /* a process; 0: nobody leads */
	uint64_t beat; /* the leader changes it while it lives */
	bool asks; /* the leader asks a person */
	uint64_t refused_us; /* when a login without questions was refused; 0: was not */
	struct login_rider riders[LOGIN_RIDERS];
	size_t n_riders;
};

/* Who looks, at what time. */
struct login_looker {
	long pid;
	uint64_t now_us; /* of a clock that all processes have (sys_boot_us) */
	enum login_wish wish;
	unsigned limit; /* links of one master */
	bool silent; /* the beat has stood still for too long */
	const char *const *avoided; /* masters that it does not ride on */
	size_t n_avoided;
};

/* Reads what login_board_put has written; what is none is an empty board. */
void login_board_get(struct login_board *b, const char *text);
void login_board_put(const struct login_board *b, char ret_text[LOGIN_TEXT_MAX]);
/* Takes those off that have ended. */
void login_board_prune(struct login_board *b, bool (*lives)(long pid));
enum login_sight
login_board_look(const struct login_board *b, const struct login_looker *l);
enum login_verdict login_board_verdict(enum login_wish wish, enum login_sight sight);

size_t login_board_links(const struct login_board *b, const char *master);
/* The links of a process, in place of those it had.  What finds no room is left out. */
void
login_board_ride(struct login_board *b, long pid, const char *const *masters, size_t n);
/* It leads from now on. */
void login_board_lead(struct login_board *b, long pid, const struct login_looker *l);
/* It leads no more; refused: since its login was, and asked nobody. */
void login_board_leave(struct login_board *b, long pid, bool refused, uint64_t now_us);
/* This master answers again. */
void login_board_trust(struct login_board *b, const char *master);
/* A login is there, for all. */
void login_board_publish(struct login_board *b, const char *master, bool asked);

#endif
