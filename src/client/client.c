#include "client/client.h"

#include "base/err.h"
#include "base/log.h"
#include "client/command_line.h"
#include "client/escapes.h"
#include "client/hello.h"
#include "client/launch.h"
#include "client/session_words.h"
#include "ssh/plain_hosts.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	INPUT_MAX = 1024 * 1024, /* typed or pasted while there is no link */
	OUTPUT_WINDOW = 1024 * 1024, /* output the host may send before it is shown */
	CONTROL_SOCKET_MAX = 64 * 1024,
	WORDS_MAX = 64 * 1024, /* of a line */
	FDS_MIN = 32, /* with fewer files open no link could be made beside another */
};

/* ---- ending ---- */

/* Words of session_words.h, if there are any; frees them. */
static void
say(enum log_level level, const char *destination, struct buf *words)
{
	if (words->len && destination)
		log_say(level, "%s: %s", destination, buf_str(words));
	else if (words->len)
		log_say(level, "%s", buf_str(words));
	buf_finish(words);
}

static void
say_how_to_return(const struct client *s)
{
	struct buf words;
	buf_init(&words, WORDS_MAX);
	session_words_left(s->request.id, s->options, &words);
	say(LOG_NOTICE, NULL, &words);
}

static void
end_streams(struct client *s)
{
	for (size_t i = 0; i < s->engine.n_streams; i++)
		stream_end(s->engine.streams[i]);
}

static unsigned end_on_status(struct client *s, enum ending_event event, int status);

unsigned
client_end(struct client *s, enum ending_event event)
{
	return end_on_status(s, event, 0);
}

static void
say_bye(struct client *s, unsigned actions)
{
	if (actions & ENDING_BYE_DONE)
		(void)reconnect_bye(&s->reconnect, BYE_DONE);
	if (actions & ENDING_BYE_DETACHED && !reconnect_bye(&s->reconnect, BYE_DETACHED))
		(void)client_end(s, ENDING_HURRY);
	if (actions & ENDING_BYE_HANGUP)
		(void)reconnect_bye(&s->reconnect, BYE_HANGUP);
}

/* Does what the table of endings says (ending.h), in its order; ENDING_SAY_GONE and
 * ENDING_ANEW are on_gone's. */
static unsigned
end_on_status(struct client *s, enum ending_event event, int status)
{
	unsigned actions = ending_on(&s->ending, event, status, s->loop.now_us);
	s->reconnect.ending = ending_hangs_up(&s->ending);
	if (actions & ENDING_END_STREAMS)
		end_streams(s);
	if (actions & ENDING_COOK)
		console_leave(&s->console);
	if (actions & ENDING_SAY_HOW)
		say_how_to_return(s);
	if (actions & ENDING_SAY_UNTOLD)
		log_say(LOG_NOTICE,
		    "%s: not connected: the session goes on there without us",
		    s->options->destination);
	if (actions & ENDING_KEEP)
		saved_sessions_shown(&s->saved, s->client_id,
		    s->main->in_got - stream_held(s->main).n);
	if (actions & ENDING_KEEP)
		saved_sessions_leave(&s->saved,
		    event == ENDING_KEY ? SAVED_LEFT : SAVED_WINDOW_GONE);
	say_bye(s, actions);
	if (actions & ENDING_FORGET)
		saved_sessions_forget(&s->saved, s->request.id);
	if (actions & ENDING_RECONNECT)
		reconnect_on(&s->reconnect, POLICY_LOST);
	if (actions & ENDING_LEAVE)
		loop_stop(&s->loop);
	if (s->ending.state == ENDING_HANGING_UP && reconnect_has_link(&s->reconnect))
		(void)client_end(s, ENDING_LINKED);
	return actions;
}

void
client_leave(struct client *s, int status)
{
	(void)end_on_status(s, ENDING_STOP, status);
}

void
client_fail(struct client *s, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	console_leave(&s->console);
	log_say(LOG_ERROR, "%s: %s", s->options->destination, text);
	client_leave(s, EXIT_FAILED);
}

/* Tells the host, as soon as there is a link and as far as everything is shown. */
static void
end_turn(struct client *s)
{
	if (reconnect_has_link(&s->reconnect))
		(void)client_end(s, ENDING_LINKED);
	if (s->ending.state == ENDING_DRAINING && console_drained(&s->console)
	    && !mux_master_serves(&s->master) && !forward_table_awaited(&s->forwards))
		(void)client_end(s,
		    stream_drained(s->control) ? ENDING_DRAINED : ENDING_SHOWN);
}

static void
leave_turn(struct client *s)
{
	uint64_t deadline_us = ending_deadline(&s->ending);
	if (reconnect_flushed(&s->reconnect))
		(void)client_end(s, ENDING_FLUSHED);
	if (deadline_us && s->loop.now_us >= deadline_us)
		(void)client_end(s, ENDING_DEADLINE);
}

/* ---- the streams ---- */

static void
start_engine(struct client *s)
{
	engine_init(&s->engine, true);
	s->control = engine_open(&s->engine, STREAM_CONTROL, RANK_CONTROL,
	    CONTROL_SOCKET_MAX, CONTROL_SOCKET_MAX);
}

/* The streams of a session, for the program that is to be run. */
int
client_open_streams(struct client *s)
{
	uint8_t rank = s->request.kind == KIND_PTY ? RANK_TERMINAL : RANK_BULK;
	s->main = engine_open(&s->engine, STREAM_MAIN, rank, INPUT_MAX, OUTPUT_WINDOW);
	if (s->request.kind != KIND_PTY)
		s->errors = engine_open(&s->engine, STREAM_ERROR, rank, 1, OUTPUT_WINDOW);
	bool all = s->main && (s->errors || s->request.kind == KIND_PTY);
	return all ? 0 : ERR_NOMEM;
}

void
client_open_console(struct client *s)
{
	struct console_fds fds = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	if (s->options->stdio_forward) /* what it says, ssh would */
		fds.err = log_as_ssh_fd(LOG_NOTICE);
	if (fds.err < 0)
		fds.err = open("/dev/null", O_WRONLY | O_CLOEXEC);
	s->console.harmless = s->request.manages;
	console_open(&s->console, &s->loop, &fds, s->main, s->errors, s->request.raw,
	    s->config.escape, s->request.predict);
	if (s->config.null_stdin)
		console_no_input(&s->console);
}

/* What was typed is for no other program than the one that is gone. */
static void
count_typed(struct client *s)
{
	if (!s->request.returns || !s->main)
		return;
	s->typed.unsent += backlog_unsent(s->main);
	s->typed.doubtful += backlog_doubtful(s->main);
}

/* The session that is asked for from now on has the id and the name of the one that is gone. */
static void
ask_again(struct client *s)
{
	struct session_request *w = &s->request;
	w->how = HELLO_OPEN;
	w->again = true;
	w->left = (struct saved_session){ 0 };
	w->others = (struct saved_others){ 0 };
	memcpy(w->machine, s->reconnect.machine, ID_LEN);
}

/* Another session in the place of one that is gone. */
static void
begin_anew(struct client *s)
{
	count_typed(s);
	console_close(&s->console);
	forward_table_anew(&s->forwards);
	engine_finish(&s->engine);
	start_engine(s);
	if (!s->control || client_open_streams(s)) {
		s->begun = false; /* the turns that are left have no streams */
		client_fail(s, "%s", err_text(ERR_NOMEM));
		return;
	}
	client_open_console(s);
	s->hints = s->shows = false;
	if (!s->request.returns)
		return;
	ask_again(s);
	console_raw(&s->console);
	(void)console_discard(&s->console);
}

/* ---- what reconnect needs ---- */

static int
on_hello(void *owner, bool resume, struct buf *out)
{
	struct client *s = owner;
	/* Where the last attempt got to, nobody knows. */
	if (s->met && !resume && !s->request.again)
		sys_random(s->request.id, sizeof s->request.id);
	struct hello h = { s->options, &s->request, &s->forwards, s->client_id,
		&s->engine, s->reconnect.describes, reconnect_late_s(&s->reconnect) };
	return hello_put(&h, resume, out);
}

static void
on_lend(void *owner, bool lent)
{
	struct client *s = owner;
	console_lend(&s->console, lent);
	if (lent)
		console_cooked();
	else if (!ending_hangs_up(&s->ending))
		console_raw(&s->console);
}

static const struct reconnect_needs reconnect_needs = { on_hello, on_lend };

/* ---- what others ask ---- */

struct report
client_report(const struct client *s)
{
	const struct datagrams *ds = &s->reconnect.datagrams;
	const struct datagram_end *used = datagrams_used(ds);
	return (struct report){ .destination = s->options->destination,
		.state = s->reconnect.policy.state,
		.lean = reconnect_is_lean(&s->reconnect),
		.datagrams = used ? datagram_state_name(used->policy.state) : NULL,
		.by_datagrams = datagrams_up(ds),
		.lost_percent = used ? datagram_lost_percent(&used->io) : 0,
		.now_us = s->loop.now_us,
		.begun_us = s->begun_us,
		.down_us = s->down_us,
		.srtt_us = reconnect_srtt_us(&s->reconnect),
		.outages = s->outages,
		.outages_us = s->outages_us,
		.sent = s->main->out_acked + s->forwards.tunnel.bytes_in,
		.received = s->main->in_got + (s->errors ? s->errors->in_got : 0)
		    + s->forwards.tunnel.bytes_out,
		.waiting = stream_unacked(s->main),
		.forwards = &s->forwards,
		.predicted = predictions_stats(&s->console.predictions) };
}

/* Another process of this user's, on this machine. */
static void
on_request(void *owner, const char *request, struct buf *out)
{
	struct client *s = owner;
	struct report r = client_report(s);
	bool done;
	if (strcmp(request, "status") == 0)
		report_row(&r, out);
	else if (strcmp(request, "status json") == 0)
		report_json(&r, out);
	else if (strncmp(request, "forward ", 8) == 0) {
		const char *said = command_forward(&s->forwards, request + 8, &done);
		buf_print(out, "%s %s", done ? "ok" : "no", said);
	}
}

/* ---- what reconnect tells ---- */

static void
say_again(const struct client *s, const struct attempt *a, bool rebooted)
{
	char text[AGAIN_TEXT_MAX];
	again_text(&a->handshake.remains, rebooted, &s->typed, sys_wall_s(), text);
	log_say(LOG_NOTICE, "%s: %s", s->options->destination, text);
}

static void
say_welcome(const struct client *s, const struct attempt *a)
{
	const struct handshake *h = &a->handshake;
	bool back = s->request.left.begun_ms == h->begun_ms;
	struct buf words;
	if (h->remains.any && !(back && h->begun_ms)) {
		say_again(s, a, false);
		return;
	}
	buf_init(&words, WORDS_MAX);
	session_words_begun(&s->request, s->options, h, &words);
	say(LOG_NOTICE, NULL, &words);
}

/* In this window another shell begins: what was typed before a person could see that is not
 * for it. */
static void
begun_again(struct client *s, const struct attempt *a)
{
	s->typed.unsent += console_discard(&s->console);
	console_anew(&s->console);
	say_again(s, a, s->reconnect.rebooted);
	s->request.again = false;
	s->typed = (struct again_typed){ 0 };
}

static void
on_up(struct client *s, const struct attempt *a)
{
	bool again = s->request.again;
	bool first = memcmp(s->request.id, a->handshake.session, ID_LEN) != 0 || !s->met
	    || again;
	if (first && s->request.returns) {
		struct saved_session m = { .begun_ms = a->handshake.begun_ms,
			.place = s->request.place };
		if (again)
			begun_again(s, a);
		else
			say_welcome(s, a);
		memcpy(m.id, a->handshake.session, ID_LEN);
		memcpy(m.name, a->handshake.name, sizeof m.name);
		memcpy(m.machine, a->handshake.machine, ID_LEN);
		memcpy(m.address, a->carrier.peer, sizeof m.address);
		if (saved_sessions_keep(&s->saved, s->options, &m))
			log_say(LOG_ERROR,
			    "%s: cannot remember this session: %s; only by its name or "
			    "number it can be come back to",
			    s->options->destination, strerror(errno));
	}
	memcpy(s->request.id, a->handshake.session, ID_LEN);
	if (!s->met)
		forward_table_start(&s->forwards);
	if (!s->met && s->reconnect.is_master)
		mux_master_open(&s->master, &s->loop, &s->config, &s->forwards);
	if (!s->met && s->request.kind != KIND_SELF)
		control_socket_open(&s->local, &s->loop, on_request, s);
	s->met = true;
	s->said_stranger = false;
	(void)client_end(s, ENDING_UP);
	if (!ending_near(&s->ending))
		console_raw(&s->console);
	console_ready(&s->console);
}

static void
on_bye(struct client *s, enum bye_code code)
{
	if (s->ending.state == ENDING_DONE) { /* it answers ours */
		(void)client_end(s, ENDING_CLOSED);
		return;
	}
	console_leave(&s->console);
	const char *what = code == BYE_TAKEN ? "another client has taken the session over"
	    : code == BYE_DETACHED	     ? "detached; the session goes on"
					     : "the session was ended on the host";
	log_say(LOG_NOTICE, "%s: %s", s->options->destination, what);
	client_leave(s, code == BYE_DETACHED ? 0 : EXIT_FAILED);
	if (code == BYE_ENDED)
		saved_sessions_forget(&s->saved, s->request.id);
}

/* It stays remembered: another time its own machine may answer. */
static void
on_elsewhere(struct client *s, const uint8_t *machine)
{
	log_say(LOG_NOTICE,
	    "%s: another machine of this name answers; the session that was left stays on its own",
	    s->options->destination);
	session_request_elsewhere(&s->request, s->options, &s->saved, machine);
	reconnect_elsewhere(&s->reconnect);
}

/* Nothing is awaited of the host any more. */
static bool
is_whole(const struct client *s)
{
	return s->main && s->main->in_ended && (!s->errors || s->errors->in_ended)
	    && !forward_table_awaited(&s->forwards);
}

/* What is next where it is not the end anyway. */
static enum reconnect_next
after_gone(const struct client *s, const struct reconnect_gone *g)
{
	if (s->request.kind == KIND_NONE)
		return RECONNECT_ANEW;
	if (!s->request.returns || s->options->read_only)
		return RECONNECT_OVER;
	/* A person has said so once, or it is so by itself: the next answer changes nothing. */
	if (s->request.again)
		return RECONNECT_ASK;
	return again_next((enum options_again)s->options->again, g);
}

static void
say_asks(const struct client *s, const char *gone)
{
	struct buf words;
	buf_init(&words, WORDS_MAX);
	session_words_asks(gone, s->config.escape, &words);
	say(LOG_NOTICE, s->options->destination, &words);
}

static enum reconnect_next
on_gone(struct client *s, const struct reconnect_gone *g)
{
	enum reconnect_next next = after_gone(s, g);
	s->ending.replaceable = next != RECONNECT_OVER;
	s->ending.whole = is_whole(s);
	const char *what = session_words_gone(g, s->options->read_only && !s->met);
	unsigned actions = client_end(s, ENDING_GONE);
	bool anew = actions & ENDING_ANEW;
	if (s->request.returns && !anew)
		saved_sessions_forget(&s->saved, s->request.id);
	if (!(actions & ENDING_SAY_GONE))
		return RECONNECT_OVER;
	console_leave(&s->console);
	if (!anew
	    || !s->request.returns) /* else it is said when the other one is there */
		log_say(anew ? LOG_NOTICE : LOG_ERROR, "%s: %s%s",
		    s->options->destination, what, anew ? "; another one begins" : "");
	if (anew)
		begin_anew(s);
	if (anew && next == RECONNECT_ASK) /* where no line can be drawn, too */
		say_asks(s, what);
	return anew && s->begun ? next : RECONNECT_OVER;
}

/* The user gets what plain ssh gives; of a shell, kept by what the host has for that. */
void
client_go_plain(struct client *s, const char *why, enum plain_keeper keeper)
{
	plain_ssh_choose(&s->plain, s->options, &s->request, &s->config, keeper, why);
	if (s->config.no_command)
		sd_notify_last(&s->notify, s->options->destination, why);
	client_leave(s, CLIENT_PLAIN_SSH);
}

/* belay-server cannot run there. */
static void
on_plain(struct client *s, const struct reconnect_event *e)
{
	enum plain_keeper keeper = plain_keeper_of(e->keeper);
	if (s->request.manages) {
		client_fail(s, "there are no sessions of belay: %s", e->text);
		return;
	}
	if (e->remember)
		plain_hosts_remember(&s->config, keeper);
	client_go_plain(s, e->text, keeper);
}

static void
on_foreign(struct client *s, struct carrier_foreign *foreign)
{
	s->plain = (struct plain_ssh){ .null_stdin = s->config.null_stdin,
		.foreign = *foreign };
	*foreign = (struct carrier_foreign){ 0 };
	client_leave(s, CLIENT_FOREIGN);
}

static void
on_failed(struct client *s, const char *text)
{
	if (text)
		client_fail(s, "%s", text);
	else
		client_leave(s, EXIT_FAILED);
}

static void
on_refused(struct client *s)
{
	if (s->request.raw || s->reconnect.said_why)
		return;
	log_say(LOG_ERROR,
	    "%s: the login was refused, and there is nobody to ask; trying again in a "
	    "minute, then less often",
	    s->options->destination);
	s->reconnect.said_why = true;
}

/* On a terminal the status line says it. */
static void
on_stranger(struct client *s)
{
	struct buf words;
	if (s->request.raw || s->said_stranger)
		return;
	buf_init(&words, WORDS_MAX);
	session_words_stranger(&s->reconnect.stranger, &words);
	say(LOG_ERROR, s->options->destination, &words);
	s->said_stranger = true;
}

static void
on_told(struct client *s, const struct reconnect_event *e)
{
	switch (e->told) {
	case RECONNECT_UP:
		on_up(s, e->attempt);
		break;
	case RECONNECT_LOST:
		(void)client_end(s, e->clean ? ENDING_CLOSED : ENDING_LOST);
		break;
	case RECONNECT_GONE:
		reconnect_gone(&s->reconnect, on_gone(s, &e->gone));
		break;
	case RECONNECT_ELSEWHERE:
		on_elsewhere(s, e->machine);
		break;
	case RECONNECT_REFUSED:
		on_refused(s);
		break;
	case RECONNECT_STRANGER:
		on_stranger(s);
		break;
	case RECONNECT_BYE:
		on_bye(s, e->code);
		break;
	case RECONNECT_PLAIN:
		on_plain(s, e);
		break;
	case RECONNECT_FOREIGN:
		on_foreign(s, e->foreign);
		break;
	case RECONNECT_FAILED:
		on_failed(s, e->text);
	}
}

static void
reconnect_turn(struct client *s)
{
	struct reconnect_event event;
	while (reconnect_next(&s->reconnect, &event))
		on_told(s, &event);
}

/* ---- what the console tells ---- */

static void
on_command(void *owner, enum escape_command command)
{
	escapes_do(owner, command);
}

static void
on_line(void *owner, const char *text)
{
	struct client *s = owner;
	command_line(&s->forwards, text, s->config.permits_local);
}

static void
on_typed(void *owner)
{
	struct client *s = owner;
	if (!reconnect_is_lean(&s->reconnect))
		reconnect_on(&s->reconnect, POLICY_NUDGE);
}

static void
on_login(void *owner)
{
	struct client *s = owner;
	reconnect_on(&s->reconnect, POLICY_PERSON);
}

static void
on_terminal_gone(void *owner)
{
	(void)client_end(owner, ENDING_TERMINAL_GONE);
}

static void
on_unread(void *owner, const struct stream *stream)
{
	struct client *s = owner;
	if (s->request.kind == KIND_PTY)
		(void)client_end(s, ENDING_TERMINAL_GONE);
	else
		(void)engine_tell(&s->engine, MSG_STOP, &(struct msg_stop){ stream->id });
}

static void
on_asked(void *owner, bool *ret_asks, unsigned *ret_question)
{
	struct client *s = owner;
	*ret_asks = reconnect_asks(&s->reconnect);
	*ret_question = reconnect_question(&s->reconnect);
}

static enum prompt_event
on_answer(void *owner, struct span *keys)
{
	struct client *s = owner;
	return reconnect_keys(&s->reconnect, keys);
}

static void
on_cancel(void *owner)
{
	struct client *s = owner;
	reconnect_cancel(&s->reconnect);
}

static void
on_dropped(void *owner)
{
	struct client *s = owner;
	log_say(LOG_NOTICE, "%s: what you typed during the login was thrown away",
	    s->options->destination);
}

static void
on_late(void *owner)
{
	struct client *s = owner;
	log_say(LOG_NOTICE, "%s: connected again; what you typed just then was not sent",
	    s->options->destination);
}

static const struct console_events console_events = { on_command, on_typed, on_login,
	on_terminal_gone, on_unread, on_asked, on_answer, on_cancel, on_dropped, on_late,
	on_line };

/* ---- the loop ---- */

static void
tell_away(struct client *s)
{
	char line[HOOKS_AWAY_MAX];
	if (!s->away.n)
		return;
	while_away_line(&s->away, sizeof line - 1, true, sys_wall_s(), line);
	hooks_away(&s->hooks, &s->away.notes[0], line);
	notifier_away(&s->notifier, &s->away, display_offset(&s->console.out) == 0,
	    s->loop.now_us);
}

static void
control_turn(struct client *s)
{
	enum msg_type type;
	union msg m;
	int err;
	while ((err = engine_told(&s->engine, &type, &m)) > 0) {
		if (type == MSG_AWAY) {
			while_away_take(&s->away, &m.away, sys_wall_s());
			if (s->away.whole)
				tell_away(s);
			continue;
		}
		if (type == MSG_ECHOED) {
			s->hints = true;
			predictions_hint(&s->console.predictions, &m.echoed);
			continue;
		}
		if (type != MSG_EXIT
		    && (err = forward_table_take(&s->forwards, type, &m)))
			break;
		if (type != MSG_EXIT)
			continue;
		s->exited = true;
		/* ssh reports a program that a signal ended as 255; and runs none where a
		 * forward fails that must not. */
		bool by_itself = m.exit.how == EXIT_STATUS && !s->forwards.failed;
		(void)end_on_status(s, ENDING_EXIT,
		    by_itself ? (int)m.exit.status : EXIT_FAILED);
	}
	if (err < 0)
		client_fail(s, "the host sent what it must not: %s", err_text(err));
}

/* What is typed may be shown before the host has. */
static void
predictions_step(struct client *s)
{
	struct predictions *p = &s->console.predictions;
	predictions_link(p, reconnect_srtt_us(&s->reconnect),
	    s->met && !reconnect_up(&s->reconnect));
	bool shows = predictions_wants_hints(p);
	if (s->hints && shows != s->shows
	    && engine_tell(&s->engine, MSG_SHOWS, &(struct msg_shows){ shows }))
		s->shows = shows;
}

static uint64_t
terminal_turn(struct client *s)
{
	if (!s->begun)
		return 0;
	predictions_step(s);
	uint64_t at = console_turn(&s->console,
	    (s->reconnect.was_up || s->request.again) && !ending_begun(&s->ending));
	if (!s->console.resized || !reconnect_has_link(&s->reconnect)
	    || s->request.kind != KIND_PTY)
		return at;
	struct tty_size size;
	if (tty_get_size(STDIN_FILENO, &size) == 0) {
		struct msg_window m = { size.rows, size.cols, size.xpixel, size.ypixel };
		(void)engine_tell(&s->engine, MSG_WINDOW, &m);
	}
	s->console.resized = false;
	return at;
}

/* What -f waits for, and what ExitOnForwardFailure asks. */
static uint64_t
forward_table_step(struct client *s)
{
	uint64_t at = forward_table_turn(&s->forwards, s->loop.now_us);
	bool ready = s->met && !ending_near(&s->ending)
	    && forward_table_settled(&s->forwards);
	if (s->forwards.failed && !ending_near(&s->ending)) {
		(void)client_end(s, ENDING_FORWARD_FAILED);
	} else if (s->background.waits && ready) {
		background_enter(&s->background,
		    !s->config.no_command     ? STDIN_FILENO
			: s->options->verbose ? STDOUT_FILENO
					      : STDERR_FILENO);
	}
	if (s->notify.path[0]) {
		struct report r = client_report(s);
		loop_sooner(&at, sd_notify_turn(&s->notify, &r, ready));
	}
	return at;
}

static void
count_outages(struct client *s, uint64_t now_us)
{
	bool up = reconnect_up(&s->reconnect) || !s->met;
	if (!up && !s->down_us)
		s->down_us = now_us;
	if (!up || !s->down_us)
		return;
	s->outages++;
	s->outages_us += now_us - s->down_us;
	s->down_us = 0;
}

/* The host has been away for so long that nothing is awaited any more. */
static uint64_t
give_up_turn(struct client *s, uint64_t now_us)
{
	if (!s->give_up_us || !s->down_us || ending_near(&s->ending))
		return 0;
	uint64_t at = s->down_us + s->give_up_us;
	if (now_us < at)
		return at;
	client_fail(s,
	    "the host has not answered for %" PRIu64 " s: given up (--give-up)",
	    s->give_up_us / 1000000);
	return 0;
}

static uint64_t
master_turn(struct client *s, uint64_t now_us)
{
	uint64_t at = mux_master_turn(&s->master, reconnect_master(&s->reconnect),
	    now_us);
	if (s->master.ends)
		(void)client_end(s, ENDING_TERM);
	s->master.ends = false;
	return at;
}

uint64_t
client_turn(void *client, uint64_t now_us)
{
	struct client *s = client;
	if (s->begun && s->request.again)
		s->typed.unsent += console_discard(&s->console);
	reconnect_take(&s->reconnect);
	reconnect_turn(s);
	reconnect_receive(&s->reconnect);
	reconnect_turn(s);
	count_outages(s, now_us);
	uint64_t hooks_us = s->begun && !ending_near(&s->ending)
	    ? hooks_turn(&s->hooks, s->down_us, now_us)
	    : 0;
	control_turn(s);
	if (s->begun)
		console_asked(&s->console);
	uint64_t status_us = notifier_turn(&s->notifier, ending_near(&s->ending), now_us);
	uint64_t terminal_us = terminal_turn(s);
	uint64_t forward_table_us = s->begun ? forward_table_step(s) : 0;
	uint64_t master_us = master_turn(s, now_us);
	end_turn(s);
	reconnect_send(&s->reconnect);
	reconnect_turn(s);
	tunnel_watch(&s->forwards.tunnel);
	leave_turn(s);
	uint64_t at = reconnect_deadline(&s->reconnect);
	loop_sooner(&at, give_up_turn(s, now_us));
	loop_sooner(&at, hooks_us);
	loop_sooner(&at, terminal_us);
	loop_sooner(&at, forward_table_us);
	loop_sooner(&at, master_us);
	loop_sooner(&at, engine_trim(&s->engine, now_us));
	loop_sooner(&at, ending_deadline(&s->ending));
	loop_sooner(&at, status_us);
	return at;
}

static void
on_signal(void *owner, int sig)
{
	struct client *s = owner;
	switch (sig) {
	case SIGCHLD:
		ssh_query_reap(&s->query);
		reconnect_reap(&s->reconnect);
		hooks_reap(&s->hooks);
		break;
	case SIGWINCH:
		s->console.resized = true;
		break;
	case SIGCONT:
		console_continued(&s->console);
		break;
	default: /* TERM, HUP, INT, QUIT */
		(void)client_end(s, ENDING_TERM);
	}
}

/* ---- the beginning ---- */

static int
start(struct client *s, const char *ssh)
{
	static const int signals[] = { SIGCHLD, SIGWINCH, SIGCONT, SIGTERM, SIGHUP,
		SIGINT, SIGQUIT, 0 };
	const struct options *o = s->options;
	signal(SIGPIPE, SIG_IGN);
	if (loop_init(&s->loop, signals))
		return -1;
	s->loop.turn = client_turn;
	s->loop.turn_owner = s;
	s->loop.on_signal = on_signal;
	s->console.events = &console_events;
	s->console.owner = s;
	start_engine(s);
	session_request_init(&s->request);
	sys_random(s->client_id, sizeof s->client_id);
	reconnect_init(&s->reconnect, &s->loop, &s->engine, o, ssh, &reconnect_needs, s);
	notifier_init(&s->notifier, &s->console, &s->reconnect, o->destination);
	s->started = true;
	return s->control ? 0 : -1;
}

int
client_init(struct client *s, struct options *o, const char *ssh)
{
	*s = (struct client){ .options = o, .unsettled = o, .begun_us = sys_now_us() };
	sd_notify_init(&s->notify);
	if (start(s, ssh)) {
		log_say(LOG_ERROR, "cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (s->loop.fds_max < FDS_MIN) {
		log_say(LOG_ERROR,
		    "cannot start: only %zu files may be open (ulimit -n), and a session "
		    "that comes back needs %d",
		    s->loop.fds_max, FDS_MIN);
		return EXIT_FAILED;
	}
	ssh_query_start(&s->query, &s->loop, o, ssh, false, launch, s);
	return 0;
}

static void
say_not_sent(const struct client *s)
{
	if (!s->begun || !s->request.raw || s->exited || backlog_is_an_enter(s->main))
		return;
	struct buf words;
	buf_init(&words, WORDS_MAX);
	session_words_unsent(s->typed.unsent + backlog_unsent(s->main), &words);
	say(LOG_NOTICE, NULL, &words);
	buf_init(&words, WORDS_MAX);
	session_words_doubtful(s->typed.doubtful
		+ (reconnect_has_link(&s->reconnect) ? 0 : backlog_doubtful(s->main)),
	    &words);
	say(LOG_NOTICE, NULL, &words);
}

int
client_finish(struct client *s)
{
	if (!s->started)
		return s->ending.status;
	console_leave(&s->console);
	say_not_sent(s);
	reconnect_finish(&s->reconnect,
	    s->ending.delivered && reconnect_flushed(&s->reconnect));
	saved_sessions_leave(&s->saved, SAVED_CUT_OFF);
	console_close(&s->console);
	control_socket_close(&s->local);
	mux_master_close(&s->master);
	forward_table_finish(&s->forwards);
	sys_restore_stdio();
	ssh_query_finish(&s->query);
	ssh_config_finish(&s->config);
	settings_finish(&s->settings);
	session_request_finish(&s->request);
	engine_finish(&s->engine);
	s->plain.background = s->background;
	return s->ending.status;
}

int
client_run(struct client *s, struct options *o, const char *ssh)
{
	int status = client_init(s, o, ssh);
	if (!status)
		loop_run(&s->loop);
	int end = client_finish(s);
	return status ? status : end;
}
