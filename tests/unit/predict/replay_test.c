/*
 * What was typed into real programs (tests/predict/record), typed again over a link: how much
 * of it is shown at once, and how much of that is wrong.
 *
 * A key is typed as it was in the recording (recording.h); its output, and the settings of the next
 * key as the host's hint, are there a round trip later.  A prediction is judged by the screen
 * as it is when the key's own output is there: the cell, and the cursor if the key was the
 * last one in its view.  A secret is text typed while the host's terminal was canonical without
 * echo; `seen` where the prompt had come by then.
 */
#include "predict/predict.h"
#include "predict/recording.h"
#include "term/read.h"

#include <time.h>

enum { ACK_US = 50 * 1000 };
enum { START_US = 500 * 1000 }; /* the recorder has waited so long for a first word */

enum hints {
	NONE,
	EXACT, /* before the output that they belong to */
	/* Changes of settings so, but acknowledgements 50 ms later; and the round trip varies by
	 * a third, and output comes in two pieces. */
	ROUGH,
};

/* What was shown for a key the first time. */
struct guess {
	bool shown, at_once, viewed, has_cell, has_cursor;
	int row, cell_col, cursor_col;
	uint32_t ch;
	uint64_t after_us;
};

struct figures {
	int keys, at_once, wrong, secrets, secrets_seen;
	uint64_t times_us[NAMES * KEYS_MOST];
	double cpu_s;
};

/* ---- playing ---- */

struct player {
	const struct recording *rec;
	struct term *term;
	struct predict *predict;
	struct guess guesses[KEYS_MOST];
	uint64_t typed_us[KEYS_MOST], off[KEYS_MOST];
	int typed, answered;
	uint64_t now, in_off, out_off;
	enum hints hints;
	uint64_t answer_us[KEYS_MOST]; /* when the output of a key is there */
	uint64_t ack_us; /* when the host tells that it was given; 0: it has */
	struct figures *figures;
};

static bool
is_text(const struct event *e)
{
	return e->key[0] >= ' ' && e->key[0] != 0x7f;
}

static bool
is_secret(const struct event *e)
{
	return e->canonical && !e->echo;
}

/* Nothing but what was typed is shown, and a blank where something was erased. */
static void
check_cell(const struct player *p, const struct predict_view *v,
    const struct predict_cell *c)
{
	CHECK(v->row >= 0 && v->row < ROWS && c->col >= 0 && c->col + c->width < COLS);
	for (int i = p->typed - 1; i >= 0; i--)
		if (p->off[i] == c->off) {
			const struct event *e = &p->rec->events[i];
			bool typed = c->len == e->key_len
			    && !memcmp(c->text, e->key, c->len);
			CHECK(typed || (c->len == 1 && c->text[0] == ' '));
			return;
		}
	FAIL("a cell of no key");
}

static void
look(struct player *p)
{
	const struct predict_view *v = predict_view(p->predict, p->now);
	for (size_t i = 0; i < v->n; i++)
		check_cell(p, v, &v->cells[i]);
	for (int i = p->answered; i < p->typed; i++) {
		struct guess *g = &p->guesses[i];
		if (p->off[i] <= v->off && !g->shown) {
			*g = (struct guess){ .shown = true, .at_once = !g->viewed };
			g->after_us = p->now - p->typed_us[i];
			g->row = v->row;
			g->has_cursor = p->off[i] == v->off;
			g->cursor_col = v->col;
			for (size_t k = 0; k < v->n; k++)
				if (v->cells[k].off == p->off[i]) {
					g->has_cell = true;
					g->cell_col = v->cells[k].col;
					g->ch = (uint8_t)v->cells[k].text[0];
				}
			bool secret = is_text(&p->rec->events[i])
			    && is_secret(&p->rec->events[i]);
			p->figures->secrets += secret;
			p->figures->secrets_seen += secret
			    && is_secret(&p->rec->events[p->answered]);
		}
		g->viewed = true;
	}
}

static bool
is_right(const struct player *p, const struct guess *g)
{
	int row, col;
	uint8_t text[4] = { 0 };
	term_cursor(p->term, &row, &col);
	if (g->has_cursor && (row != g->row || col != g->cursor_col))
		return false;
	if (g->has_cell)
		term_cell_text(p->term, g->row, g->cell_col, text, 4);
	return !g->has_cell || text[0] == g->ch;
}

static void
judge(struct player *p, int i, uint64_t rtt)
{
	const struct guess *g = &p->guesses[i];
	struct figures *f = p->figures;
	bool right = g->shown && is_right(p, g);
	f->at_once += right && g->at_once;
	f->wrong += g->shown && !right;
	f->times_us[f->keys++] = right ? g->after_us : rtt;
	if (g->shown && !right && getenv("REPLAY_WRONG"))
		printf("   wrong: key %d %.*s at %d,%d cursor %d\n", i,
		    (int)p->rec->events[i].key_len, (const char *)p->rec->events[i].key,
		    g->row, g->has_cell ? g->cell_col : -1,
		    g->has_cursor ? g->cursor_col : -1);
	if ((!g->shown || !g->at_once) && getenv("REPLAY_LATE"))
		printf("   late: key %d %.*s %s %s\n", i, (int)p->rec->events[i].key_len,
		    (const char *)p->rec->events[i].key, g->shown ? "later" : "",
		    confidence_name(predict_confidence(p->predict)));
}

/* The host's hint as it is when so many keys have been answered. */
static void
give_hint(struct player *p, int answered)
{
	int next = answered < p->rec->n ? answered : p->rec->n - 1;
	const struct event *e = &p->rec->events[next];
	struct predict_hint h = {
		.in_off = answered ? p->off[answered - 1] : 0,
		.out_off = p->out_off,
		.echo = e->echo,
		.canonical = e->canonical,
		.isig = e->isig,
		.erase = 0x7f,
		.group = 1,
	};
	if (p->hints != NONE)
		predict_hint(p->predict, &h, p->now);
}

static bool
same_settings(const struct event *a, const struct event *b)
{
	return a->echo == b->echo && a->canonical == b->canonical && a->isig == b->isig;
}

static void
type_key(struct player *p, uint64_t rtt)
{
	const struct event *e = &p->rec->events[p->typed];
	int i = p->typed++;
	uint64_t answer = p->now + rtt + (p->hints == ROUGH ? test_below(rtt / 3) : 0);
	p->typed_us[i] = p->now;
	p->off[i] = p->in_off + e->key_len;
	p->answer_us[i] = i && p->answer_us[i - 1] > answer ? p->answer_us[i - 1]
							    : answer;
	predict_keys(p->predict, (struct span){ e->key, e->key_len }, p->in_off, p->now);
	p->in_off += e->key_len;
}

/* A piece of output. */
static void
write_out(struct player *p, const uint8_t *bytes, size_t n)
{
	CHECK_EQ(term_write(p->term, bytes, n), 0);
	p->out_off += n;
	if (n > 0)
		predict_output(p->predict, p->out_off, p->now);
}

static void
answer_key(struct player *p, uint64_t rtt)
{
	const struct event *e = &p->rec->events[p->answered];
	bool last = p->answered + 1 == p->rec->n;
	size_t first = p->hints == ROUGH && e->output_len ? test_below(e->output_len) : 0;
	if (p->hints == EXACT) {
		p->out_off += e->output_len;
		give_hint(p, p->answered + 1);
		p->out_off -= e->output_len;
	} else if (p->hints == ROUGH && !last && !same_settings(e, e + 1)) {
		give_hint(p, p->answered + 1);
	}
	write_out(p, e->output, first);
	if (first)
		look(p);
	write_out(p, e->output + first, e->output_len - first);
	p->ack_us = p->hints == ROUGH ? p->now + ACK_US : 0;
	judge(p, p->answered++, rtt);
}

static void
begin(struct player *p, uint64_t rtt)
{
	struct term_options o = { ROWS, COLS, 1000, 1 << 20, false };
	struct predict_link link = { .rtt_us = rtt };
	CHECK_EQ(term_new(&o, &p->term), 0);
	CHECK_EQ(predict_new(p->term, PREDICT_ADAPTIVE, &p->predict), 0);
	p->now = 1000 * 1000;
	predict_link(p->predict, &link, p->now);
	give_hint(p, 0);
	CHECK_EQ(term_write(p->term, p->rec->first, p->rec->first_len), 0);
	predict_output(p->predict, p->out_off = p->rec->first_len, p->now);
	look(p);
	p->now += START_US;
}

/* Keys come with the recording's gaps, or, if it is not 0, with this one. */
static void
play(const struct recording *r, uint64_t rtt, uint64_t gap, enum hints hints,
    struct figures *f)
{
	static struct player p;
	p = (struct player){ .rec = r, .hints = hints, .figures = f };
	clock_t began = clock();
	begin(&p, rtt);
	uint64_t next_key = p.now;
	while (p.answered < r->n) {
		uint64_t answer = p.typed > p.answered ? p.answer_us[p.answered]
						       : UINT64_MAX;
		uint64_t key = p.typed < r->n
		    ? next_key + (gap ? gap : r->events[p.typed].gap_us)
		    : UINT64_MAX;
		uint64_t deadline = predict_deadline(p.predict);
		if (p.ack_us && p.ack_us < answer && p.ack_us < key
		    && (!deadline || p.ack_us <= deadline)) {
			p.now = p.ack_us;
			p.ack_us = 0;
			give_hint(&p, p.answered);
		} else if (deadline && deadline < answer && deadline < key) {
			CHECK(deadline >= p.now);
			p.now = deadline;
			predict_tick(p.predict, p.now);
			CHECK(predict_deadline(p.predict) != deadline);
		} else if (answer <= key) {
			p.now = answer;
			answer_key(&p, rtt);
		} else {
			p.now = next_key = key;
			type_key(&p, rtt);
		}
		look(&p);
	}
	f->cpu_s += (double)(clock() - began) / CLOCKS_PER_SEC;
	predict_free(p.predict);
	term_free(p.term);
}

/* ---- figures ---- */

static int
by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static double
percent(int part, int whole)
{
	return 100.0 * part / whole;
}

static double
mean_ms(const struct figures *f)
{
	double sum = 0;
	for (int i = 0; i < f->keys; i++)
		sum += (double)f->times_us[i];
	return sum / f->keys / 1000;
}

static void
print_figures(const char *name, struct figures *f)
{
	qsort(f->times_us, (size_t)f->keys, sizeof *f->times_us, by_time);
	printf(
	    "%-8s %5d keys, at once %5.1f %%, wrong %5.2f %%, mean %6.1f ms, median %5.1f ms,"
	    " secrets %d (seen %d), %4.1f us a key\n",
	    name, f->keys, percent(f->at_once, f->keys), percent(f->wrong, f->keys),
	    mean_ms(f), (double)f->times_us[f->keys / 2] / 1000, f->secrets,
	    f->secrets_seen, f->cpu_s * 1e6 / f->keys);
}

static struct recording recordings[NAMES];
static struct figures all, one;
static char rows[600 + 1][200]; /* of the table in doc/DESIGN.md, by the round trip */

/* Cells of that table, and the row when it is complete. */
static void
add_to_table(int rtt_ms, bool last)
{
	char *row = rows[rtt_ms];
	size_t n = strlen(row);
	if (n == 0)
		n += (size_t)snprintf(row, sizeof *rows, "| %d ms |", rtt_ms);
	snprintf(row + n, sizeof *rows - n, " %.1f %%, %.2f %%, %.0f ms |",
	    percent(all.at_once, all.keys), percent(all.wrong, all.keys), mean_ms(&all));
	if (last)
		puts(row);
}

static void
read_all(void)
{
	for (size_t i = 0; i < NAMES; i++)
		recording_read(&recordings[i], names[i]);
}

static void
free_all(void)
{
	for (size_t i = 0; i < NAMES; i++)
		recording_free(&recordings[i]);
}

static void
play_all(uint64_t rtt_ms, enum hints hints)
{
	memset(&all, 0, sizeof all);
	read_all();
	static const char *const names_of[] = { "no hints", "hints", "rough" };
	printf("round trip %d ms, %s\n", (int)rtt_ms, names_of[hints]);
	test_seed(rtt_ms);
	for (size_t i = 0; i < NAMES; i++) {
		memset(&one, 0, sizeof one);
		play(&recordings[i], rtt_ms * 1000, 0, hints, &one);
		all.secrets += one.secrets;
		all.secrets_seen += one.secrets_seen;
		all.at_once += one.at_once;
		all.wrong += one.wrong;
		all.cpu_s += one.cpu_s;
		memcpy(all.times_us + all.keys, one.times_us,
		    (size_t)one.keys * sizeof *one.times_us);
		all.keys += one.keys;
		print_figures(names[i], &one);
	}
	free_all();
	print_figures("all", &all);
}

static void
check_bounds(double at_once, double wrong)
{
	CHECK_EQ(all.secrets_seen, 0);
	CHECK(percent(all.at_once, all.keys) >= at_once);
	CHECK(percent(all.wrong, all.keys) <= wrong);
}

TEST(replayed_at_100_ms)
{
	play_all(100, EXACT);
	add_to_table(100, false);
	check_bounds(87, 0.4);
}

TEST(replayed_at_300_ms)
{
	play_all(300, EXACT);
	add_to_table(300, true);
	check_bounds(83, 0.7);
}

TEST(replayed_at_500_ms)
{
	play_all(500, EXACT);
	add_to_table(500, false);
	check_bounds(80, 1);
}

TEST(replayed_without_hints)
{
	play_all(100, NONE);
	add_to_table(100, true);
	check_bounds(86, 0.5);
	play_all(500, NONE);
	add_to_table(500, true);
	check_bounds(78, 1.1);
}

/* A real link, and a host that has other things to do. */
TEST(replayed_over_a_rough_link)
{
	play_all(100, ROUGH);
	check_bounds(84, 0.6);
	play_all(500, ROUGH);
	check_bounds(76, 1.2);
}

/* Five keys a second; mosh's rules show 85.7 % at once at 100 ms, after 16.7 ms in the mean. */
TEST(replayed_at_the_prompt_of_a_shell)
{
	recording_read(&recordings[0], names[0]);
	for (int rtt_ms = 100; rtt_ms <= 300; rtt_ms += 200) {
		memset(&one, 0, sizeof one);
		play(&recordings[0], (uint64_t)rtt_ms * 1000, 200 * 1000, EXACT, &one);
		printf("five keys a second, %d ms\n", rtt_ms);
		print_figures(names[0], &one);
		CHECK(percent(one.at_once, one.keys) > (rtt_ms == 100 ? 91 : 86));
		CHECK_EQ(one.wrong, 0);
	}
	recording_free(&recordings[0]);
}
