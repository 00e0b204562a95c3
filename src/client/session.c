#include "client/session.h"

#include "base/err.h"
#include "base/log.h"
#include "client/attempt.h"
#include "client/config.h"
#include "client/escape.h"
#include "client/plain.h"
#include "client/sink.h"
#include "stream/policy.h"
#include "sys/child.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ATTEMPTS = 4, /* the link, the one that is tried, and such as are still dying */
	READ_MAX = 16 * 1024,
	PIPE_READ_MAX = 64 * 1024, /* what a pipe holds */
	INPUT_MAX = 1024 * 1024, /* typed or pasted while there is no link */
	OUTPUT_WINDOW = 1024 * 1024, /* output the host may send before it is shown */
	CONTROL_MAX = 64 * 1024,
	/* room for the first hello, before its contents are known */
	CONNECT_TIMEOUT_MIN_S = 4,
	CONNECT_TIMEOUT_MAX_S = 15,
	ANSWER_MAX = 256 * 1024,
	PRELUDE_MAX = 4 * 1024, /* of each stream, sent ahead of the handshake */
	/* how long the host keeps a session nobody comes back to */
	LINGER_S = 7 * 24 * 3600,
	HEARTBEAT_US = 5 * 1000000,
	DOUBT_MIN_US = 1000 * 1000,
	DOUBT_MAX_US = 5 * 1000000,
	/* for the last acknowledgement, and for ssh to end */
	UNDERTAKER_MS = 10000, /* ssh's last round trip may take this long */
	END_PATIENCE_US = 3 * 1000000,
	EXIT_FAILED = 255, /* ssh(1), EXIT STATUS: an error of the connection */
};

struct session {
	const struct options *options;
	const char *ssh;
	struct loop loop;
	struct engine engine;
	struct stream *control, *main, *errors; /* errors: NULL on a terminal */
	enum hello_kind kind;
	struct buf command;
	struct config config;
	bool begun; /* the configuration is known, and so what is to be run */
	struct watch asked; /* what `ssh -G` says of the configuration */
	struct buf answer;
	pid_t asked_pid;
	int asked_err;
	bool raw; /* our stdin is a terminal that has to be raw */
	struct policy policy;
	struct escape escape;
	struct attempt attempts[ATTEMPTS];
	struct attempt *trying, *linked;
	uint8_t client_id[ID_LEN], id[ID_LEN], boot_id[ID_LEN];
	bool was_up; /* the session exists on the host */
	struct watch keys; /* stdin */
	bool keys_ended;
	struct sink out, err;
	bool resized;
	bool doubted; /* the policy was told of it */
	bool asking; /* ssh has the terminal for a prompt */
	bool exited, hanging_up, told_done;
	unsigned signals; /* that asked us to end */
	int exit_status;
	uint64_t end_us; /* when to stop waiting for a clean end; 0: not ending */
};

static struct session session; /* one a process */

/* ---- ending ---- */

static void
terminal_raw(struct session *s)
{
	if (s->raw && tty_raw(STDIN_FILENO) == 0)
		log_line_end("\r\n");
}

static void
terminal_cooked(void)
{
	tty_cooked();
	log_line_end("\n");
}

static void
leave(struct session *s, int status)
{
	s->exit_status = status;
	loop_stop(&s->loop);
}

__attribute__((format(printf, 2, 3))) static void
fail(struct session *s, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	terminal_cooked();
	log_say(LOG_ERROR, "%s: %s", s->options->destination, text);
	leave(s, EXIT_FAILED);
}

/* ---- attempts ---- */

static int
put_hello(struct session *s, struct buf *out)
{
	struct buf positions, modes;
	struct tty_size size = { 24, 80, 0, 0 };
	const char *term = getenv("TERM");
	struct msg_hello m = { .version_min = PROTOCOL_OLDEST,
		.version_max = PROTOCOL_VERSION,
		.build = { (const uint8_t *)BELAY_BUILD, strlen(BELAY_BUILD) },
		.kind = (uint8_t)s->kind,
		.wish = s->was_up ? WISH_RESUME : WISH_NEW,
		.linger_s = LINGER_S,
		.command = buf_span(&s->command) };
	(void)tty_get_size(STDIN_FILENO, &size);
	m.rows = size.rows;
	m.cols = size.cols;
	m.xpixel = size.xpixel;
	m.ypixel = size.ypixel;
	if (term)
		m.term = (struct span){ (const uint8_t *)term, strlen(term) };
	memcpy(m.client, s->client_id, ID_LEN);
	memcpy(m.session, s->id, ID_LEN);
	buf_init(&positions, ENGINE_STREAMS * POSITION_LEN);
	buf_init(&modes, 4096);
	int err = engine_positions(&s->engine, &positions);
	if (tty_encode_modes(STDIN_FILENO, &modes))
		buf_drop(&modes, modes.len);
	m.positions = buf_span(&positions);
	m.modes = buf_span(&modes);
	if (!err)
		err = msg_put(out, MSG_HELLO, &m);
	buf_finish(&positions);
	buf_finish(&modes);
	return err;
}

static struct attempt *
free_attempt(struct session *s)
{
	for (size_t i = 0; i < ATTEMPTS; i++) {
		struct attempt *a = &s->attempts[i];
		if (a != s->trying && a != s->linked && a->pid == 0)
			return a;
	}
	return NULL;
}

static void decide(struct session *s, enum policy_event event);

/* Short at first: a connection that fell into a hole while the network was away stays
 * there; longer when nothing works, for slow networks. */
static unsigned
connect_timeout_s(const struct session *s)
{
	unsigned seconds = CONNECT_TIMEOUT_MIN_S + 2 * s->policy.tries;
	return seconds < CONNECT_TIMEOUT_MAX_S ? seconds : CONNECT_TIMEOUT_MAX_S;
}

static void
connect_now(struct session *s, bool asks, bool fresh)
{
	struct buf hello, prelude;
	struct attempt *a = free_attempt(s);
	struct attempt_plan plan = { .options = s->options,
		.ssh = s->ssh,
		.first = s->policy.state == POLICY_FIRST,
		.asks = asks,
		.fresh = fresh,
		.hold_errors = s->command.len > 0,
		.connect_timeout_s = connect_timeout_s(s) };
	if (!a) {
		decide(s, POLICY_FAILED); /* older ones are still dying */
		return;
	}
	buf_init(&hello, FRAME_MAX);
	buf_init(&prelude, FRAME_MAX);
	int err = put_hello(s, &hello);
	if (!err)
		err = engine_prelude(&s->engine, &prelude, PRELUDE_MAX);
	plan.hello = buf_span(&hello);
	plan.prelude = buf_span(&prelude);
	if (asks) {
		terminal_cooked();
		s->asking = true;
	}
	if (!err)
		err = attempt_start(a, &s->loop, &plan);
	buf_finish(&hello);
	buf_finish(&prelude);
	if (!err)
		s->trying = a;
	else if (plan.first)
		fail(s, "cannot start %s: %s", s->ssh,
		    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
	else
		decide(s, POLICY_FAILED);
}

static void
drop_link(struct session *s)
{
	if (!s->linked)
		return;
	engine_remove(&s->engine, &s->linked->io.link);
	attempt_close(s->linked, &s->loop);
	s->linked = NULL;
}

static void
decide(struct session *s, enum policy_event event)
{
	enum policy_state before = s->policy.state;
	unsigned actions = policy_on(&s->policy, event, s->loop.now_us);
	if (before != s->policy.state)
		log_say(LOG_VERBOSE, "%s -> %s", policy_state_name(before),
		    policy_state_name(s->policy.state));
	if (actions & POLICY_ABANDON && s->trying) {
		attempt_close(s->trying, &s->loop);
		s->trying = NULL;
	}
	if (actions & (POLICY_CONNECT | POLICY_CONNECT_ASK))
		connect_now(s, actions & POLICY_CONNECT_ASK, false);
}

/* The attempt has become the link. */
static void
link_ready(struct session *s, struct attempt *a)
{
	struct link *l = &a->io.link;
	if (s->was_up && memcmp(s->boot_id, a->boot_id, ID_LEN) != 0)
		log_say(LOG_VERBOSE, "the host's boot id has changed");
	memcpy(s->boot_id, a->boot_id, ID_LEN);
	s->trying = NULL;
	drop_link(s);
	s->linked = a;
	l->heartbeat_us = HEARTBEAT_US;
	l->doubt_min_us = DOUBT_MIN_US;
	l->doubt_max_us = DOUBT_MAX_US;
	l->heard_us = s->loop.now_us;
	l->flight_max = s->kind == KIND_PTY ? FLIGHT_MAX : FLIGHT_BULK;
	(void)engine_add(&s->engine, l); /* the old one is gone: there is room */
	s->was_up = true;
	s->doubted = false;
	s->asking = false;
	if (!s->hanging_up)
		terminal_raw(s);
	decide(s, POLICY_READY);
}

static bool
is_zero(const uint8_t id[ID_LEN])
{
	static const uint8_t zero[ID_LEN];
	return memcmp(id, zero, ID_LEN) == 0;
}

static void
say_plain(const struct options *o, const char *why)
{
	if (isatty(STDERR_FILENO))
		log_say(LOG_NOTICE, "%s: plain ssh, which does not survive a cut: %s",
		    o->destination, why);
}

/* belay-server cannot run there: the user gets what plain ssh gives. */
static void
fall_back(struct session *s, const struct attempt *a)
{
	say_plain(s->options, a->text);
	/* What is not the host's nature, as a full disk, may be otherwise next time. */
	if (a->why != WHY_NO_PLACE)
		plain_remember(s->options);
	leave(s, SESSION_PLAIN_SSH);
}

static void
server_refused(struct session *s, struct attempt *a)
{
	bool rebooted = s->was_up && !is_zero(a->boot_id) && !is_zero(s->boot_id)
	    && memcmp(a->boot_id, s->boot_id, ID_LEN) != 0;
	switch (a->refused.code) {
	case REFUSE_GONE:
		if (s->hanging_up)
			leave(s, s->exit_status);
		else
			fail(s,
			    rebooted
				? "the host has been rebooted; the session is gone"
				: "the session is gone: it ended or was killed on the host");
		break;
	case REFUSE_VERSION:
		fail(s,
		    "the session speaks another version of the protocol (server %s, belay %s)",
		    a->text, BELAY_BUILD);
		break;
	case REFUSE_CANNOT:
		if (!s->was_up) {
			fall_back(s, a);
			break;
		}
		/* fall through */
	default:
		fail(s, "the host refuses the session: %s", a->text);
	}
}

/* The attempt that was tried is over, and is not the link. */
static void
attempt_failed(struct session *s, struct attempt *a)
{
	s->trying = NULL;
	if (s->asking) {
		s->asking = false;
		terminal_raw(s);
	}
	switch (a->why) {
	case WHY_REFUSED:
		server_refused(s, a);
		break;
	case WHY_HOST_KEY:
		if (s->policy.state == POLICY_FIRST)
			leave(s, EXIT_FAILED); /* ssh has said why */
		else
			fail(s,
			    "the host key has changed, or is not known: not connecting again");
		break;
	case WHY_NO_SERVER:
		if (!a->fresh && a->phase == ATTEMPT_OVER && a->boot.os[0] == 0) {
			/* the server that was there does not run */
			connect_now(s, false, true);
			break;
		}
		/* fall through */
	case WHY_NO_PLACE:
	case WHY_SILENT:
	case WHY_NOISE:
	case WHY_PROTOCOL: {
		/* Endless output is of no use on a terminal; a pipe may be there for it. */
		bool plain = a->why == WHY_NO_SERVER || a->why == WHY_NO_PLACE
		    || a->why == WHY_SILENT
		    || (a->why == WHY_NOISE && s->kind != KIND_PTY);
		if (s->policy.state == POLICY_FIRST && plain)
			fall_back(s, a);
		else if (s->policy.state == POLICY_FIRST)
			fail(s, "cannot start a session there: %s", a->text);
		else
			decide(s, POLICY_FAILED);
		break;
	}
	case WHY_LOGIN:
		if (s->policy.state != POLICY_FIRST && !s->raw)
			fail(s, "the login was refused, and there is nobody to ask");
		else if (s->policy.state != POLICY_FIRST)
			log_say(LOG_ERROR,
			    "%s: the login was refused; Enter logs in again, %c. leaves",
			    s->options->destination, s->config.escape);
		decide(s, POLICY_REFUSED);
		break;
	default:
		decide(s, POLICY_FAILED);
	}
	if (s->policy.state == POLICY_FIRST && !s->trying && !s->loop.stopped)
		leave(s, EXIT_FAILED);
}

static void
link_lost(struct session *s)
{
	drop_link(s);
	s->doubted = false;
	if (s->hanging_up && !s->told_done)
		/* the hangup has taken ssh too: tell the host by another */
		decide(s, POLICY_LOST);
	else if (s->end_us)
		leave(s, s->exit_status);
	else
		decide(s, POLICY_LOST);
}

static void
link_frames(struct session *s)
{
	struct attempt *a = s->linked;
	struct frame f;
	long len;
	while ((len = link_frame(&a->io.link, &f)) > 0) {
		int err = f.type == MSG_BYE
		    ? ERR_STATE
		    : engine_frame(&s->engine, &a->io.link, &f, s->loop.now_us);
		if (err) {
			log_say(LOG_VERBOSE, "bad %s from the host: %s", msg_name(f.type),
			    err_text(err));
			len = err;
			break;
		}
		link_drop(&a->io.link, len);
		if (s->doubted) {
			s->doubted = false;
			decide(s, POLICY_HEARD);
		}
	}
	if (len < 0)
		link_lost(s);
}

static void
attempts_turn(struct session *s)
{
	struct attempt *a = s->trying;
	if (a) {
		attempt_input(a, &s->engine);
		if (a->phase == ATTEMPT_OVER) {
			attempt_close(a, &s->loop);
			attempt_failed(s, a);
		} else if (a->phase == ATTEMPT_LINK) {
			link_ready(s, a);
		} else {
			linkio_write(&a->io, NULL, s->loop.now_us);
			if (a->io.broken)
				/* its end tells why */
				a->io.in.events = a->io.out.events = 0;
		}
	}
	if (s->linked)
		link_frames(s);
}

/* ---- the terminal ---- */

static void
help(struct session *s)
{
	char c = s->config.escape;
	fprintf(stderr,
	    "%c?\r\nSupported escape sequences:\r\n"
	    " %c.   - end the session\r\n"
	    " %c^Z  - suspend belay\r\n"
	    " %cR   - connect again now\r\n"
	    " %c?   - this message\r\n"
	    " %c%c   - send the escape character by typing it twice\r\n"
	    "(Note that escapes are only recognized immediately after newline.)\r\n",
	    c, c, c, c, c, c, c);
}

static void
suspend(struct session *s)
{
	terminal_cooked();
	kill(getpid(), SIGSTOP);
	terminal_raw(s);
	s->resized = true;
}

static void hang_up(struct session *s, int status);

static void
escape_command(struct session *s, enum escape_command command)
{
	switch (command) {
	case ESCAPE_LEAVE:
		hang_up(s, EXIT_FAILED);
		if (!s->linked)
			s->end_us = s->loop.now_us; /* a person does not wait */
		break;
	case ESCAPE_SUSPEND:
		suspend(s);
		break;
	case ESCAPE_HELP:
		help(s);
		break;
	case ESCAPE_RECONNECT:
		decide(s, POLICY_DOUBT);
		break;
	case ESCAPE_NONE:
		break;
	}
}

static void
typed(struct session *s, struct span bytes)
{
	struct buf out;
	buf_init(&out, 2 * READ_MAX);
	while (bytes.n && !s->loop.stopped) {
		enum escape_command command = escape_filter(&s->escape, &bytes, &out);
		(void)stream_write(s->main, buf_bytes(&out), out.len);
		buf_drop(&out, out.len);
		escape_command(s, command);
	}
	buf_finish(&out);
}

/* The end of stdin: of a terminal, it is gone; of anything else, the program learns. */
static void
keys_end(struct session *s)
{
	s->keys_ended = true;
	if (s->raw)
		hang_up(s, EXIT_FAILED);
	else if (s->kind != KIND_PTY)
		stream_end(s->main);
}

static ssize_t
read_keys(struct session *s)
{
	uint8_t bytes[READ_MAX];
	size_t room = stream_room(s->main) / 2; /* an escape may become two bytes */
	ssize_t n = read(s->keys.fd, bytes, room < sizeof bytes ? room : sizeof bytes);
	if (n > 0) {
		bool enter = memchr(bytes, '\r', (size_t)n) != NULL;
		typed(s, (struct span){ bytes, (size_t)n });
		decide(s, enter ? POLICY_PERSON : POLICY_NUDGE);
	}
	return n;
}

/* Any other stdin: as it is. */
static ssize_t
read_input(struct session *s)
{
	uint8_t *room;
	size_t max = stream_space(s->main, PIPE_READ_MAX, &room);
	ssize_t n = read(s->keys.fd, room, max);
	if (n > 0)
		stream_wrote(s->main, (size_t)n);
	return n;
}

static void
on_keys(void *owner, short revents)
{
	struct session *s = owner;
	(void)revents;
	if (stream_room(s->main) < 2)
		return;
	ssize_t n = s->raw ? read_keys(s) : read_input(s);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		keys_end(s);
}

/* Who read our output has gone. */
static void
sink_broke(struct session *s, const struct sink *sink)
{
	struct msg_stop m = { sink->stream->id };
	if (s->kind == KIND_PTY)
		hang_up(s, EXIT_FAILED);
	else
		(void)engine_tell(&s->engine, MSG_STOP, &m);
}

static void
show(struct session *s)
{
	if (s->asking)
		return;
	if (!sink_write(&s->out))
		sink_broke(s, &s->out);
	if (!sink_write(&s->err))
		sink_broke(s, &s->err);
}

static void
open_stdio(struct session *s)
{
	sink_open(&s->out, &s->loop, STDOUT_FILENO, s->main);
	if (s->errors)
		sink_open(&s->err, &s->loop, STDERR_FILENO, s->errors);
	s->keys = (struct watch){ .fd = STDIN_FILENO, .fn = on_keys, .owner = s };
	loop_add(&s->loop, &s->keys);
	if (s->config.null_stdin) {
		s->keys_ended = true;
		stream_end(s->main);
	}
}

static void
terminal_turn(struct session *s)
{
	if (!s->begun)
		return;
	show(s);
	bool reads = s->was_up && !s->asking && !s->exited && !s->keys_ended
	    && stream_room(s->main) >= 2;
	s->keys.events = reads ? POLLIN : 0;
	if (s->resized && s->linked && s->kind == KIND_PTY) {
		struct tty_size size;
		if (tty_get_size(STDIN_FILENO, &size) == 0) {
			struct msg_window m = { size.rows, size.cols, size.xpixel,
				size.ypixel };
			(void)engine_tell(&s->engine, MSG_WINDOW, &m);
		}
		s->resized = false;
	}
}

/* ---- the end of the session ---- */

static void
say_bye(struct session *s, enum bye_code code)
{
	struct msg_bye m = { .code = (uint16_t)code };
	if (s->linked)
		(void)msg_put(&s->linked->io.queue, MSG_BYE, &m);
}

/* The host is told as soon as there is a link; a moment is given to get one. */
static void
hang_up_turn(struct session *s)
{
	if (!s->hanging_up || s->told_done || !s->linked)
		return;
	say_bye(s, BYE_HANGUP);
	s->told_done = true;
}

/* Ends the session on the host too, if it can be told. */
static void
hang_up(struct session *s, int status)
{
	if (s->end_us)
		return;
	s->exit_status = status;
	s->exited = s->hanging_up = true;
	terminal_cooked();
	s->end_us = s->loop.now_us + END_PATIENCE_US;
	hang_up_turn(s);
}

static void
control_turn(struct session *s)
{
	enum msg_type type;
	union msg m;
	int err;
	while ((err = engine_told(&s->engine, &type, &m)) > 0) {
		if (type != MSG_EXIT)
			continue;
		/* ssh reports a program that a signal ended as 255. */
		s->exit_status = m.exit.how == EXIT_STATUS ? (int)m.exit.status
							   : EXIT_FAILED;
		s->exited = true;
	}
	if (err < 0)
		fail(s, "the host sent what it must not: %s", err_text(err));
}

/* Everything is shown: tell the host that it may forget the session, and end. */
static void
end_turn(struct session *s)
{
	if (!s->exited || s->hanging_up || s->told_done || !sink_drained(&s->out)
	    || !sink_drained(&s->err) || !stream_drained(s->control))
		return;
	for (size_t i = 0; i < s->engine.n_streams; i++)
		stream_end(s->engine.streams[i]);
	terminal_cooked();
	if (s->linked)
		linkio_write(&s->linked->io, &s->engine, s->loop.now_us);
	say_bye(s, BYE_DONE);
	s->told_done = true;
	s->end_us = s->loop.now_us + END_PATIENCE_US;
}

/* ---- the loop ---- */

static void
soonest(uint64_t *at, uint64_t candidate)
{
	if (candidate && (!*at || candidate < *at))
		*at = candidate;
}

static void
watch_link(struct session *s)
{
	if (!s->linked)
		return;
	if (s->linked->io.broken && s->hanging_up) {
		/* how ssh ends tells more */
		s->linked->io.in.events = s->linked->io.out.events = 0;
		return;
	}
	if (s->linked->io.broken) {
		link_lost(s);
		return;
	}
	linkio_write(&s->linked->io, &s->engine, s->loop.now_us);
	if (!s->doubted && link_in_doubt(&s->linked->io.link, s->loop.now_us)) {
		s->doubted = true;
		decide(s, POLICY_DOUBT);
	}
}

static uint64_t
session_turn(void *owner, uint64_t now_us)
{
	struct session *s = owner;
	uint64_t at = 0, deadline = policy_deadline(&s->policy);
	if (deadline && now_us >= deadline)
		decide(s, POLICY_TIMER);
	attempts_turn(s);
	control_turn(s);
	terminal_turn(s);
	hang_up_turn(s);
	end_turn(s);
	watch_link(s);
	for (size_t i = 0; i < ATTEMPTS; i++)
		soonest(&at, attempt_tick(&s->attempts[i], now_us));
	if (s->linked && !s->doubted)
		soonest(&at, engine_deadline(&s->engine, &s->linked->io.link));
	soonest(&at, engine_trim(&s->engine, now_us));
	if (s->linked)
		soonest(&at, linkio_trim(&s->linked->io, now_us));
	soonest(&at, policy_deadline(&s->policy));
	soonest(&at, s->end_us);
	if (s->told_done && !s->hanging_up && s->linked && !s->linked->io.queue.len)
		leave(s, s->exit_status);
	if (s->end_us && now_us >= s->end_us) {
		if (s->hanging_up && !s->told_done)
			log_say(LOG_NOTICE,
			    "%s: not connected: the session goes on there without us",
			    s->options->destination);
		leave(s, s->exit_status);
	}
	return at;
}

static void
reap(struct session *s)
{
	if (s->asked_pid > 0 && child_ended(s->asked_pid, &(int){ 0 }))
		s->asked_pid = 0;
	for (size_t i = 0; i < ATTEMPTS; i++) {
		struct attempt *a = &s->attempts[i];
		int status;
		if (a->pid <= 0 || !child_ended(a->pid, &status))
			continue;
		attempt_ended(a, &s->engine, &s->loop, status);
		if (a != s->linked)
			continue;
		/* A closed window hangs ssh up as well, perhaps before it has sent our BYE. */
		if (s->hanging_up && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
			s->told_done = false;
		link_lost(s);
	}
}

static void
on_signal(void *owner, int sig)
{
	struct session *s = owner;
	switch (sig) {
	case SIGCHLD:
		reap(s);
		break;
	case SIGWINCH:
		s->resized = true;
		break;
	case SIGCONT:
		s->resized = true;
		/* stopped from outside: the shell has its own settings now */
		if (tty_is_raw()) {
			tty_cooked();
			terminal_raw(s);
		}
		break;
	default: /* TERM, HUP, INT, QUIT: the second one does not wait */
		if (s->signals++ && s->end_us)
			leave(s, EXIT_FAILED);
		else if (s->was_up)
			/* as ssh; no harm if the terminal's end did it */
			hang_up(s, EXIT_FAILED);
		else
			leave(s, EXIT_FAILED);
	}
}

/* The host has everything to say; ssh only has to carry our last word to it, and ends when
 * the host closes.  That takes a round trip, for which nobody needs to wait: a child of
 * ours sees to it that ssh does end. */
static void
leave_to_undertaker(struct attempt *a)
{
	pid_t pid = fork();
	if (pid != 0) {
		a->pid = pid < 0 ? a->pid : 0;
		return;
	}
	setsid();
	int output = a->io.in.fd; /* its end is ssh's end */
	for (int fd = 0; fd < 256; fd++)
		if (fd != output)
			close(fd);
	char drain[512];
	ssize_t n = 1;
	while (n > 0 && sys_wait(output, POLLIN, UNDERTAKER_MS))
		n = read(output, drain, sizeof drain);
	if (n > 0)
		kill(a->pid, SIGTERM); /* it did not end in time */
	_exit(0);
}

/* The children get a moment to end by themselves, then TERM, then KILL. */
static void
end_children(struct session *s)
{
	if (s->asked_pid > 0)
		kill(s->asked_pid, SIGTERM);
	if (s->linked && s->told_done && !s->hanging_up && !s->linked->io.queue.len)
		leave_to_undertaker(s->linked);
	for (size_t i = 0; i < ATTEMPTS; i++)
		attempt_close(&s->attempts[i], &s->loop);
	for (size_t i = 0; i < ATTEMPTS; i++) {
		struct attempt *a = &s->attempts[i];
		for (int waited_ms = 0; a->pid > 0 && !child_ended(a->pid, &a->status);) {
			if (waited_ms++ == 1000)
				kill(a->pid, SIGKILL);
			poll(NULL, 0, 1);
		}
		a->pid = 0;
	}
}

/* ---- the beginning ---- */

/* What is to be run, and on what, as ssh decides it.  False if that is ssh's alone. */
static bool
choose_kind(struct session *s)
{
	const struct options *o = s->options;
	const struct config *c = &s->config;
	bool terminal = isatty(STDIN_FILENO);
	for (char **word = o->command; *word; word++)
		buf_print(&s->command, "%s%s", word == o->command ? "" : " ", *word);
	if (c->no_command || c->background || (c->remote_command.n && s->command.len))
		return false;
	(void)buf_put(&s->command, c->remote_command.p, c->remote_command.n);
	if (c->subsystem) {
		s->kind = KIND_SFTP;
		return strcmp(s->command.len ? buf_str(&s->command) : "", "sftp") == 0;
	}
	bool pty = c->tty == CONFIG_TTY_FORCE || (c->tty == CONFIG_TTY_YES && terminal)
	    || (c->tty == CONFIG_TTY_AUTO && !s->command.len && terminal);
	bool wanted = c->tty == CONFIG_TTY_YES
	    || (c->tty == CONFIG_TTY_AUTO && !s->command.len);
	if (wanted && !terminal)
		log_say(LOG_NOTICE,
		    "Pseudo-terminal will not be allocated because stdin is not a terminal.");
	s->kind = pty ? KIND_PTY : KIND_PIPES;
	s->raw = pty && terminal && !c->null_stdin;
	return true;
}

/* The configuration is known: makes the streams, and connects. */
static int
begin(struct session *s)
{
	s->main = engine_open(&s->engine, STREAM_MAIN, 1, INPUT_MAX, OUTPUT_WINDOW);
	if (s->kind != KIND_PTY)
		s->errors = engine_open(&s->engine, STREAM_ERROR, 1, 1, OUTPUT_WINDOW);
	if (!s->main || (!s->errors && s->kind != KIND_PTY) || s->command.failed)
		return ERR_NOMEM;
	escape_init(&s->escape, s->raw ? s->config.escape : 0);
	open_stdio(s);
	s->begun = true;
	connect_now(s, true, false);
	return 0;
}

static void
config_known(struct session *s)
{
	if (!choose_kind(s)) {
		leave(s, SESSION_PLAIN_SSH);
		return;
	}
	int err = begin(s);
	if (err)
		fail(s, "%s", err_text(err));
}

static void
on_answer(void *owner, short revents)
{
	struct session *s = owner;
	(void)revents;
	if (sys_read_into(s->asked.fd, &s->answer, ANSWER_MAX / 16) >= 0
	    && s->answer.len < ANSWER_MAX / 2)
		return;
	loop_remove(&s->loop, &s->asked);
	close(s->asked.fd);
	close(s->asked_err);
	s->asked.fd = -1;
	config_parse(&s->config, buf_span(&s->answer));
	config_known(s);
}

/* Runs `ssh -G`, some milliseconds, before ssh connects: what is to be run goes with the
 * command line, which saves a round trip.  Where it cannot, the command line decides. */
static void
ask_config(struct session *s)
{
	const struct options *o = s->options;
	size_t n = 0, n_words = 0;
	int fds[3];
	config_from_options(&s->config, o);
	while (&o->ssh_argv[n_words] != o->command)
		n_words++;
	char **argv = calloc(n_words + 3, sizeof *argv);
	if (argv) {
		argv[n++] = (char *)(uintptr_t)s->ssh;
		argv[n++] = (char *)(uintptr_t) "-G";
		for (size_t i = 1; i < n_words; i++)
			argv[n++] = o->ssh_argv[i];
		s->asked_pid = child_start(argv, true, fds);
		free(argv);
	}
	if (!argv || s->asked_pid < 0) {
		config_known(s);
		return;
	}
	close(fds[0]);
	s->asked_err = fds[2]; /* kept open, so that a warning does not kill it */
	s->asked =
	    (struct watch){ .fd = fds[1], .events = POLLIN, .fn = on_answer, .owner = s };
	loop_add(&s->loop, &s->asked);
}

static int
session_init(struct session *s, const struct options *o, const char *ssh)
{
	static const int signals[] = { SIGCHLD, SIGWINCH, SIGCONT, SIGTERM, SIGHUP,
		SIGINT, SIGQUIT, 0 };
	uint64_t seed;
	s->options = o;
	s->ssh = ssh;
	signal(SIGPIPE, SIG_IGN);
	if (loop_init(&s->loop, signals))
		return -1;
	s->loop.turn = session_turn;
	s->loop.turn_owner = s;
	s->loop.on_signal = on_signal;
	engine_init(&s->engine, true);
	s->control = engine_open(&s->engine, STREAM_CONTROL, 0, CONTROL_MAX, CONTROL_MAX);
	buf_init(&s->command, FRAME_MAX / 2);
	buf_init(&s->answer, ANSWER_MAX);
	sys_random(s->id, sizeof s->id);
	sys_random(s->client_id, sizeof s->client_id);
	sys_random(&seed, sizeof seed);
	policy_init(&s->policy, seed);
	return s->control ? 0 : -1;
}

int
session_run(const struct options *o, const char *ssh)
{
	struct session *s = &session;
	if (plain_known(o)) {
		say_plain(o, "belay-server could not run there lately");
		return SESSION_PLAIN_SSH;
	}
	if (session_init(s, o, ssh)) {
		log_say(LOG_ERROR, "cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	ask_config(s);
	loop_run(&s->loop);
	terminal_cooked();
	end_children(s);
	sink_close(&s->out, &s->loop);
	sink_close(&s->err, &s->loop);
	sys_restore_stdio();
	buf_finish(&s->command);
	buf_finish(&s->answer);
	engine_finish(&s->engine);
	return s->exit_status;
}
