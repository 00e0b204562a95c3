#include "client/session_request.h"

#include "base/hex.h"
#include "base/log.h"
#include "reconnect/datagrams.h"
#include "client/returning.h"
#include "sys/sys.h"
#include "tunnel/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
session_request_init(struct session_request *w)
{
	*w = (struct session_request){ 0 };
	buf_init(&w->command, FRAME_MAX / 2);
	sys_random(w->id, sizeof w->id);
}

void
session_request_finish(struct session_request *w)
{
	buf_finish(&w->command);
}

/* Programs of the session have no business with this machine's agent and display. */
static void
show_nothing(struct ssh_config *c)
{
	c->forward_agent.n = 0;
	c->x11 = false;
}

/* belay-server itself is the program: nothing is forwarded or typed. */
static void
own_program(struct session_request *w, struct ssh_config *c)
{
	w->kind = KIND_SELF;
	c->n_forwards = 0;
	show_nothing(c);
}

bool
session_request_manages(const struct options *o)
{
	return o->list || o->kill || o->detach || o->rename;
}

static struct saved_place place_now(const struct ssh_config *c);

/* The session that this command line would come back to, without --list, is marked. */
static void
list(struct session_request *w, const struct options *o, const struct ssh_config *c)
{
	struct saved_place here = place_now(c);
	buf_print(&w->command, "list%s", o->json ? " --json" : "");
	if (!saved_sessions_find(o, false, &here, NULL, &w->left, &w->others))
		return;
	buf_print(&w->command, " --takes ");
	(void)hex_put(&w->command, (struct span){ w->left.id, ID_LEN });
}

/* "a,b" are two words. */
static void
kill_sessions(struct session_request *w, const char *names)
{
	buf_print(&w->command, "kill ");
	for (; *names; names++)
		buf_putc(&w->command, *names == ',' ? ' ' : *names);
}

/* --list and its like: belay-server on the host does it, its output is ours. */
static void
manage(struct session_request *w, const struct options *o, const struct ssh_config *c)
{
	const char *to = o->rename ? strchr(o->rename, ':') : NULL;
	if (o->list)
		list(w, o, c);
	else if (o->kill)
		kill_sessions(w, o->kill);
	else if (o->detach)
		buf_print(&w->command, "detach %s", o->detach);
	else if (to)
		buf_print(&w->command, "rename %.*s %s", (int)(to - o->rename), o->rename,
		    to + 1);
}

/* -W: belay-server is between our stdin and stdout and a connection of the host's. */
static bool
leads_on(struct session_request *w, const struct options *o)
{
	struct forward f;
	char text[TARGET_MAX + 16];
	int n = snprintf(text, sizeof text, "1:%s", o->stdio_forward);
	if (n >= (int)sizeof text || !forward_from_option(&f, 'L', false, text)
	    || f.connect.kind != OPEN_TCP || strchr(f.connect.host, ' '))
		return false; /* ssh says what is wrong with it */
	buf_print(&w->command, "connect %s %u", f.connect.host, f.connect.port);
	return true;
}

/* BELAY_PREDICT is as mosh has MOSH_PREDICTION_DISPLAY (mosh(1)). */
static enum predict_mode
predict_wanted(const struct options *o)
{
	return o->has_predict ? (enum predict_mode)o->predict : PREDICT_ADAPTIVE;
}

bool
session_request_program(struct session_request *w, const struct options *o,
    struct ssh_config *c)
{
	bool terminal = isatty(STDIN_FILENO);
	w->term = c->term;
	if (o->read_only)
		show_nothing(c);
	if (session_request_manages(o)) {
		own_program(w, c);
		manage(w, o, c);
		w->manages = c->null_stdin = true;
		return true;
	}
	if (o->stdio_forward) {
		own_program(w, c);
		return leads_on(w, o);
	}
	for (char **word = o->command; *word; word++)
		buf_print(&w->command, "%s%s", word == o->command ? "" : " ", *word);
	if (c->remote_command.n && w->command.len)
		return false;
	if (c->no_command) {
		w->kind = KIND_NONE;
		c->null_stdin = true;
		return true;
	}
	(void)buf_put(&w->command, c->remote_command.p, c->remote_command.n);
	if (c->background && !w->command.len)
		return false; /* a shell: ssh refuses it */
	if (c->subsystem) {
		w->kind = KIND_SFTP;
		return strcmp(w->command.len ? buf_str(&w->command) : "", "sftp") == 0;
	}
	bool pty = c->tty == SSH_CONFIG_TTY_FORCE
	    || (c->tty == SSH_CONFIG_TTY_YES && terminal)
	    || (c->tty == SSH_CONFIG_TTY_AUTO && !w->command.len && terminal);
	bool wanted = c->tty == SSH_CONFIG_TTY_YES
	    || (c->tty == SSH_CONFIG_TTY_AUTO && !w->command.len);
	if (wanted && !terminal)
		log_as_ssh(LOG_NOTICE,
		    "Pseudo-terminal will not be allocated because stdin is not a terminal.");
	w->kind = pty ? KIND_PTY : KIND_PIPES;
	w->raw = pty && terminal && !c->null_stdin;
	w->datagrams = w->kind == KIND_PTY && o->udp != DATAGRAMS_NEVER
	    && seal_available();
	w->predict = w->raw && !o->read_only ? predict_wanted(o) : PREDICT_NEVER;
	return true;
}

static struct saved_place
place_now(const struct ssh_config *c)
{
	struct saved_place p = { 0 };
	bool controls = tty_place(STDIN_FILENO, STDOUT_FILENO, &p.tty);
	p.person = returning_by_person(getenv("TERM"), c->escape != 0, controls,
	    p.tty.leader == (uint64_t)getpid());
	return p;
}

static void
come_back(struct session_request *w, const struct options *o, struct saved_hold *saved,
    const uint8_t *machine)
{
	bool shared = o->share || o->read_only;
	if (!saved_sessions_find(o, shared, &w->place, machine, &w->left, &w->others))
		return;
	memcpy(w->id, w->left.id, ID_LEN);
	memcpy(w->machine, w->left.machine, ID_LEN);
	w->how = HELLO_OPEN;
	if (shared || !returning_to_window(&w->left, &w->place))
		w->left.shown = 0; /* in another window nothing is */
	if (!shared) /* so that no other client takes the same */
		(void)saved_sessions_keep(saved, o, &w->left);
}

void
session_request_elsewhere(struct session_request *w, const struct options *o,
    struct saved_hold *saved, const uint8_t *machine)
{
	saved_sessions_leave(saved, SAVED_CUT_OFF);
	memset(w->machine, 0, sizeof w->machine);
	w->left = (struct saved_session){ 0 };
	w->others = (struct saved_others){ 0 };
	w->how = HELLO_NEW;
	sys_random(w->id, sizeof w->id);
	if (machine)
		come_back(w, o, saved, machine);
}

/* A shell that was left is come back to, unless another is asked for (returning.h). */
void
session_request_session(struct session_request *w, const struct options *o,
    const struct ssh_config *c, struct saved_hold *saved)
{
	w->how = o->session ? HELLO_OPEN : HELLO_NEW;
	bool by_program = o->returns == RETURN_AUTO && !o->session
	    && returning_by_program(getenv("TERM"), c->escape != 0);
	w->returns = w->kind == KIND_PTY && w->raw && !w->command.len
	    && isatty(STDOUT_FILENO) && !by_program;
	w->place = place_now(c);
	if (w->returns && !o->session && !o->fresh)
		come_back(w, o, saved, NULL);
}
