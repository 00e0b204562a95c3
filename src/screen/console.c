#include "screen/console.h"

#include "base/log.h"
#include "sys/sys.h"
#include "sys/tty.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	READ_MAX = 16 * 1024,
	ANSWER_READ_MAX = 1024,
	PIECE_MAX = 512, /* keys that go through the escapes at once */
	LINE_MAX_BYTES = 1024,
	TYPED_MS =
	    50, /* no person types the next key sooner; a paste's next piece comes */
	PIPE_READ_MAX = 64 * 1024, /* what a pipe holds */
	/* An escape may become two bytes, and what looked like an answer comes with a key. */
	ROOM_MIN = 2 * (1 + CURSOR_REPORT_MAX) + ESCAPE_HELD_MAX,
	RETRY_US = 100 * 1000, /* without memory */
	ANSWER_US = 500 * 1000, /* a terminal far away */
};

/* ---- the terminal's settings ---- */

void
console_raw(const struct console *c)
{
	if (c->raw && tty_raw(c->fds.in) == 0)
		log_line_end("\r\n");
}

void
console_cooked(void)
{
	tty_cooked();
	log_line_end("\n");
}

/* Others have written: nothing on the terminal is known now, nor its size. */
static void
others_wrote(struct console *c)
{
	c->resized = true;
	display_forget(&c->out);
}

static bool
in_line(const struct console *c)
{
	return c->keyboard.state == KEYBOARD_LINE;
}

/* The terminal is the display's to write to. */
static bool
is_ours(const struct console *c)
{
	return !c->lent && !c->left && !in_line(c);
}

/* Others are about to write to the terminal. */
static void
step_aside(struct console *c)
{
	if (is_ours(c))
		display_yield(&c->out);
}

/* The last words: the model only knows where they begin. */
static void
say_behind(struct console *c, const char *text)
{
	size_t n = strlen(text);
	(void)sys_write_all(c->fds.err, text, n);
	(void)term_write(c->out.model, text, n);
	if (n && text[n - 1] == '\n')
		(void)term_write(c->out.model, "\r", 1);
}

void
console_say(struct console *c, const char *text)
{
	if (c->left && c->shares && c->out.model) {
		say_behind(c, text);
		return;
	}
	if (c->shares && is_ours(c)
	    && (c->above ? display_say_above : display_say)(&c->out, text)) {
		if (!tty_is_raw()) /* the line ends there as the terminal has it */
			display_forget(&c->out);
		return;
	}
	bool terminal = isatty(c->fds.err);
	if (terminal)
		step_aside(c);
	(void)sys_write_all(c->fds.err, text, strlen(text));
	if (terminal)
		display_forget(&c->out);
}

/* A message begins on a line of its own, and ends it. */
static void
on_message(void *owner, const char *line)
{
	struct console *c = owner;
	int row, col = 0;
	if (c->out.model && c->shares && c->left)
		term_cursor(c->out.model, &row, &col);
	else if (c->out.model && c->shares && is_ours(c))
		display_begin_line(&c->out);
	if (col)
		console_say(c, "\r\n");
	console_say(c, line);
}

/* What the terminal is about to answer is for nobody else: it would be typed into the shell
 * that belay was started from.  What else is typed meanwhile goes with it. */
static void
read_answers(struct console *c)
{
	uint8_t bytes[256 + CURSOR_REPORT_MAX];
	uint64_t now_us = sys_now_us(), until_us = now_us + ANSWER_US;
	while (
	    c->raw && !c->ended && now_us < until_us && display_awaits(&c->out, now_us)) {
		ssize_t n = 0;
		if (sys_wait(c->fds.in, POLLIN, (int)((until_us - now_us) / 1000) + 1))
			n = read(c->fds.in, bytes, sizeof bytes - CURSOR_REPORT_MAX);
		if (n <= 0)
			break;
		(void)display_filter(&c->out, bytes, (size_t)n);
		now_us = sys_now_us();
	}
	sys_wipe(bytes, sizeof bytes);
}

void
console_lend(struct console *c, bool lent)
{
	if (lent) {
		step_aside(c);
		read_answers(c);
	}
	c->lent = lent;
	display_forget(&c->out);
}

void
console_suspend(struct console *c)
{
	step_aside(c);
	read_answers(c);
	console_cooked();
	kill(getpid(), SIGSTOP);
	console_raw(c);
	others_wrote(c);
}

void
console_continued(struct console *c)
{
	others_wrote(c);
	if (tty_is_raw()) { /* the shell has its own settings now */
		tty_cooked();
		console_raw(c);
	}
}

/* ---- stdin ---- */

/* Whether more comes so soon behind an escape that no person has typed it. */
static bool
is_pasted(const struct console *c)
{
	/* A terminal that tells of released keys says so of these, too, and soon. */
	return !c->escape.keys.releases && sys_wait(c->keys.fd, POLLIN, TYPED_MS);
}

/* Bytes that have been read cannot be put back: the room for them is made before.  Returns
 * how many, at most `max`, the program is sure to get. */
static size_t
room_for(struct console *c, size_t max)
{
	uint8_t *room;
	if (buf_room(&c->filtered, 2 * PIECE_MAX, &room))
		return 0;
	size_t n = stream_reserve(c->main, 2 * max + ESCAPE_HELD_MAX);
	return n > ESCAPE_HELD_MAX ? (n - ESCAPE_HELD_MAX) / 2 : 0;
}

/* There must be room. */
static void
to_program(struct console *c, struct span bytes, bool typed)
{
	struct buf *out = &c->filtered;
	while (bytes.n && !c->loop->stopped) {
		size_t n = bytes.n < PIECE_MAX ? bytes.n : PIECE_MAX;
		struct span piece = { bytes.p, n };
		enum escape_command command = escape_filter(&c->escape, &piece, typed,
		    out);
		bool is_text = command && is_pasted(c);
		if (is_text)
			escape_was_text(&c->escape, out);
		predictions_keys(&c->predictions, buf_span(out), stream_written(c->main));
		(void)stream_write(c->main, buf_bytes(out), out->len);
		buf_drop(out, out->len);
		bytes.p += n;
		bytes.n -= n;
		if (command && !is_text)
			c->events->command(c->owner, command);
	}
}

static void
try_later(struct console *c)
{
	c->retry_us = c->loop->now_us + RETRY_US;
}

/* The keys that were held during a login, as soon as there is room for them. */
static void
give_held(struct console *c)
{
	struct keyboard *k = &c->keyboard;
	if (room_for(c, k->n_held) < k->n_held) {
		try_later(c);
		return;
	}
	c->gives = false;
	to_program(c, (struct span){ k->held, k->n_held }, k->n_held <= ESCAPE_TYPED_MAX);
	keyboard_forget(k);
}

static void
do_actions(struct console *c, unsigned actions)
{
	if (actions & KEYBOARD_GIVE) {
		c->gives = true;
		give_held(c);
	}
	if (actions & KEYBOARD_SAY)
		c->events->dropped(c->owner);
	if (actions & KEYBOARD_SAY_LATE)
		c->events->late(c->owner);
	if (actions & KEYBOARD_LOGIN) {
		c->escape.line_start =
		    true; /* it was an Enter, though not the program's */
		c->events->login(c->owner);
	}
}

void
console_asked(struct console *c)
{
	bool asks;
	unsigned question;
	if (c->gives)
		return; /* what is held is not forgotten before it is given */
	c->events->asked(c->owner, &asks, &question);
	do_actions(c, keyboard_asked(&c->keyboard, asks, question));
}

void
console_ready(struct console *c)
{
	do_actions(c, keyboard_ready(&c->keyboard));
}

/* Without an escape character there is no other key than Enter. */
static void
note_offer(struct console *c)
{
	bool waits = c->escape.character
	    && (stream_unacked(c->main) || c->escape.pending);
	if (c->raw)
		keyboard_offer(&c->keyboard, c->offers, waits, c->loop->now_us);
}

void
console_offer(struct console *c, bool offers)
{
	c->offers = offers;
	if (c->main)
		note_offer(c);
}

void
console_away(struct console *c, bool away)
{
	c->away = away;
}

size_t
console_drop(struct console *c)
{
	size_t n = backlog_drop(c->main);
	if (n)
		predictions_dropped(&c->predictions);
	return n;
}

size_t
console_discard(struct console *c)
{
	size_t n = backlog_unsent(c->main);
	c->main->out_hold = c->main->out_high;
	if (!n)
		return 0;
	stream_replace(c->main, c->main->out_high, c->main->out_high + n,
	    (struct span){ 0 });
	predictions_dropped(&c->predictions);
	c->escape.line_start = true; /* nobody has the line */
	return n;
}

void
console_anew(struct console *c)
{
	c->backlog = (struct backlog){ 0 };
	c->main->out_hold = UINT64_MAX;
	c->gives = false;
	keyboard_anew(&c->keyboard, c->loop->now_us);
}

/* The end of stdin: of a terminal, it is gone; of anything else, the program learns. */
static void
keys_end(struct console *c)
{
	c->ended = true;
	if (c->raw)
		c->events->gone(c->owner);
	else if (c->errors)
		stream_end(c->main);
}

static void
take_for_program(struct console *c, struct span *keys, bool typed)
{
	backlog_typed(&c->backlog, c->loop->now_us);
	to_program(c, *keys, typed);
	keys->n = 0;
	c->events->typed(c->owner);
	console_asked(c);
}

/* Behind an Enter that is not the program's, the keys are for the login. */
static void
take_offered(struct console *c, struct span *keys, bool typed)
{
	do_actions(c, keyboard_take_offered(&c->keyboard, keys, typed));
	console_asked(c);
}

static void
take_late(struct console *c, struct span *keys)
{
	escape_skip(&c->escape, *keys);
	do_actions(c, keyboard_take_late(&c->keyboard, keys));
}

static void
take_answer(struct console *c, struct span *keys)
{
	static const enum keyboard_event events[] = { [PROMPT_MORE] = KEYBOARD_TYPED,
		[PROMPT_ANSWERED] = KEYBOARD_ENTER,
		[PROMPT_CANCELLED] = KEYBOARD_CANCEL };
	enum prompt_event event = c->events->answer(c->owner, keys);
	do_actions(c, keyboard_on(&c->keyboard, events[event]));
	if (event == PROMPT_CANCELLED)
		keys->n = 0; /* as a terminal does it with ^C */
}

/* Keys that are held or thrown away. */
static void
take_back(struct console *c, struct span *keys)
{
	if (!keyboard_take(&c->keyboard, keys))
		return;
	c->events->cancel(c->owner);
	keys->n = 0;
}

static void
take_keys(struct console *c, struct span keys)
{
	bool typed = keys.n <= ESCAPE_TYPED_MAX;
	while (keys.n && !c->loop->stopped)
		switch (c->keyboard.state) {
		case KEYBOARD_PROGRAM:
			take_for_program(c, &keys, typed);
			break;
		case KEYBOARD_OFFER:
			take_offered(c, &keys, typed);
			break;
		case KEYBOARD_LATE:
		case KEYBOARD_LATE_SAID:
			take_late(c, &keys);
			break;
		case KEYBOARD_ANSWER:
			take_answer(c, &keys);
			break;
		case KEYBOARD_NOBODY:
		case KEYBOARD_LINE: /* nothing stands behind a ~C */
			return;
		default:
			take_back(c, &keys);
		}
}

/* Not now: there is no memory. */
static ssize_t
read_nothing(struct console *c)
{
	try_later(c);
	errno = EAGAIN;
	return -1;
}

/* How many keys may be read.  What is typed for a question needs no room, but it may end with
 * the first key, and all behind it is the program's. */
static size_t
keys_max(struct console *c)
{
	bool program = keyboard_is_programs(&c->keyboard);
	size_t max = program ? READ_MAX : ANSWER_READ_MAX;
	size_t room = room_for(c, max + CURSOR_REPORT_MAX);
	if (room > CURSOR_REPORT_MAX)
		return room - CURSOR_REPORT_MAX;
	return program ? 0 : 1;
}

/* What is typed for a question does not stay here. */
static ssize_t
read_keys(struct console *c)
{
	uint8_t bytes[READ_MAX + CURSOR_REPORT_MAX];
	size_t max = keys_max(c);
	if (!max)
		return read_nothing(c);
	ssize_t n = read(c->keys.fd, bytes, max);
	if (n <= 0)
		return n;
	/* What the terminal answers to us is not for the program. */
	size_t left = display_filter(&c->out, bytes, (size_t)n);
	take_keys(c, (struct span){ bytes, left });
	sys_wipe(bytes, (size_t)n + CURSOR_REPORT_MAX);
	return n;
}

/* What looked like the beginning of an answer, and nothing has followed. */
static void
release_keys(struct console *c)
{
	uint8_t bytes[CURSOR_REPORT_MAX];
	if (!c->out.reports.n_held || keys_max(c) < sizeof bytes)
		return;
	size_t n = display_filter(&c->out, bytes, 0);
	take_keys(c, (struct span){ bytes, n });
	sys_wipe(bytes, sizeof bytes);
}

/* Any other stdin: as it is. */
static ssize_t
read_input(struct console *c)
{
	uint8_t *room;
	size_t max = stream_space(c->main, PIPE_READ_MAX, &room);
	if (!max)
		return read_nothing(c); /* read(2) of nothing would look like the end */
	ssize_t n = read(c->keys.fd, room, max);
	if (n > 0)
		stream_wrote(c->main, (size_t)n);
	return n;
}

/* The terminal gives whole lines; what stands behind one has been typed for the program. */
static ssize_t
read_line(struct console *c)
{
	size_t max = LINE_MAX_BYTES - c->line.len;
	if (room_for(c, max) < max)
		max = 1; /* nothing stands behind the line then */
	/* ^D is an end, too: of what has been typed. */
	bool over = sys_read_into(c->keys.fd, &c->line, max) < 0;
	const uint8_t *end = c->line.len ? memchr(buf_bytes(&c->line), '\n', c->line.len)
					 : NULL;
	if (!end && !over && c->line.len < LINE_MAX_BYTES)
		return 1;
	char text[LINE_MAX_BYTES + 1];
	size_t len = end ? (size_t)(end - buf_bytes(&c->line)) : c->line.len;
	memcpy(text, buf_bytes(&c->line), len);
	text[len] = 0;
	(void)keyboard_on(&c->keyboard, KEYBOARD_LINE_ENDS);
	escape_skip(&c->escape, (struct span){ (const uint8_t *)text, len });
	buf_drop(&c->line, len + (end != NULL));
	c->events->line(c->owner, text);
	console_raw(c);
	others_wrote(c);
	struct buf rest = c->line; /* in it another ~C may stand */
	buf_init(&c->line, LINE_MAX_BYTES);
	take_keys(c, buf_span(&rest));
	buf_finish(&rest);
	return 1;
}

void
console_line(struct console *c, const char *prompt)
{
	if (!c->raw || c->keyboard.state != KEYBOARD_PROGRAM)
		return;
	step_aside(c);
	read_answers(c);
	console_cooked();
	buf_init(&c->line, LINE_MAX_BYTES);
	(void)keyboard_on(&c->keyboard, KEYBOARD_LINE_OPENS);
	(void)sys_write_all(c->fds.err, prompt, strlen(prompt));
}

/* Only what goes into the stream needs room in it. */
static bool
is_full(const struct console *c)
{
	return keyboard_is_programs(&c->keyboard) && stream_room(c->main) < ROOM_MIN;
}

static void
on_keys(void *owner, short revents)
{
	struct console *c = owner;
	(void)revents;
	console_asked(c);
	if (!keyboard_is_anew(&c->keyboard)) /* else it may have been typed long ago */
		note_offer(c);
	if (is_full(c) || c->gives)
		return;
	ssize_t n = in_line(c) ? read_line(c) : c->raw ? read_keys(c) : read_input(c);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		keys_end(c);
}

/* ---- what is shown ---- */

bool
console_status(struct console *c, const char *text)
{
	bool shows = c->out.model && !c->out.broken && is_ours(c)
	    && !display_transfers(&c->out);
	if (c->loop && (shows || !text))
		status_line_want(&c->status, text, c->loop->now_us);
	return shows;
}

/* The terminal's answer comes as a key does: raw, behind what was typed before, and not in
 * the middle of a paste. */
static bool
may_ask(void *owner)
{
	const struct console *c = owner;
	return c->raw && tty_is_raw() && !c->ended && is_ours(c)
	    && !escape_in_paste(&c->escape) && !c->keyboard.keys.pasting
	    && !sys_wait(c->keys.fd, POLLIN, 0);
}

/* ---- all of it ---- */

void
console_open(struct console *c, struct loop *loop, const struct console_fds *fds,
    struct stream *main, struct stream *errors, bool raw, char escape,
    enum predict_mode mode)
{
	c->loop = loop;
	c->fds = *fds;
	c->main = main;
	c->errors = errors;
	c->raw = raw;
	c->left = false;
	escape_init(&c->escape, raw ? escape : 0);
	buf_init(&c->filtered, 2 * PIECE_MAX);
	display_open(&c->out, loop, fds->out, main);
	c->shares = !errors && tty_same(fds->out, fds->err);
	if (!errors && display_watch(&c->out)) {
		status_line_init(&c->status, c->out.model, &c->out.reports,
		    tty_is_utf8());
		(void)display_add(&c->out, &status_line_ops, &c->status);
		predictions_open(&c->predictions, &c->out, loop,
		    raw ? mode : PREDICT_NEVER);
	}
	c->out.may_ask = may_ask;
	c->out.owner = c;
	if (!errors && isatty(fds->err))
		log_to(on_message, c);
	if (errors)
		display_open(&c->err, loop, fds->err, errors);
	if (c->harmless) {
		display_harmless(&c->out, tty_is_utf8());
		display_harmless(&c->err, tty_is_utf8());
	}
	c->keys = (struct watch){ .fd = fds->in, .fn = on_keys, .owner = c };
	if (!loop_add_kept(loop, &c->keys))
		console_no_input(c);
	else
		(void)keyboard_on(&c->keyboard, KEYBOARD_OPENS);
}

void
console_no_input(struct console *c)
{
	c->ended = true;
	stream_end(c->main);
}

static void
show(struct console *c, struct display *d)
{
	if (!display_turn(d))
		c->events->unread(c->owner, d->stream);
}

uint64_t
console_turn(struct console *c, bool reads)
{
	if (c->retry_us && c->loop->now_us >= c->retry_us)
		c->retry_us = 0;
	if (c->gives && !c->retry_us)
		give_held(c);
	if (c->resized)
		display_fit(&c->out);
	release_keys(c);
	(void)predictions_turn(&c->predictions);
	if (is_ours(c)) {
		if (predictions_awaits(&c->predictions))
			display_ask(&c->out);
		else
			show(c, &c->out);
		show(c, &c->err);
	}
	bool full = is_full(c);
	if (full && !c->full && c->raw && !c->main->out_ended)
		display_bell(&c->out);
	c->full = full;
	reads = reads && !c->lent && !c->ended && !full && !c->gives && !c->retry_us;
	c->keys.events = reads ? POLLIN : 0;
	uint64_t at = predictions_turn(&c->predictions); /* of what was shown, too */
	loop_sooner(&at, c->retry_us);
	loop_sooner(&at, display_deadline(&c->out));
	if (!c->raw)
		return at;
	/* What was typed too soon is read before that counts as over. */
	if (!keyboard_is_anew(&c->keyboard) || !sys_wait(c->keys.fd, POLLIN, 0))
		note_offer(c);
	loop_sooner(&at, backlog_turn(&c->backlog, c->main, c->away, c->loop->now_us));
	loop_sooner(&at, keyboard_deadline(&c->keyboard));
	return at;
}

bool
console_drained(const struct console *c)
{
	return display_drained(&c->out) && display_drained(&c->err);
}

void
console_leave(struct console *c)
{
	if (c->main && c->out.model && !c->left) {
		display_leave(&c->out);
		read_answers(c);
		c->left = true;
	}
	console_cooked();
}

void
console_close(struct console *c)
{
	if (!c->main)
		return;
	log_to(NULL, NULL);
	loop_remove(c->loop, &c->keys);
	(void)keyboard_on(&c->keyboard, KEYBOARD_CLOSES);
	buf_finish(&c->line);
	buf_finish(&c->filtered);
	display_close(&c->out, c->loop);
	predictions_close(&c->predictions);
	display_close(&c->err, c->loop);
	c->backlog = (struct backlog){ 0 };
	c->gives = false;
	c->main = NULL;
}
