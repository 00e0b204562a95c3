#include "server/clients.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

enum {
	CONTROL_MAX = 64 * 1024,
	INPUT_WINDOW = 1024 * 1024, /* input accepted before the program reads it */
	ERRORS_MAX = 1024 * 1024,
	/* Output kept for a client: of a terminal beyond this the model serves, ... */
	RETAINED_MAX = 4 * 1024 * 1024,
	/* ... whose rows and screen must find room behind it. */
	CATCH_UP_MAX = 24 * 1024 * 1024,
	/* Output read ahead of the link while a client is connected.  Of a terminal: more
	 * would only be shown after a Ctrl-C. */
	AHEAD_TERMINAL = 32 * 1024, /* and on a slow link as much as it takes in: */
	AHEAD_US = 20 * 1000,
	AHEAD_EXACT_US = 10 * 1000, /* where acknowledgements come at once */
	AHEAD_LEAST = 4 * 1024,
	AHEAD_PIPE = 256 * 1024,
	/* Rows kept for new terminals; more while somebody misses them. */
	HISTORY_ROWS = 20 * 1000,
	HISTORY_BYTES = 2 * 1024 * 1024,
	MISSED_ROWS = 100 * 1000,
	MISSED_BYTES = 16 * 1024 * 1024,
	LINE_AWAITED = 64
	    * 1024, /* the end of the line at which a client is left behind */
	SCRATCH = 4 * 1024, /* a terminal gives no more at once */
	ANSWERS_MAX = 4 * 1024,
	UNFINISHED_MAX = 1024,
	UNDO_MAX = 8 * 1024, /* what leaves a terminal, whatever was switched on in it */
	RETRY_US = 100 * 1000, /* when there was no memory */
	/* A link on which nothing is acknowledged for so long is not waited for: */
	SILENT_US = 5 * 1000 * 1000,
	SILENT_ROUNDS = 10, /* nor for so many round trips */
};

_Static_assert(TERM_MARKS == 3 * CLIENTS_MAX + SEEN_LEFT, "as seen.c has them");

static uint8_t scratch[SCRATCH]; /* a terminal's output, on its way to everybody */

int
clients_init(struct clients *ps, struct loop *loop, bool pty, const struct tty_size *size)
{
	*ps = (struct clients){ .loop = loop, .pty = pty };
	buf_init(&ps->answers, ANSWERS_MAX);
	buf_init(&ps->unfinished, UNFINISHED_MAX);
	buf_init(&ps->would, ANSWERS_MAX);
	questions_init(&ps->questions);
	/* A terminal without a size, as programs make them, counts as the usual one. */
	struct term_options options = { .rows = size->rows ? size->rows : 24,
		.cols = size->cols ? size->cols : 80,
		.history_rows = HISTORY_ROWS,
		.history_bytes = HISTORY_BYTES };
	ps->work_until = UINT64_MAX;
	ps->retained_max = RETAINED_MAX;
	return pty ? term_new(&options, &ps->term) : 0;
}

void
clients_finish(struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		clients_remove(ps, &ps->list[i]);
	term_free(ps->term);
	buf_finish(&ps->answers);
	buf_finish(&ps->unfinished);
	buf_finish(&ps->would);
	questions_finish(&ps->questions);
	ps->term = NULL;
}

/* ---- who is there ---- */

struct client *
clients_find(struct clients *ps, const uint8_t id[ID_LEN])
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].taken && memcmp(ps->list[i].id, id, ID_LEN) == 0)
			return &ps->list[i];
	return NULL;
}

static bool
open_streams(struct clients *ps, struct client *p)
{
	size_t out_max = ps->pty ? RETAINED_MAX + CATCH_UP_MAX : RETAINED_MAX;
	uint8_t rank = ps->pty ? RANK_TERMINAL : RANK_BULK;
	p->control = engine_open(&p->engine, STREAM_CONTROL, RANK_CONTROL, CONTROL_MAX,
	    CONTROL_MAX);
	p->main = engine_open(&p->engine, STREAM_MAIN, rank, out_max, INPUT_WINDOW);
	if (!ps->pty)
		p->errors = engine_open(&p->engine, STREAM_ERROR, rank, ERRORS_MAX, 1);
	return p->control && p->main && (ps->pty || p->errors);
}

/* One that is away, and can come anew as it came. */
static struct client *
replaceable(struct clients *ps, enum role role)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].role == role && !client_here(&ps->list[i]))
			return &ps->list[i];
	return NULL;
}

static size_t
places_left(const struct clients *ps, enum role role)
{
	size_t left = CLIENTS_MAX, for_readers = READERS;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		left -= ps->list[i].taken;
		for_readers -= ps->list[i].role == ROLE_READER;
	}
	return role == ROLE_READER && for_readers < left ? for_readers : left;
}

/* Who makes room for one of this role; NULL: nobody. */
static struct client *
makes_room(struct clients *ps, enum role role)
{
	struct client *p = replaceable(ps, ROLE_READER);
	return p || role == ROLE_READER ? p : replaceable(ps, ROLE_SHARER);
}

bool
clients_has_place(struct clients *ps, enum role role)
{
	return places_left(ps, role) || makes_room(ps, role);
}

struct client *
clients_add(struct clients *ps, const uint8_t id[ID_LEN], enum role role, bool late)
{
	struct client *goes = places_left(ps, role) ? NULL : makes_room(ps, role);
	if (goes)
		clients_remove(ps, goes);
	for (size_t i = 0; i < CLIENTS_MAX && places_left(ps, role); i++) {
		struct client *p = &ps->list[i];
		if (p->taken)
			continue;
		*p = (struct client){ .taken = true,
			.serial = ++ps->serial,
			.role = role,
			.behind = late,
			.fresh = late };
		memcpy(p->id, id, ID_LEN);
		engine_init(&p->engine, false);
		remote_listeners_init(&p->forwards, ps->loop, &p->engine);
		if (open_streams(ps, p))
			return p;
		clients_remove(ps, p);
	}
	return NULL;
}

void
clients_remove(struct clients *ps, struct client *p)
{
	if (!p->taken)
		return;
	if (ps->typist == p)
		ps->typist = NULL;
	if (ps->term && rights_has(p->role, CLAIM_STAY) && p->main && !p->behind)
		seen_turn(&p->seen, ps->term, (int)(p - ps->list), p->main);
	if (ps->term && rights_has(p->role, CLAIM_STAY))
		seen_leave(&ps->left, &p->seen, ps->term, (int)(p - ps->list), p->id);
	term_frame_free(&p->frame);
	remote_listeners_finish(&p->forwards);
	engine_finish(&p->engine);
	*p = (struct client){ 0 };
}

void
clients_return(struct clients *ps, struct client *p, const struct msg_seen *m)
{
	int mark = ps->term ? seen_find(&ps->left, m) : -1;
	if (mark < 0)
		return;
	term_mark_copy(ps->term, mark, (int)(p - ps->list));
	p->returns = true;
}

bool
client_here(const struct client *p)
{
	return p->taken && engine_link(&p->engine, RANK_CONTROL);
}

bool
clients_any_here(const struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (client_here(&ps->list[i]))
			return true;
	return false;
}

bool
clients_other_here(const struct clients *ps, const struct client *p, enum claim claim)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *other = &ps->list[i];
		if (other != p && client_here(other) && rights_has(other->role, claim))
			return true;
	}
	return false;
}

/* ---- sizes ---- */

static bool
window_counts(const struct client *p)
{
	return client_here(p) && rights_has(p->role, CLAIM_SIZE) && p->size.rows
	    && p->size.cols;
}

/* Whether somebody wants it to fit, and the smallest window then. */
static bool
smallest(const struct clients *ps, struct tty_size *ret)
{
	bool fit = false;
	*ret = (struct tty_size){ UINT16_MAX, UINT16_MAX, 0, 0 };
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *p = &ps->list[i];
		if (!window_counts(p))
			continue;
		fit |= p->fits;
		if (p->size.rows < ret->rows) {
			ret->rows = p->size.rows;
			ret->ypixel = p->size.ypixel;
		}
		if (p->size.cols < ret->cols) {
			ret->cols = p->size.cols;
			ret->xpixel = p->size.xpixel;
		}
	}
	return fit;
}

/* Of who typed last, or is here. */
static bool
somebodys(const struct clients *ps, struct tty_size *ret)
{
	const struct client *found = NULL;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *p = &ps->list[i];
		if (window_counts(p) && (!found || p == ps->typist))
			found = p;
	}
	if (found)
		*ret = found->size;
	return found;
}

bool
clients_size(struct clients *ps, const struct tty_size *now, struct tty_size *ret)
{
	bool was = ps->fit;
	ps->fit = ps->pty && smallest(ps, ret);
	if (!ps->fit && (!was || !somebodys(ps, ret)))
		return false;
	return ret->rows != now->rows || ret->cols != now->cols;
}

static bool
wants_frame(const struct clients *ps, const struct client *p)
{
	int rows = term_rows(ps->term), cols = term_cols(ps->term);
	return ps->fit && !ps->exited && !p->exact && window_counts(p)
	    && p->size.rows >= rows && p->size.cols >= cols
	    && (p->size.rows > rows || p->size.cols > cols);
}

/* ---- output ---- */

static struct client *
only_peer(struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].taken)
			return &ps->list[i];
	return NULL;
}

static size_t
pipe_space(struct clients *ps, bool errors, size_t max, uint8_t **ret_room)
{
	struct client *p = only_peer(ps);
	struct stream *s = !p ? NULL : errors ? p->errors : p->main;
	if (!s || (client_here(p) && stream_unsent(s) >= AHEAD_PIPE))
		return 0;
	return stream_space(s, max, ret_room);
}

static const struct link *
terminal_link(const struct client *p)
{
	return engine_link(&p->engine, p->main->rank);
}

static size_t
ahead(const struct client *p)
{
	const struct congestion *c = &terminal_link(p)->congestion;
	size_t n = congestion_in(c, c->exact ? AHEAD_EXACT_US : AHEAD_US);
	if (!n || n > AHEAD_TERMINAL)
		return AHEAD_TERMINAL;
	return n < AHEAD_LEAST ? AHEAD_LEAST : n;
}

/* One that is away is not waited for by those that are here: it may never come back. */
static bool
waits_for(const struct clients *ps, const struct client *p)
{
	return p->taken && p->exact
	    && (client_here(p) || !clients_other_here(ps, p, CLAIM_STAY));
}

/* When the program is to go on without it, as if it were away; 0: it answers. */
static uint64_t
given_up_at(const struct client *p)
{
	const struct link *l = client_here(p) ? terminal_link(p) : NULL;
	if (!l || !l->asked_us)
		return 0;
	uint64_t rounds_us = SILENT_ROUNDS * l->srtt_us;
	return l->asked_us + (rounds_us > SILENT_US ? rounds_us : SILENT_US);
}

static bool
answers(const struct clients *ps, const struct client *p)
{
	uint64_t at = given_up_at(p);
	return client_here(p) && (!at || ps->loop->now_us < at);
}

static bool
any_answers(const struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (answers(ps, &ps->list[i]))
			return true;
	return false;
}

/* Somebody waits for more, or nobody is there at all; and all have room who are to get
 * every byte. */
static bool
terminal_may_write(const struct clients *ps)
{
	bool any = false;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *p = &ps->list[i];
		if (waits_for(ps, p)
		    && stream_unacked(p->main) + ps->unfinished.len + SCRATCH
			> ps->retained_max)
			return false;
		if (!answers(ps, p) || p->framed)
			continue;
		any = true;
		if (!p->behind && stream_unsent(p->main) < ahead(p))
			return true;
	}
	return !any;
}

static void bound_history(struct clients *ps);

/* It may be in the middle of a line: the mark goes back to where that begins.  Returns whether
 * there was memory for it. */
static bool
leave_behind(struct clients *ps, struct client *p)
{
	struct buf undo;
	/* What it will get then is for a terminal on neutral ground, and on the main screen. */
	buf_init(&undo, UNDO_MAX);
	p->behind = term_undo(ps->term, &undo) == 0
	    && stream_write(p->main, buf_bytes(&undo), undo.len) == undo.len;
	buf_finish(&undo);
	if (p->behind)
		term_mark(ps->term, (int)(p - ps->list));
	bound_history(ps);
	return p->behind;
}

/* What is read cannot be put back.  Without memory to keep it for a client the program waits
 * for a moment, and then that one is left behind, for which there is room since the last
 * time. */
static bool
can_retain(struct clients *ps)
{
	enum { NEEDED = SCRATCH + UNFINISHED_MAX + UNDO_MAX };
	bool waited = ps->retry_us;
	ps->retry_us = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		if (!p->taken || p->behind || stream_reserve(p->main, NEEDED) == NEEDED)
			continue;
		if ((waited || term_between_lines(ps->term)) && leave_behind(ps, p))
			continue;
		ps->retry_us = ps->loop->now_us + RETRY_US;
	}
	return !ps->retry_us;
}

size_t
clients_space(struct clients *ps, bool errors, size_t max, uint8_t **ret_room)
{
	if (!ps->pty)
		return pipe_space(ps, errors, max, ret_room);
	*ret_room = scratch;
	if (ps->retry_us > ps->loop->now_us || !terminal_may_write(ps)
	    || term_work(ps->term) > ps->work_until)
		return 0;
	/* Who asks for one byte only wants to know whether to wait for it. */
	if (max > 1 && !can_retain(ps))
		return 0;
	return max < sizeof scratch ? max : sizeof scratch;
}

/* Between lines, where its terminal is at the beginning of a row whatever its size is; but it
 * is not waited for that for ever.  Returns whether one waits. */
static bool
leave_those_behind(struct clients *ps)
{
	bool waits = false;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		size_t held = p->taken && !p->behind ? stream_unacked(p->main) : 0;
		if (held <= ps->retained_max)
			continue;
		if (held > ps->retained_max + LINE_AWAITED
		    || term_between_lines(ps->term))
			(void)leave_behind(ps, p);
		else
			waits = true;
	}
	return waits;
}

/* For every client's own terminal; can_retain has seen to the room. */
static void
retain(struct clients *ps, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].taken && !ps->list[i].behind)
			(void)stream_write(ps->list[i].main, bytes, n);
}

/* For the terminals and the model. */
static void
pass_on(struct clients *ps, const uint8_t *bytes, size_t n)
{
	while (n) {
		const uint8_t *end = leave_those_behind(ps) ? memchr(bytes, '\n', n)
							    : NULL;
		size_t some = end ? (size_t)(end + 1 - bytes) : n;
		retain(ps, bytes, some);
		/* No memory for all of it: the screen is right, some rows count as lost. */
		(void)term_write(ps->term, bytes, some);
		bytes += some;
		n -= some;
	}
}

static void
retain_unfinished(struct clients *ps)
{
	if (!ps->question)
		retain(ps, buf_bytes(&ps->unfinished), ps->unfinished.len);
	buf_drop(&ps->unfinished, ps->unfinished.len);
	ps->question = false;
}

/* One byte of a sequence. */
static void
watch_byte(struct clients *ps, uint8_t byte)
{
	size_t answers = ps->answers.len;
	if (buf_put(&ps->unfinished, &byte, 1)) {
		retain_unfinished(ps); /* long ones are no questions */
		(void)buf_put(&ps->unfinished, &byte, 1);
	}
	(void)term_write(ps->term, &byte, 1);
	ps->question |= ps->answers.len > answers;
	if (term_at_rest(ps->term))
		retain_unfinished(ps);
}

/* While nobody is here the model answers the program, and its questions are left out of
 * what a terminal will get: it would answer them once more. */
static void
wrote_to_nobody(struct clients *ps, const uint8_t *bytes, size_t n)
{
	enum { ESC = 033 };
	bool transfers = transfer_is_on(&ps->transfer, ps->loop->now_us);
	term_answer_to(ps->term, transfers ? NULL : &ps->answers);
	while (n) {
		if (!term_at_rest(ps->term) || *bytes == ESC) {
			watch_byte(ps, *bytes++);
			n--;
			continue;
		}
		const uint8_t *esc = memchr(bytes, ESC, n);
		size_t plain = esc ? (size_t)(esc - bytes) : n;
		pass_on(ps, bytes, plain);
		bytes += plain;
		n -= plain;
	}
}

static bool
any_exact(const struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (waits_for(ps, &ps->list[i]))
			return true;
	return false;
}

/* Who answers what the program asks: who typed last, else the first that is here. */
static struct client *
answerer(struct clients *ps)
{
	struct client *found = NULL;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		if (!answers(ps, p) || p->behind || !rights_has(p->role, CLAIM_TYPE))
			continue;
		if (!found || p == ps->typist)
			found = p;
	}
	return found;
}

/* They have the questions, too; those that are behind will not get them. */
static void
expect_late_answers(struct clients *ps, const struct client *but, unsigned questions)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		if (p->taken && p != but && !p->behind)
			typed_asked(&p->typed, buf_span(&ps->would), questions,
			    stream_written(p->main));
	}
}

/* For those that are here.  Of what it asks the model's answers are kept, until a terminal has
 * answered. */
static void
wrote_to_somebody(struct clients *ps, const uint8_t *bytes, size_t n)
{
	unsigned before = term_questions(ps->term);
	bool transfers = transfer_is_on(&ps->transfer, ps->loop->now_us);
	retain_unfinished(ps);
	buf_drop(&ps->would, ps->would.len);
	term_answer_to(ps->term, transfers ? NULL : &ps->would);
	pass_on(ps, bytes, n);
	unsigned questions = term_questions(ps->term) - before;
	if (transfers || !questions)
		return;
	struct client *p = answerer(ps);
	expect_late_answers(ps, p, questions);
	if (p)
		questions_asked(&ps->questions, buf_span(&ps->would), questions,
		    (int)(p - ps->list), ps->loop->now_us);
	else if (!any_exact(ps))
		(void)buf_put(&ps->answers, buf_bytes(&ps->would), ps->would.len);
}

void
clients_wrote(struct clients *ps, bool errors, size_t n)
{
	if (!ps->pty) {
		struct client *p = only_peer(ps);
		stream_wrote(errors ? p->errors : p->main, n);
		return;
	}
	transfer_output(&ps->transfer, (struct span){ scratch, n }, ps->loop->now_us);
	if (!any_answers(ps) && !any_exact(ps)) {
		wrote_to_nobody(ps, scratch, n);
		return;
	}
	wrote_to_somebody(ps, scratch, n);
}

/* A program that wants to hear of it may have heard otherwise of the terminal before.  The
 * colour scheme is asked for, and the answer is the report; of the focus few terminals tell before
 * it changes, but who comes has it. */
static void
report_anew(struct clients *ps, const struct client *p, struct buf *out)
{
	if (!rights_has(p->role, CLAIM_TYPE))
		return;
	if (term_wants_scheme(ps->term))
		buf_print(out, "\033[?996n");
	if (term_wants_focus(ps->term))
		(void)buf_put(&ps->answers, "\033[I", 3);
}

/* What a terminal that is new gets of the history: what it does not show already, at most as
 * much as it wants.  A line says how much more there is. */
static void
begin_fresh(struct clients *ps, struct client *p, struct term_limits *limits,
    struct buf *out)
{
	uint64_t wanted = term_oldest(ps->term), gone = term_gone(ps->term);
	if (p->returns) {
		uint64_t row = term_marked(ps->term, (int)(p - ps->list));
		limits->from_row = row < gone ? row : gone; /* the screen is whole */
		wanted = limits->from_row > wanted ? limits->from_row : wanted;
	}
	uint64_t first = term_first(ps->term, limits);
	if (first > wanted && p->history_rows)
		buf_print(out,
		    "[belay: %llu older rows are kept: --history all shows them]\r\n",
		    (unsigned long long)(first - wanted));
}

/* The model's account of what a client has missed; *ret_screens: its length without the
 * screens. */
static int
account(struct clients *ps, struct client *p, struct buf *out, size_t *ret_screens)
{
	struct term_limits limits = { .rows_max = p->fresh ? p->history_rows : SIZE_MAX,
		.bytes_max = CATCH_UP_MAX / 2 };
	uint64_t lost = 0;
	int err = 0;
	if (p->fresh) {
		report_anew(ps, p, out);
		begin_fresh(ps, p, &limits, out);
	} else {
		/* CAN: what the last byte may have begun is not to be finished by ours. */
		buf_putc(out, 0x18);
		err = term_resume(ps->term, (int)(p - ps->list), &limits, out, &lost);
	}
	if (lost)
		buf_print(out, "[belay: %llu lines could not be kept]\r\n",
		    (unsigned long long)lost);
	return err ? err : term_snapshot_parts(ps->term, &limits, out, ret_screens);
}

static void
bound_history(struct clients *ps)
{
	bool missed = !clients_any_here(ps);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		missed |= ps->list[i].taken && ps->list[i].behind;
	if (!ps->term || missed == ps->missed)
		return;
	ps->missed = missed;
	term_history_bound(ps->term, missed ? MISSED_ROWS : HISTORY_ROWS,
	    missed ? MISSED_BYTES : HISTORY_BYTES);
}

static bool
wants_redraw(const struct clients *ps, const struct client *p)
{
	return p->redraw == REDRAW_ALWAYS
	    || (p->redraw == REDRAW_AUTO && term_shows_image(ps->term));
}

/* Takes all of `out`, or nothing. */
static bool
put_all(struct client *p, const struct buf *out)
{
	return stream_reserve(p->main, out->len) == out->len
	    && stream_write(p->main, buf_bytes(out), out->len) == out->len;
}

/* Its frame comes or goes; what the terminal shows then follows when it has what was written
 * before.  Who is away keeps the one that it has. */
static void
frame_turn(struct clients *ps, struct client *p)
{
	struct buf out;
	bool wants = wants_frame(ps, p);
	if (wants && !p->framed)
		p->framed = p->behind || leave_behind(ps, p);
	if (wants || !p->framed || (!client_here(p) && !ps->exited)
	    || stream_reserve(p->main, UNDO_MAX) < UNDO_MAX)
		return;
	buf_init(&out, UNDO_MAX);
	term_frame_leave(&p->frame, ps->term, &out);
	(void)put_all(p, &out);
	p->framed = false;
	buf_finish(&out);
}

/* One picture is on its way at a time. */
static void
draw_frame(struct clients *ps, struct client *p)
{
	struct buf out;
	uint64_t work = term_work(ps->term);
	if (p->frame.rows == p->size.rows && p->frame.cols == p->size.cols
	    && p->frame.work == work)
		return;
	buf_init(&out, CATCH_UP_MAX);
	p->frame.work = work;
	if (term_frame_draw(&p->frame, ps->term, p->size.rows, p->size.cols, &out) == 0
	    && !put_all(p, &out))
		term_frame_lost(&p->frame);
	buf_finish(&out);
}

static void
catch_up(struct clients *ps, struct client *p)
{
	struct buf out;
	size_t screens;
	buf_init(&out, CATCH_UP_MAX);
	if (account(ps, p, &out, &screens) == 0
	    && stream_write(p->main, buf_bytes(&out), out.len) == out.len) {
		if (p->fresh)
			pace_begin(&p->pace, p->main, out.len, screens, p->history_us);
		ps->redraw |= p->fresh && wants_redraw(ps, p);
		p->behind = p->fresh = p->returns = false;
	}
	if (ps->exited && p->knows_exit && !p->behind)
		stream_end(p->main);
	buf_finish(&out);
}

/* A terminal that answers nothing on a link that does has had the time. */
static uint64_t
questions_go_on(struct clients *ps, uint64_t now_us)
{
	struct client *p = &ps->list[ps->questions.answerer];
	const struct link *l = client_here(p) ? terminal_link(p) : NULL;
	uint64_t rtt_us = l ? l->srtt_us : 0;
	uint64_t at = questions_deadline(&ps->questions, rtt_us);
	if (!at || now_us < at)
		return at;
	bool answers = l
	    && (!l->asked_us || now_us < l->asked_us + questions_patience_us(rtt_us));
	questions_turn(&ps->questions, answers, p->taken ? &p->typed : NULL,
	    p->taken ? stream_written(p->main) : 0, &ps->answers);
	return 0;
}

uint64_t
clients_catch_up(struct clients *ps, uint64_t now_us)
{
	uint64_t at = ps->retry_us > now_us ? ps->retry_us : 0;
	ps->work_until = ps->term ? term_work(ps->term) + TERM_SLICE : 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		if (!p->taken)
			continue;
		if (ps->pty)
			frame_turn(ps, p);
		if (client_here(p) && p->behind && !stream_unacked(p->main))
			(p->framed ? draw_frame : catch_up)(ps, p);
		if (ps->pty && !p->behind)
			seen_turn(&p->seen, ps->term, (int)i, p->main);
		if (ps->pty)
			typed_turn(&p->typed, p->main->out_acked, client_here(p), now_us);
		if (ps->pty && given_up_at(p) > now_us)
			loop_sooner(&at, given_up_at(p));
		loop_sooner(&at,
		    pace_turn(&p->pace, p->main, engine_link(&p->engine, p->main->rank),
			now_us));
	}
	bound_history(ps);
	loop_sooner(&at, questions_go_on(ps, now_us));
	return at;
}

/* ---- input ---- */

/* How much of what a client has sent may go to the program, without late answers. */
static size_t
passes(struct clients *ps, struct client *p)
{
	size_t n, drop;
	struct span told;
	if (!ps->pty)
		return stream_held(p->main).n;
	do {
		n = typed_look(&p->typed, &ps->questions, (int)(p - ps->list),
		    stream_held(p->main), &drop, &told);
		if (told.n)
			term_answered(ps->term, told);
		if (!n && drop) {
			stream_take(p->main, drop);
			typed_took(&p->typed, drop);
		}
	} while (!n && drop);
	return n;
}

static struct client *
who_typed(struct clients *ps, size_t *ret_n)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		size_t held = p->taken ? stream_held(p->main).n : 0;
		if (held && !rights_has(p->role, CLAIM_TYPE))
			stream_take(p->main, held);
		else if (held && (*ret_n = passes(ps, p)))
			return p;
	}
	return NULL;
}

struct span
clients_input(struct clients *ps)
{
	if (ps->answers.len)
		return buf_span(&ps->answers);
	size_t n;
	struct client *p = who_typed(ps, &n);
	if (!p)
		return (struct span){ 0 };
	ps->typed = true;
	if (ps->pty && ps->typist != p) {
		ps->resize = true;
		ps->typist = p;
	}
	return (struct span){ stream_held(p->main).p, n };
}

void
clients_took(struct clients *ps, size_t n)
{
	if (ps->answers.len) {
		buf_drop(&ps->answers, n);
		return;
	}
	size_t all;
	struct client *p = who_typed(ps, &all);
	if (!p)
		return;
	stream_take(p->main, n);
	if (ps->pty)
		typed_took(&p->typed, n);
}

bool
clients_input_over(const struct clients *ps)
{
	if (ps->pty)
		return false;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].taken)
			return stream_drained(ps->list[i].main);
	return false;
}

/* ---- the end ---- */

/* Nothing ends before it is told why: without memory that is tried again. */
static bool
tell_exit(struct clients *ps, struct client *p)
{
	if (!p->knows_exit)
		p->knows_exit = engine_tell(&p->engine, MSG_EXIT, &ps->exit);
	if (!p->knows_exit)
		return false;
	if (!p->behind)
		stream_end(p->main);
	if (p->errors)
		stream_end(p->errors);
	return true;
}

void
clients_exit(struct clients *ps, const struct msg_exit *m)
{
	ps->exited = true;
	ps->exit = *m;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].taken)
			(void)tell_exit(ps, &ps->list[i]);
}

struct client *
clients_with(struct clients *ps, enum open_kind kind)
{
	struct client *found = NULL;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		bool has = kind == OPEN_AGENT ? p->forwards.agent : p->forwards.display;
		if (!p->taken || !has)
			continue;
		if (!found
		    || (client_here(p) && (!client_here(found) || p == ps->typist)))
			found = p;
	}
	return found;
}

uint64_t
clients_forward(struct clients *ps, uint64_t now_us)
{
	uint64_t at = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *p = &ps->list[i];
		if (!p->taken)
			continue;
		loop_sooner(&at,
		    remote_listeners_turn(&p->forwards, client_here(p), now_us));
		if (!ps->exited)
			continue;
		if (!p->knows_exit && !tell_exit(ps, p))
			loop_sooner(&at, now_us + RETRY_US);
		else if (!tunnel_busy(&p->forwards.tunnel))
			stream_end(p->control);
	}
	return at;
}

uint64_t
clients_trim(struct clients *ps, uint64_t now_us)
{
	uint64_t at = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (ps->list[i].taken)
			loop_sooner(&at, engine_trim(&ps->list[i].engine, now_us));
	return at;
}

void
clients_watch(struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		tunnel_watch(&ps->list[i].forwards.tunnel);
}

bool
clients_delivered(const struct clients *ps)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *p = &ps->list[i];
		if (p->role != ROLE_OWNER && (p->role != ROLE_SHARER || !client_here(p)))
			continue;
		for (size_t k = 0; k < p->engine.n_streams; k++)
			if (!stream_delivered(p->engine.streams[k]))
				return false;
	}
	return true;
}
