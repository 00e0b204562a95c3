#include "screen/display.h"

#include "base/text.h"
#include "screen/plain_output.h"
#include "sys/sys.h"
#include "sys/tty.h"
#include "term/read.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCKING_WRITE =
	    512, /* a terminal or a pipe that poll(2) finds writable takes it */
	OURS_MAX = 1024 * 1024,
	BATCH_MAX = 64 * 1024, /* the model is ahead of the terminal by no more */
	MODEL_BATCH = 4 * 1024, /* goes through the model at once: a slice has several */
	UNDO_MAX = 64 * 1024,
	YIELD_MS = 1000,
	QUESTION_US = 1000
	    * 1000, /* a terminal that has not answered a program will not */
	HARMLESS_MAX = 8 * 1024, /* bytes of a line */
};

static void
on_writable(void *owner, short revents)
{
	(void)owner; /* the turn of the loop writes */
	(void)revents;
}

void
display_open(struct display *d, struct loop *loop, int fd, struct stream *stream)
{
	int again = isatty(fd) ? tty_reopen(fd) : -1;
	*d = (struct display){
		.stream = stream,
		.own = again >= 0,
		.write_max = again < 0 ? BLOCKING_WRITE : 0,
		.loop = loop,
		.watch = { .fd = again < 0 ? fd : again, .fn = on_writable, .owner = d }
	};
	buf_init(&d->before, OURS_MAX);
	buf_init(&d->after, OURS_MAX);
	buf_init(&d->says, OURS_MAX);
	buf_init(&d->line, HARMLESS_MAX);
	if (again < 0 && sys_nonblock_stdio(fd) == 0)
		d->write_max = 0;
	/* Without a place it is asked by itself before every write. */
	if (!loop_add_kept(loop, &d->watch))
		d->write_max = BLOCKING_WRITE;
}

/* In a window of screen(1) an alternate screen is none, unless `altscreen on` is set there. */
static bool
may_have_one_screen(const char *kind)
{
	return strncmp(kind, "screen", strlen("screen")) == 0;
}

/* Whether a terminal is known to answer DECXCPR, by what it puts into the environment; but
 * within tmux and screen that is what was around them. */
static bool
answers_by_page(const char *kind)
{
	if (!kind || getenv("TMUX") || getenv("STY"))
		return false;
	bool xterm = strncmp(kind, "xterm", strlen("xterm")) == 0;
	return strcmp(kind, "xterm-kitty") == 0
	    || (xterm && (getenv("XTERM_VERSION") || getenv("VTE_VERSION")));
}

void
display_harmless(struct display *d, bool utf8)
{
	d->harmless = true;
	d->utf8 = utf8;
}

bool
display_watch(struct display *d)
{
	struct tty_size size;
	const char *kind = getenv("TERM");
	if (tty_get_size(d->watch.fd, &size) || !size.rows || !size.cols)
		return false;
	struct term_options o = { .rows = size.rows, .cols = size.cols, .unknown = true };
	if (!kind || strcmp(kind, "dumb") == 0 || term_new(&o, &d->model))
		return false;
	d->reports.by_page = answers_by_page(kind);
	d->one_screen = may_have_one_screen(kind);
	term_is_called(d->model, (struct span){ (const uint8_t *)kind, strlen(kind) });
	return true;
}

bool
display_add(struct display *d, const struct overlay_ops *ops, void *overlay)
{
	if (!d->model || d->n_overlays == DISPLAY_OVERLAYS)
		return false;
	d->overlays[d->n_overlays].ops = ops;
	d->overlays[d->n_overlays++].overlay = overlay;
	return true;
}

uint64_t
display_offset(const struct display *d)
{
	return d->stream->in_got - stream_held(d->stream).n + d->fed;
}

/* ---- what is to be written ---- */

static size_t
unsent(const struct display *d)
{
	return d->before.len + d->fed + d->after.len;
}

/* Where bytes of ours go that follow all that is to be written. */
static struct buf *
tail(struct display *d)
{
	return d->fed ? &d->after : &d->before;
}

/* Without memory for all that was appended since `len` none of it is written: half a sequence
 * would swallow the program's next bytes.  What an overlay has drawn stays there then. */
static void
whole(struct display *d, struct buf *out, size_t len)
{
	if (!out->failed)
		return;
	out->len = len;
	out->failed = false;
	display_forget(d);
}

static bool
any(const struct display *d, bool stale)
{
	for (size_t i = 0; i < d->n_overlays; i++) {
		const struct overlay_ops *ops = d->overlays[i].ops;
		const void *overlay = d->overlays[i].overlay;
		if (stale ? ops->stale(overlay) : ops->shown(overlay))
			return true;
	}
	return false;
}

/* In the reverse order: what lies beneath comes back as the model has it, in any order, but a
 * title that was pushed last is to be popped first. */
static void
lift(struct display *d, bool program)
{
	struct buf *out = tail(d);
	size_t len = out->len;
	for (size_t i = d->n_overlays; i; i--)
		d->overlays[i - 1].ops->lift(d->overlays[i - 1].overlay, program, out);
	whole(d, out, len);
}

/* How many columns the cursor is ahead of the program's, by others than this one; false: there
 * are none. */
static bool
others_ahead(const struct display *d, size_t one, int *ret_ahead)
{
	bool are = false;
	*ret_ahead = 0;
	for (size_t i = 0; i < d->n_overlays; i++) {
		const struct overlay_ops *ops = d->overlays[i].ops;
		const void *overlay = d->overlays[i].overlay;
		if (i == one || !ops->ahead || !ops->shown(overlay))
			continue;
		are = true;
		*ret_ahead += ops->ahead(overlay);
	}
	return are;
}

static void
draw(struct display *d)
{
	struct buf *out = tail(d);
	size_t len = out->len;
	int ahead;
	for (size_t i = 0; i < d->n_overlays; i++)
		d->overlays[i].ops->draw(d->overlays[i].overlay,
		    others_ahead(d, i, &ahead) ? &ahead : NULL, out);
	whole(d, out, len);
}

/* The program waits for the terminal's answer, which might be taken for ours. */
static bool
program_asks(const struct display *d, uint64_t now_us)
{
	return d->questions != term_questions(d->model)
	    && now_us < d->question_us + QUESTION_US;
}

bool
display_awaits(const struct display *d, uint64_t now_us)
{
	bool ours = d->reports.open && now_us < d->reports.asked_us + QUESTION_US;
	return d->model && (ours || program_asks(d, now_us));
}

static void
show_model(struct display *d, struct span bytes)
{
	if (!d->model)
		return;
	unsigned before = term_questions(d->model);
	bool asked = program_asks(d, d->loop->now_us), was = term_on_alternate(d->model);
	(void)term_write(d->model, bytes.p, bytes.n);
	if (d->one_screen && was && !term_on_alternate(d->model))
		display_forget(d);
	cursor_reports_late(&d->reports);
	transfer_output(&d->transfer, bytes, d->loop->now_us);
	d->ahead = 0;
	if (term_questions(d->model) == before)
		return;
	if (!asked)
		d->questions =
		    before; /* what is not answered by now is not going to be */
	d->question_us = d->loop->now_us;
}

static void
feed(struct display *d, struct span bytes)
{
	size_t max = d->model ? MODEL_BATCH : BATCH_MAX;
	d->fed = bytes.n < max ? bytes.n : max;
	show_model(d, (struct span){ bytes.p, d->fed });
}

/* Lines, without what a terminal would obey. */
static void
put_harmless(struct display *d, size_t n)
{
	char text[HARMLESS_MAX + 1];
	memcpy(text, buf_bytes(&d->line), n);
	text[n] = 0;
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : '\a'; /* neither is shown as it is */
	buf_drop(&d->line, n);
	text_printable(text, d->utf8);
	buf_print(&d->before, "%s", text);
}

/* What comes is taken line by line, since a character may come in two parts. */
static void
feed_harmless(struct display *d, struct span held)
{
	size_t room = HARMLESS_MAX - d->line.len, n = held.n < room ? held.n : room;
	if (buf_put(&d->line, held.p, n))
		return;
	stream_take(d->stream, n);
	while (d->line.len) {
		const uint8_t *end = memchr(buf_bytes(&d->line), '\n', d->line.len);
		bool all = d->line.len == HARMLESS_MAX || d->stream->in_ended;
		if (!end && !all)
			break;
		put_harmless(d, end ? (size_t)(end - buf_bytes(&d->line)) : d->line.len);
		if (!end)
			continue;
		buf_putc(&d->before, '\n');
		buf_drop(&d->line, 1);
	}
}

bool
display_transfers(const struct display *d)
{
	return transfer_is_on(&d->transfer, d->loop->now_us);
}

/* What is ours may be written. */
static bool
at_rest(const struct display *d)
{
	return !d->model
	    || (term_at_rest(d->model) && !term_shift_waits(d->model)
		&& !display_transfers(d));
}

/* The terminal takes text of ours as it takes the program's. */
static void
speak(struct display *d)
{
	static const struct span line = { (const uint8_t *)"\r\n", 2 };
	struct span text = buf_span(&d->says);
	int row, col = 0;
	if (!text.n || !at_rest(d))
		return;
	if (d->own_line && d->model)
		term_cursor(d->model, &row, &col);
	if (col && !buf_put(tail(d), line.p, line.n))
		show_model(d, line);
	d->own_line = false;
	if (buf_put(tail(d), text.p, text.n))
		return;
	show_model(d, text);
	buf_drop(&d->says, text.n);
}

/* Asks where the cursor is, if somebody wants to know and now is the time. */
static void
ask(struct display *d)
{
	struct cursor_place place, origin;
	if (!d->model || !cursor_reports_due(&d->reports) || !at_rest(d)
	    || program_asks(d, d->loop->now_us) || !d->may_ask || !d->may_ask(d->owner))
		return;
	term_cursor(d->model, &place.row, &place.col);
	term_origin(d->model, &origin.row, &origin.col);
	place.row = term_cursor_known(d->model) ? place.row - origin.row : -1;
	place.col -= origin.col;
	(void)others_ahead(d, SIZE_MAX, &d->ahead);
	place.col += d->ahead;
	cursor_reports_ask(&d->reports, place, d->loop->now_us, tail(d));
}

/* ---- what need not be lifted ---- */

/* The overlays stay while this is written, and see to what they have drawn behind it. */
static bool
pass(struct display *d, struct span held)
{
	int row, col, cells;
	if (!d->model || d->says.len || held.n > MODEL_BATCH || term_hindrances(d->model)
	    || display_transfers(d))
		return false;
	term_cursor(d->model, &row, &col);
	if (!plain_output(held, col, term_cols(d->model), &cells))
		return false;
	struct overlay_reach reach = { cells < 0 ? -1 : row, col, col + cells };
	for (size_t i = 0; i < d->n_overlays; i++) {
		const struct overlay_ops *ops = d->overlays[i].ops;
		const void *overlay = d->overlays[i].overlay;
		if (ops->shown(overlay) && !(ops->stays && ops->stays(overlay, &reach)))
			return false;
	}
	struct buf *out = tail(d);
	size_t len = out->len;
	for (size_t i = 0; i < d->n_overlays; i++)
		if (d->overlays[i].ops->pass)
			d->overlays[i].ops->pass(d->overlays[i].overlay, &reach, out);
	whole(d, out, len);
	return true;
}

/* Each overlay has a row of its own, so that one can change without the others. */
static bool
are_apart(const struct display *d)
{
	int rows[DISPLAY_OVERLAYS];
	size_t n = 0;
	for (size_t i = 0; i < d->n_overlays; i++) {
		const struct overlay_ops *ops = d->overlays[i].ops;
		const void *overlay = d->overlays[i].overlay;
		if (!ops->shown(overlay) && !ops->stale(overlay))
			continue;
		rows[n] = ops->row ? ops->row(overlay) : -1;
		for (size_t k = 0; k < n; k++)
			if (rows[k] < 0 || rows[n] < 0 || rows[k] == rows[n])
				return false;
		n++;
	}
	return true;
}

/* Everything is written: what comes next.  `draws`: overlays may change. */
static void
compose(struct display *d, bool draws)
{
	struct span held = stream_held(d->stream);
	bool others = held.n || d->says.len;
	bool stale = !others && draws && d->model && at_rest(d) && any(d, true);
	bool lifts = others ? !pass(d, held) : stale && !are_apart(d);
	if (lifts)
		lift(d, others);
	if (d->harmless)
		feed_harmless(d, held);
	else if (held.n)
		feed(d, held);
	speak(d);
	/* Behind the last of what has come: all before it is gone at once. */
	if (draws && d->n_overlays && at_rest(d) && d->fed == held.n && (others || stale))
		draw(d);
	if (draws && d->fed == held.n)
		ask(d);
	if (d->rings && at_rest(d)) {
		buf_putc(tail(d), '\a');
		d->rings = false;
	}
}

/* ---- writing ---- */

static void
took(struct display *d, size_t n)
{
	size_t of_before = n < d->before.len ? n : d->before.len;
	buf_drop(&d->before, of_before);
	n -= of_before;
	size_t of_fed = n < d->fed ? n : d->fed;
	stream_take(d->stream, of_fed);
	d->fed -= of_fed;
	buf_drop(&d->after, n - of_fed);
	if (d->before.len || d->fed)
		return;
	struct buf done = d->before;
	d->before = d->after;
	d->after = done;
}

/* The reader has gone. */
static void
give_up(struct display *d)
{
	d->broken = true;
	took(d, unsent(d));
}

static void
clip(struct span spans[3], size_t max)
{
	for (int i = 0; i < 3; i++) {
		spans[i].n = spans[i].n < max ? spans[i].n : max;
		max -= spans[i].n;
	}
}

/* Writes some of it; false: not now. */
static bool
write_some(struct display *d)
{
	struct span spans[3] = { buf_span(&d->before),
		{ stream_held(d->stream).p, d->fed }, buf_span(&d->after) };
	if (d->write_max && !sys_wait(d->watch.fd, POLLOUT, 0))
		return false;
	if (d->write_max)
		clip(spans, d->write_max);
	ssize_t n = d->broken ? -1 : sys_write_spans(d->watch.fd, spans, 3);
	if (n < 0)
		give_up(d);
	else
		took(d, (size_t)n);
	return n != 0;
}

static bool
waits(const struct display *d)
{
	return d->stream && (unsent(d) || stream_held(d->stream).n);
}

static void
turn(struct display *d, bool draws)
{
	if (!d->stream || d->left)
		return;
	cursor_reports_at(&d->reports, d->loop->now_us);
	/* Nothing is drawn for another size. */
	if (draws && (any(d, false) || any(d, true)))
		display_fit(d);
	/* A slice of the model's work, then what is typed has its turn. */
	uint64_t until = d->model ? term_work(d->model) + TERM_SLICE : 0;
	do {
		if (!unsent(d)) {
			if (d->model && term_work(d->model) > until)
				break;
			compose(d, draws && !d->broken);
			draws &= stream_held(d->stream).n > d->fed; /* once a turn */
		}
	} while (unsent(d) && write_some(d));
	d->watch.events = waits(d) ? POLLOUT : 0;
}

void
display_ask(struct display *d)
{
	if (!d->stream || d->left || d->broken)
		return;
	cursor_reports_at(&d->reports, d->loop->now_us);
	if (!unsent(d))
		ask(d);
	while (unsent(d) && write_some(d))
		;
	d->watch.events = unsent(d) ? POLLOUT : 0;
}

uint64_t
display_deadline(const struct display *d)
{
	uint64_t at = d->model ? cursor_reports_deadline(&d->reports) : 0;
	if (d->model && display_transfers(d))
		loop_sooner(&at, d->transfer.until_us);
	return at;
}

bool
display_turn(struct display *d)
{
	turn(d, true);
	bool news = d->broken && !d->told;
	d->told = d->broken;
	return !news;
}

bool
display_say(struct display *d, const char *text)
{
	if (buf_put(&d->says, text, strlen(text)))
		return false;
	turn(d, false);
	return true;
}

void
display_begin_line(struct display *d)
{
	d->own_line = true;
}

bool
display_say_above(struct display *d, const char *text)
{
	struct span s = { (const uint8_t *)text, strlen(text) };
	if (d->fed || d->says.len || !at_rest(d) || !d->stream)
		return display_say(d, text);
	if (any(d, false))
		lift(d, true);
	if (buf_put(&d->before, s.p, s.n))
		return false;
	show_model(d, s);
	turn(d, false);
	return true;
}

void
display_yield(struct display *d)
{
	if (any(d, false) && !d->broken)
		lift(d, true);
	do
		turn(d, false);
	while (waits(d) && sys_wait(d->watch.fd, POLLOUT, YIELD_MS));
	display_forget(d);
}

bool
display_drained(const struct display *d)
{
	return !d->stream || (stream_drained(d->stream) && !unsent(d) && !d->line.len);
}

void
display_bell(struct display *d)
{
	d->rings = true;
}

/* ---- what happens to the terminal ---- */

void
display_forget(struct display *d)
{
	if (!d->model)
		return;
	term_forget(d->model);
	for (size_t i = 0; i < d->n_overlays; i++)
		d->overlays[i].ops->forgotten(d->overlays[i].overlay);
}

/* What was drawn over the alternate screen goes with it; what is not known there the program
 * draws. */
static void
redraw(struct term *t, struct buf *out)
{
	term_forget_main(t);
	for (int row = 0; row < term_rows(t); row++)
		if (term_row_known(t, row))
			(void)term_repaint_cells(t, row, 0, term_cols(t), out);
}

/* On the alternate screen all is drawn again; on the main one terminals break lines anew, each
 * in its way, and an overlay may follow from where the cursor is. */
void
display_resize(struct display *d, int rows, int cols)
{
	struct term *t = d->model;
	struct buf *out = tail(d);
	size_t len = out->len;
	bool asks = false;
	if (!t || (rows == term_rows(t) && cols == term_cols(t)))
		return;
	bool again = any(d, false) && term_on_alternate(t) && term_cursor_known(t)
	    && at_rest(d);
	for (size_t i = 0; i < d->n_overlays; i++)
		asks |= d->overlays[i].ops->resizing(d->overlays[i].overlay, rows, cols);
	if (term_resize(t, rows, cols) == 0 && again) {
		redraw(t, out);
	} else {
		term_forget(t);
		cursor_reports_late(&d->reports);
		if (asks)
			cursor_reports_want(&d->reports, d->loop->now_us);
	}
	whole(d, out, len);
}

void
display_fit(struct display *d)
{
	struct tty_size size;
	if (d->model && tty_get_size(d->watch.fd, &size) == 0)
		display_resize(d, size.rows, size.cols);
}

static void
located(struct display *d, struct cursor_place at)
{
	struct buf *out = tail(d);
	size_t len = out->len;
	struct cursor_place origin;
	bool told = false;
	at.col = at.col > d->ahead ? at.col - d->ahead : 0;
	d->ahead = 0;
	term_origin(d->model, &origin.row, &origin.col);
	at.row += origin.row;
	at.col += origin.col;
	for (size_t i = 0; i < d->n_overlays; i++)
		told |= d->overlays[i].ops->located(d->overlays[i].overlay, at.row,
		    at.col, told, out);
	if (!told)
		term_cursor_is(d->model, at.row, at.col);
	whole(d, out, len);
}

/* The terminal's answers to the program, among the keys. */
static void
count_answers(struct display *d, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (keys_plain(&d->keys, bytes[i]))
			continue;
		(void)keys_take(&d->keys, bytes[i]);
		if (keys_answers(&d->keys) && d->questions != term_questions(d->model))
			d->questions++;
	}
	sys_wipe(d->keys.text, sizeof d->keys.text); /* it may be a secret */
}

size_t
display_filter(struct display *d, uint8_t *bytes, size_t n)
{
	struct cursor_place place;
	bool counts;
	if (!d->model)
		return n;
	transfer_input(&d->transfer, (struct span){ bytes, n }, d->loop->now_us);
	n = cursor_reports_filter(&d->reports, bytes, n, d->loop->now_us, &place,
	    &counts);
	count_answers(d, bytes, n); /* without those to us */
	if (counts)
		located(d, place);
	return n;
}

/* ---- the end ---- */

/* What the model has been fed goes first: the rest follows from there. */
static void
leave_terminal(struct display *d)
{
	struct buf undo;
	if (any(d, false))
		lift(d, true);
	turn(d, false);
	struct span held = { stream_held(d->stream).p, d->fed };
	(void)sys_write_all(d->watch.fd, buf_bytes(&d->before), d->before.len);
	(void)sys_write_all(d->watch.fd, held.p, held.n);
	(void)sys_write_all(d->watch.fd, buf_bytes(&d->after), d->after.len);
	buf_init(&undo, UNDO_MAX);
	if (d->model && term_undo(d->model, &undo) == 0) {
		(void)sys_write_all(d->watch.fd, buf_bytes(&undo), undo.len);
		(void)term_write(d->model, buf_bytes(&undo), undo.len);
	}
	(void)sys_write_all(d->watch.fd, buf_bytes(&d->says), d->says.len);
	buf_finish(&undo);
	buf_drop(&d->before, d->before.len);
	buf_drop(&d->after, d->after.len);
	buf_drop(&d->says, d->says.len);
	stream_take(d->stream, d->fed);
	d->fed = 0;
}

void
display_leave(struct display *d)
{
	if (!d->stream || d->left)
		return;
	if ((d->model || isatty(d->watch.fd)) && !d->broken)
		leave_terminal(d);
	d->left = true;
	d->watch.events = 0;
}

void
display_close(struct display *d, struct loop *loop)
{
	if (!d->stream)
		return;
	display_leave(d);
	loop_remove(loop, &d->watch);
	if (d->own)
		close(d->watch.fd);
	buf_finish(&d->before);
	buf_finish(&d->after);
	buf_finish(&d->says);
	buf_finish(&d->line);
	term_free(d->model);
	*d = (struct display){ 0 };
}
