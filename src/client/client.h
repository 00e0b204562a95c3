/*
 * A session on the client's side: what is run, and what the console, the reconnect and the
 * ending (which have files of their own) tell each other.
 *
 *    stdin  --> console --> stream 1 --> engine --> reconnect (attempts, policy) --> host
 *    stdout <-- console <-- stream 1 <--   "   <--    "
 *    stderr <-- console <-- stream 2
 *
 * A session that `returns`, a login shell on a terminal, is left when this client is ended
 * from outside, and remembered (saved_sessions.h); any other is hung up.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "client/again.h"
#include "client/control_socket.h"
#include "client/ending.h"
#include "client/forward_table.h"
#include "client/hooks.h"
#include "client/mux_master.h"
#include "client/notifier.h"
#include "client/plain_ssh.h"
#include "reconnect/reconnect.h"
#include "client/report.h"
#include "client/sd_notify.h"
#include "client/session_request.h"
#include "client/settings.h"
#include "screen/console.h"
#include "ssh/background.h"
#include "ssh/options.h"
#include "ssh/ssh_query.h"

enum {
	CLIENT_PLAIN_SSH = -1, /* plain_ssh_run */
	CLIENT_FOREIGN = -2, /* plain_ssh_go_on */
};

/* All state of one; a zeroed one is what client_init takes.  It has to stay where it is. */
struct client {
	const struct options *options;
	struct options *unsettled; /* the same, until the settings are read */
	struct settings settings;
	struct loop loop;
	struct engine engine;
	struct stream *control, *main, *errors; /* errors: NULL on a terminal */
	struct ssh_query query;
	struct ssh_config config;
	struct reconnect reconnect;
	struct forward_table forwards;
	struct console console;
	struct notifier notifier;
	struct session_request request;
	struct saved_hold saved; /* the session's file on this machine */
	bool started; /* all but the options can be taken down */
	bool begun; /* it is known what is to be run */
	bool exited; /* the program has: nobody waits for what was typed */
	uint8_t client_id[ID_LEN];
	struct background background; /* -f */
	struct hooks hooks;
	struct while_away away;
	bool said_stranger; /* that another machine answers, in this outage */
	bool met; /* a host has welcomed this client */
	struct ending ending;
	struct again_typed typed; /* for the session that is gone */
	/* the host has said ECHOED, and so knows SHOWS; what it was told last */
	bool hints, shows;
	uint64_t give_up_us; /* an outage that lasts so long is the end; 0: none does */
	struct plain_ssh plain; /* how ssh is run when the end is CLIENT_PLAIN_SSH */
	uint64_t begun_us;
	uint64_t down_us; /* since when there is no link in use; 0: there is */
	unsigned outages; /* that are over */
	uint64_t outages_us;
	struct control_socket local; /* for other processes here */
	struct mux_master master; /* ControlMaster */
	struct sd_notify notify; /* the service manager */
};

/* Asks ssh for its configuration, by which belay's own settings are found and put into `o`; all else follows in the loop's turns (client_turn), until
 * the loop stops.  `o` and `ssh` are borrowed up to client_finish.  Returns 0, or the exit
 * status (the person has been told why), or CLIENT_PLAIN_SSH; client_finish is due anyway. */
int client_init(struct client *s, struct options *o, const char *ssh);
/* The loop's turn: takes what the handlers have made possible; returns when it wants to be
 * called again (0: only on events). */
uint64_t client_turn(void *client, uint64_t now_us);
/* Leaves the terminal, the children and the files as they are to be; returns the exit
 * status, or CLIENT_PLAIN_SSH: belay-server cannot run there, nothing has been run or read,
 * and plain_ssh_run(&s->plain) is next. */
int client_finish(struct client *s);

/* All of it; returns as client_finish. */
int client_run(struct client *s, struct options *o, const char *ssh);

/* ---- for the parts of it ---- */

/* Something has happened that may end the session; returns the actions, which are done. */
unsigned client_end(struct client *s, enum ending_event event);
/* It is over, with this status; or with a line of why, and 255. */
void client_leave(struct client *s, int status);
__attribute__((format(printf, 2, 3))) void
client_fail(struct client *s, const char *fmt, ...);
/* The user gets what plain ssh gives; of a shell, kept by what the host has for that. */
void client_go_plain(struct client *s, const char *why, enum plain_keeper keeper);
/* The streams of a session, for the program that is to be run; ERR_NOMEM.  Then the console. */
int client_open_streams(struct client *s);
void client_open_console(struct client *s);
/* How it stands, to be told; points into the client. */
struct report client_report(const struct client *s);

#endif
