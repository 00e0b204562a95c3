/*
 * The program of a session, between its descriptors and the streams of the clients.
 *
 *     pty     in  <--- stream 1          pipes    stdin   <--- stream 1
 *             out ---> stream 1                   stdout  ---> stream 1
 *                                                 stderr  ---> stream 2
 *
 * A program on a pty is over when it has ended and what it wrote is read, as with sshd,
 * also when a job in the background still has the terminal; one on pipes is over when
 * everybody has closed stdout and stderr.
 */
#ifndef SERVER_PROGRAM_H
#define SERVER_PROGRAM_H

#include "server/clients.h"
#include "server/echo.h"
#include "server/login.h"
#include "sys/loop.h"

struct program;

/* A descriptor of the program. */
struct port {
	struct program *program;
	struct watch watch;
	uint64_t moved; /* bytes read and written */
};

struct program {
	struct loop *loop;
	struct clients *clients;
	struct port in, out, err;
	bool pty;
	pid_t pid;
	bool ended;
	int status; /* as from waitpid */
	struct echo echo;
	uint64_t quiet_us; /* the last time it wrote, or could not be read */
};

/* Nothing runs yet. */
void program_init(struct program *p, struct loop *loop, struct clients *clients);
/* Starts it.  0, or ERR_SYSTEM with errno. */
int program_start(struct program *p, const struct login *login);
/* Moves bytes both ways and says what to watch.  Returns when to call it again; 0: on
 * events only. */
uint64_t program_turn(struct program *p);
/* Everything that it will ever say is in the streams; they can be ended. */
bool program_over(const struct program *p);
/* Its process has ended. */
void program_ended(struct program *p, int status);
/* The client reads no more of this stream: who writes there gets SIGPIPE. */
void program_stop(struct program *p, uint32_t stream);
/* Its terminal, for echo.h; -1: it has none. */
int program_tty(const struct program *p);
/* BREAK on its terminal (RFC 4335). */
void program_break(struct program *p);
/* The process in the foreground; 0: none is known. */
pid_t program_foreground(const struct program *p);
void program_resize(struct program *p, const struct tty_size *size);
/* What runs in the foreground is told to draw its screen anew. */
void program_redraw(const struct program *p);
/* Closes what is open: hangs up a terminal, ends pipes. */
void program_close(struct program *p);

#endif
