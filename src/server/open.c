#include "server/open.h"

#include "base/err.h"
#include "link/pipe.h"
#include "server/rundir.h"
#include "server/session_ctl.h"
#include "sys/sock.h"
#include "sys/sys.h"
#include "sys/tty.h"
#include "term/term.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONTROL_MAX = 64 * 1024,
	KEYS_MAX = 64 * 1024,
	OUTPUT_WINDOW = 256 * 1024,
	PIECE = 4 * 1024, /* written to the terminal at once */
	READ_MAX = 512,
	HISTORY_ROWS = 10 * 1000, /* as belay's client wants */
	HISTORY_MS = 1000,
	LINGER_S = 30 * 24 * 3600,
	MODES_MAX = 4 * 1024,
	UNDO_MAX = 8 * 1024,
	GOODBYE_US = 1000 * 1000,
	LOST = 255,
};

struct opened {
	struct loop loop;
	struct engine engine;
	struct stream *control, *main;
	struct pipe io;
	struct watch keys;
	struct term *model; /* of what the terminal shows; NULL: no memory */
	uint8_t id[ID_LEN];
	bool welcome;
	bool in_line,
	    tilde; /* something was typed behind Enter; "~" was, and only that */
	bool over;
	int status;
	char text[256]; /* the last words; "": none */
};

static void
end_with(struct opened *o, int status, const char *text)
{
	if (o->over)
		return;
	o->over = true;
	o->status = status;
	snprintf(o->text, sizeof o->text, "%s", text);
	loop_stop(&o->loop);
}

/* ---- the hello ---- */

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

static int
put_hello(const struct opened *o, const struct open_plan *plan, struct buf *out)
{
	struct tty_size size = { 24, 80, 0, 0 };
	struct buf modes, more;
	struct msg_history history = { HISTORY_MS };
	struct msg_hello m = { .version_min = PROTOCOL_OLDEST,
		.version_max = PROTOCOL_VERSION,
		.build = text_span(BELAY_BUILD),
		.request = HELLO_ATTACH,
		.kind = KIND_PTY,
		.linger_s = LINGER_S,
		.history = HISTORY_ROWS,
		.term = text_span(getenv("TERM")) };
	(void)tty_get_size(STDIN_FILENO, &size);
	m.rows = size.rows;
	m.cols = size.cols;
	m.flags |= plan->share || plan->read_only ? HELLO_SHARE : 0;
	m.flags |= plan->read_only ? HELLO_READ_ONLY : 0;
	sys_random(m.client, ID_LEN);
	memcpy(m.session, o->id, ID_LEN);
	buf_init(&modes, MODES_MAX);
	buf_init(&more, MODES_MAX);
	int err = tty_encode_modes(STDIN_FILENO, &modes);
	if (!err)
		err = msg_put(&more, MSG_HISTORY, &history);
	m.modes = buf_span(&modes);
	m.more = buf_span(&more);
	if (!err)
		err = msg_put(out, MSG_HELLO, &m);
	buf_finish(&modes);
	buf_finish(&more);
	return err;
}

/* Gives the session one end of a pair, as a relay gives it ssh's pipes.  The other end, or -1. */
static int
send_hello(int session, struct span hello)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -1;
	int there[2] = { pair[1], pair[1] };
	int err = sock_send_fds(session, hello, there, 2);
	close(pair[1]);
	if (!err)
		return pair[0];
	close(pair[0]);
	return -1;
}

/* ---- what comes of the session ---- */

static void
on_bye(struct opened *o, const struct msg_bye *m)
{
	char text[128];
	switch (m->code) {
	case BYE_TAKEN:
		end_with(o, 0, "another client has taken the session over");
		break;
	case BYE_DETACHED:
		end_with(o, 0, "sent away; the session goes on");
		break;
	default:
		snprintf(text, sizeof text, "the session has ended");
		end_with(o, LOST, text);
	}
}

static void
shake_hands(struct opened *o, const struct frame *f)
{
	union msg m;
	if (msg_get(f, &m) == 0 && f->type == MSG_WELCOME
	    && !engine_set_positions(&o->engine, m.welcome.positions)) {
		o->welcome = engine_add(&o->engine, &o->io.link) == 0;
		return;
	}
	end_with(o, LOST,
	    f->type == MSG_REFUSE ? "the session does not take this terminal"
				  : "the session does not speak belay's protocol");
}

static void
take_frames(struct opened *o)
{
	struct frame f;
	union msg m;
	long len;
	while (!o->over && (len = link_frame(&o->io.link, &f)) != 0) {
		int err = len < 0 ? ERR_FRAME : 0;
		if (!err && !o->welcome)
			shake_hands(o, &f);
		else if (!err && f.type == MSG_BYE && (err = msg_get(&f, &m)) == 0)
			on_bye(o, &m.bye);
		else if (!err)
			err = engine_frame(&o->engine, &o->io.link, &f, o->loop.now_us);
		if (err)
			end_with(o, LOST, "the session does not speak belay's protocol");
		else
			link_drop(&o->io.link, len);
	}
	if (o->io.link.broken)
		end_with(o, LOST, "the session is gone");
}

static void
take_control(struct opened *o)
{
	enum msg_type type;
	union msg m;
	while (engine_told(&o->engine, &type, &m) > 0)
		if (type == MSG_EXIT)
			o->status = m.exit.how == EXIT_STATUS ? (int)m.exit.status
							      : 128 + (int)m.exit.status;
}

/* Returns whether there is more. */
static bool
show(struct opened *o)
{
	struct span held = stream_held(o->main);
	size_t n = held.n < PIECE ? held.n : PIECE;
	if (n && sys_write_all(STDOUT_FILENO, held.p, n))
		end_with(o, LOST, "");
	if (o->model)
		(void)term_write(o->model, held.p, n);
	stream_take(o->main, n);
	if (stream_drained(o->main))
		end_with(o, o->status, "");
	return stream_held(o->main).n;
}

static void
on_readable(void *owner, short revents)
{
	struct opened *o = owner;
	(void)revents;
	(void)link_read(&o->io.link);
}

/* ---- what is typed ---- */

static void
leave(struct opened *o)
{
	end_with(o, 0, "the session goes on");
}

/* At the beginning, and behind Enter: "~." leaves, "~~" is "~". */
static void
take_keys(struct opened *o, const uint8_t *keys, size_t n)
{
	for (size_t i = 0; i < n && !o->over; i++) {
		uint8_t key = keys[i];
		if (o->tilde && key == '.') {
			leave(o);
			return;
		}
		if (o->tilde && key != '~')
			(void)stream_write(o->main, "~", 1);
		bool held = !o->in_line && key == '~' && !o->tilde;
		o->tilde = held;
		if (held)
			continue;
		(void)stream_write(o->main, &key, 1);
		o->in_line = key != '\r' && key != '\n';
	}
}

static void
on_keys(void *owner, short revents)
{
	struct opened *o = owner;
	uint8_t keys[READ_MAX];
	(void)revents;
	ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
	if (n <= 0)
		leave(o); /* its terminal is gone */
	else
		take_keys(o, keys, (size_t)n);
	sys_wipe(keys, sizeof keys);
}

/* ---- the loop ---- */

static void
tell_size(struct opened *o)
{
	struct tty_size size;
	if (tty_get_size(STDIN_FILENO, &size) || !o->welcome)
		return;
	(void)engine_tell(&o->engine, MSG_WINDOW,
	    &(struct msg_window){ size.rows, size.cols, size.xpixel, size.ypixel });
	if (o->model)
		(void)term_resize(o->model, size.rows, size.cols);
}

static void
on_signal(void *owner, int sig)
{
	struct opened *o = owner;
	if (sig == SIGWINCH)
		tell_size(o);
	else
		leave(o);
}

static uint64_t
turn(void *owner, uint64_t now_us)
{
	struct opened *o = owner;
	take_frames(o);
	take_control(o);
	bool more = !o->over && show(o);
	bool reads = o->welcome && stream_room(o->main) > 2 * READ_MAX;
	o->keys.events = reads ? POLLIN : 0;
	link_write(&o->io.link, o->welcome ? &o->engine : NULL, now_us);
	return more ? now_us : link_write_at(&o->io.link, &o->engine);
}

/* Of what the session sends; its last words are waited for no longer than a moment. */
static void
say_goodbye(struct opened *o)
{
	struct link *l = &o->io.link;
	struct msg_bye m = { .code = stream_drained(o->main) ? BYE_DONE : BYE_DETACHED };
	uint64_t end_us = sys_now_us() + GOODBYE_US;
	if (!o->welcome || l->broken || msg_put(&l->queue, MSG_BYE, &m))
		return;
	while (l->queue.len && !l->broken && sys_now_us() < end_us) {
		link_write(l, NULL, sys_now_us());
		if (l->queue.len)
			(void)sys_wait(o->io.out.fd, POLLOUT, 100);
	}
}

static void
leave_terminal(struct opened *o)
{
	struct buf undo;
	buf_init(&undo, UNDO_MAX);
	if (o->model && term_undo(o->model, &undo) == 0)
		(void)sys_write_all(STDOUT_FILENO, buf_bytes(&undo), undo.len);
	buf_finish(&undo);
	tty_cooked();
}

static bool
set_up(struct opened *o, int link)
{
	static const int signals[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT, 0 };
	struct tty_size size = { 24, 80, 0, 0 };
	signal(SIGPIPE, SIG_IGN);
	if (loop_init(&o->loop, signals))
		return false;
	o->loop.turn = turn;
	o->loop.turn_owner = o;
	o->loop.on_signal = on_signal;
	o->keys = (struct watch){ .fd = STDIN_FILENO, .fn = on_keys, .owner = o };
	engine_init(&o->engine, true);
	o->control = engine_open(&o->engine, STREAM_CONTROL, RANK_CONTROL, CONTROL_MAX,
	    CONTROL_MAX);
	o->main = engine_open(&o->engine, STREAM_MAIN, RANK_TERMINAL, KEYS_MAX,
	    OUTPUT_WINDOW);
	pipe_init(&o->io, &o->loop, on_readable, o);
	int again = dup(link);
	if (again < 0 || !o->control || !o->main || !loop_add_kept(&o->loop, &o->keys)
	    || !pipe_open(&o->io, link, again))
		return false;
	(void)tty_get_size(STDIN_FILENO, &size);
	struct term_options options = { .rows = size.rows, .cols = size.cols };
	(void)term_new(&options, &o->model);
	return tty_raw(STDIN_FILENO) == 0;
}

static int
run(struct opened *o, int link)
{
	if (!set_up(o, link))
		end_with(o, LOST, "no memory, or no descriptors");
	else
		loop_run(&o->loop);
	say_goodbye(o);
	leave_terminal(o);
	link_close(&o->io.link);
	engine_finish(&o->engine);
	term_free(o->model);
	if (o->text[0])
		sys_say(STDERR_FILENO, "\nbelay: %s\n", o->text);
	return o->status;
}

static int
cannot(const char *what, const char *why)
{
	sys_say(STDERR_FILENO, "belay-server: %s%s\n", what, why);
	return LOST;
}

int
open_main(const struct open_plan *plan)
{
	static struct opened o;
	struct buf hello;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cannot("open", " needs a terminal: ssh -t HOST ...");
	if (!session_ctl_choose(plan->which, o.id))
		return plan->which
		    ? cannot(plan->which, ": no session of that name, or more than one")
		    : cannot("no shell is there to come to", "");
	int session = rundir_connect(o.id);
	buf_init(&hello, FRAME_MAX);
	int err = session < 0 ? ERR_SYSTEM : put_hello(&o, plan, &hello);
	int link = err ? -1 : send_hello(session, buf_span(&hello));
	buf_finish(&hello);
	if (link < 0)
		return cannot("the session", " does not answer");
	return run(&o, link);
}
