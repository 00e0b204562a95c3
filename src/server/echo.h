/*
 * Tells the clients that predict the echo what the terminal does with what is typed, and how
 * much of that the program has been given (ECHOED).
 *
 * Looked at behind a read that took all there was, so that a change is told before the output
 * that it came with, and a while behind a write, which may have no answer.  And some times in
 * the second behind a read: a program may hide a password later than it asks for it.  A change
 * of the settings is told at once; what the program was given as often as it is looked
 * at behind a read or a write.
 */
#ifndef SERVER_ECHO_H
#define SERVER_ECHO_H

#include "server/clients.h"

struct echo {
	uint64_t look_us; /* when to look, since something was written; 0: no need */
	uint64_t read_us; /* when something was read; 0: there is no need to look again */
	unsigned again; /* it was looked at so often since */
};

/* What was there to be read of the terminal has been. */
void echo_read(struct echo *e, struct clients *ps, int tty, uint64_t now_us);
/* The program was given what is typed. */
void echo_wrote(struct echo *e, const struct clients *ps, uint64_t now_us);
/* Returns when to call it again; 0: on events only. */
uint64_t echo_turn(struct echo *e, struct clients *ps, int tty, uint64_t now_us);

/* A new client that predicts: is told once how it is, by which it knows that it may say
 * SHOWS. */
void echo_greet(struct client *p, int tty);
/* It shows predictions now, or no longer. */
void echo_shows(struct client *p, bool on, int tty);

#endif
