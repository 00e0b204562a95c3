/*
 * What was typed into real programs (predict/recording.h), typed again over a link: what a person
 * would see flicker in the row in which it is shown before the host has.
 *
 *     a frame      what the display writes at once; a terminal may show each byte of it
 *     flicker      a cell that in a frame has what it had neither before nor has behind it
 *
 * The program's own, of the same bytes without prediction, is counted beside it.
 */
#define _GNU_SOURCE
#include "predict/recording.h"
#include "screen/display.h"
#include "screen/predictions.h"
#include "sys/sys.h"
#include "term/read.h"

#include <fcntl.h>

enum { ROOM = 1024 * 1024, WRITE_MOST = 64 * 1024, RTT_US = 100 * 1000 };

struct seen {
	struct term *term; /* a terminal */
	struct term_cell before[COLS], now[COLS];
	bool other[COLS]; /* something that it had not before */
	struct term_cell between[COLS];
	int cells; /* that flickered */
};

static struct loop loop;
static struct {
	struct display display;
	struct stream stream;
	struct predictions predictions;
	struct seen with, without;
	int in; /* the terminal's end */
	uint64_t written, typed;
	int frames, keys;
} t;

static bool
same(const struct term_cell *a, const struct term_cell *b)
{
	return a->ch == b->ch && a->style == b->style && a->width == b->width;
}

/* A terminal gets a frame, byte by byte; the row is looked at. */
static void
show(struct seen *s, const uint8_t *bytes, size_t n, int row)
{
	struct term_cell last[COLS];
	bool touched[COLS] = { false };
	uint64_t gone = term_gone(s->term);
	bool alternate = term_on_alternate(s->term);
	term_cells(s->term, row, 0, COLS, s->before);
	memcpy(last, s->before, sizeof last);
	static struct term_cell between[WRITE_MOST];
	static int at[WRITE_MOST];
	int count = 0;
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(term_write(s->term, bytes + i, 1), 0);
		term_cells(s->term, row, 0, COLS, s->now);
		for (int x = 0; x < COLS; x++)
			if (!same(&s->now[x], &last[x]) && count < WRITE_MOST) {
				between[count] = s->now[x];
				at[count++] = x;
			}
		memcpy(last, s->now, sizeof last);
	}
	/* Scrolled, or another screen: another row stands there. */
	if (term_gone(s->term) != gone || term_on_alternate(s->term) != alternate)
		return;
	for (int i = 0; i < count; i++) {
		int x = at[i];
		bool seen = same(&between[i], &s->before[x])
		    || same(&between[i], &last[x]);
		s->cells += !seen && !touched[x];
		touched[x] |= !seen;
	}
}

static void
turn(int row)
{
	static uint8_t frame[WRITE_MOST];
	(void)predictions_turn(&t.predictions);
	(void)display_turn(&t.display);
	CHECK_EQ(stream_held(&t.stream).n, 0);
	ssize_t n = read(t.in, frame, sizeof frame);
	if (n <= 0)
		return;
	t.frames++;
	show(&t.with, frame, (size_t)n, row);
}

/* The row of what is shown ahead of the host, or else of the cursor. */
static int
its_row(void)
{
	int row, col;
	term_cursor(t.display.model, &row, &col);
	return t.predictions.row >= 0 ? t.predictions.row : row;
}

static void
writes(const uint8_t *bytes, size_t n)
{
	int row = its_row();
	if (!n)
		return;
	CHECK_EQ(stream_on_data(&t.stream, t.written, (struct span){ bytes, n }, 1), 0);
	t.written += n;
	t.stream.in_promised = t.written + ROOM;
	turn(row);
	show(&t.without, bytes, n, row);
}

static void
types(const struct event *e)
{
	predictions_keys(&t.predictions, (struct span){ e->key, e->key_len }, t.typed);
	t.typed += e->key_len;
	t.keys++;
	turn(its_row());
}

static void
tells(const struct event *e, uint64_t input, size_t output)
{
	struct msg_echoed m = { input, t.written + output,
		(uint8_t)((e->echo ? ECHOED_ECHO : 0)
		    | (e->canonical ? ECHOED_CANONICAL : 0)
		    | (e->isig ? ECHOED_SIGNALS : 0)),
		0x7f, 1 };
	predictions_hint(&t.predictions, &m);
}

static struct term *
fresh(void)
{
	struct term *term;
	struct term_options o = { ROWS, COLS, 0, 0, false };
	CHECK_EQ(term_new(&o, &term), 0);
	return term;
}

static void
begin(void)
{
	static const int none[] = { 0 };
	int fds[2];
	t.written = t.typed = 0;
	if (!loop.fds_max)
		CHECK_EQ(loop_init(&loop, none), 0);
	loop.now_us = 1000 * 1000;
	CHECK_EQ(sys_pipe(fds), 0);
	CHECK(fcntl(fds[1], F_SETPIPE_SZ, WRITE_MOST) > 0);
	CHECK(sys_nonblock(fds[0]) == 0);
	t.in = fds[0];
	stream_init(&t.stream, STREAM_MAIN, RANK_TERMINAL, ROOM, ROOM);
	t.stream.in_promised = ROOM;
	display_open(&t.display, &loop, fds[1], &t.stream);
	t.display.write_max = 0;
	t.display.model = fresh();
	predictions_open(&t.predictions, &t.display, &loop, PREDICT_ALWAYS);
	CHECK(t.predictions.predict);
	predictions_link(&t.predictions, RTT_US, false);
	t.with.term = fresh();
	t.without.term = fresh();
}

static void
end(void)
{
	int out = t.display.watch.fd;
	display_close(&t.display, &loop);
	predictions_close(&t.predictions);
	close(out);
	close(t.in);
	stream_finish(&t.stream);
	term_free(t.with.term);
	term_free(t.without.term);
}

/* Keys with the recording's gaps; the answer to each a round trip later. */
static void
play(const struct recording *r)
{
	static uint64_t answer_us[KEYS_MOST], off[KEYS_MOST];
	int typed = 0, answered = 0;
	begin();
	tells(&r->events[0], 0, 0);
	writes(r->first, r->first_len);
	uint64_t key_us = loop.now_us + 500 * 1000;
	while (answered < r->n) {
		uint64_t tick = predictions_turn(&t.predictions);
		bool answers = typed > answered
		    && (typed == r->n
			|| answer_us[answered] <= key_us + r->events[typed].gap_us);
		uint64_t next = answers ? answer_us[answered]
					: key_us + r->events[typed].gap_us;
		if (tick && tick < next) {
			loop.now_us = tick > loop.now_us ? tick : loop.now_us + 1;
			turn(its_row());
			continue;
		}
		loop.now_us = next;
		if (answers) {
			const struct event *e = &r->events[answered];
			tells(answered + 1 < r->n ? e + 1 : e, off[answered],
			    e->output_len);
			writes(e->output, e->output_len);
			answered++;
		} else {
			key_us = next;
			answer_us[typed] = next + RTT_US;
			types(&r->events[typed]);
			off[typed++] = t.typed;
		}
	}
	end();
}

/* Cells a hundred keys. */
static double
a_hundred(int cells)
{
	return 100.0 * cells / t.keys;
}

TEST(what_is_foreseen_and_right_does_not_flicker)
{
	static struct recording r;
	int with = 0, without = 0, keys = 0;
	for (size_t i = 0; i < NAMES; i++) {
		memset(&t, 0, sizeof t);
		recording_read(&r, names[i]);
		play(&r);
		recording_free(&r);
		printf(
		    "%-8s %4d keys, %4d frames, cells that flicker a hundred keys: %.1f, "
		    "without prediction %.1f\n",
		    names[i], t.keys, t.frames, a_hundred(t.with.cells),
		    a_hundred(t.without.cells));
		CHECK(t.with.cells <= t.without.cells + t.keys / 10 + 10);
		with += t.with.cells;
		without += t.without.cells;
		keys += t.keys;
	}
	printf("all: %.1f, without %.1f\n", 100.0 * with / keys, 100.0 * without / keys);
	CHECK(100 * with <= 100 * without + 2 * keys);
}
