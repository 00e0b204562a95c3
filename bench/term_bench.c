/*
 * The terminal model beside libvterm, on the same bytes in one run.
 *
 *    term_bench [MEGABYTES]
 *
 * A line a kind of traffic: MB/s of both, medians of rounds in which they take turns, and
 * the ratio; then what history takes.  Both keep history: libvterm's rows are handed to a
 * callback that copies them.  Then the floods of the unit tests, every sequence there is: on
 * which screen which one costs most.  Exit status 1, and the figure's name, if a bound is not
 * kept.
 */
#include "floods.h"
#include "term/term.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vterm.h>

enum { ROWS = 24, COLS = 80, HISTORY = 10000, WRITE_SIZE = 4096, ROUNDS = 5 };

/* What is asked of the model: times libvterm's throughput, MiB for that many rows; a byte of
 * the worst sequence in those of plain lines (and of what no
 * table has, or on a screen that was made ready for the worst), and in nanoseconds on a large one. */
enum { RATIO_MIN = 10, MEMORY_ROWS = 100000, MEMORY_MAX = 12 };
enum { WORST_MAX = 20, WORST_READY_MAX = 80 };
enum {
	WORST_LARGE_NS = 1000,
	WORST_LARGE_READY_NS = 2000,
	LARGE_ROWS = 200,
	LARGE_COLS = 500
};

/* ---- traffic ---- */

static char *text;
static size_t text_len, text_max;

__attribute__((format(printf, 1, 2))) static void
add(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	text_len += (size_t)vsnprintf(text + text_len, text_max - text_len, fmt, ap);
	va_end(ap);
}

static unsigned
pick(unsigned n)
{
	static unsigned long long state = 1;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static const char *
word(void)
{
	static const char *const words[] = { "the", "terminal", "of", "a", "host", "goes",
		"on", "while", "network", "is", "away", "and", "comes", "back",
		"0x7f3a" };
	return words[pick(sizeof words / sizeof *words)];
}

static void
plain_lines(void)
{
	size_t start = text_len, wide = 60 + pick(20);
	while (text_len - start < wide)
		add("%s ", word());
	add("\r\n");
}

static void
short_lines(void)
{
	add("%u\r\n", 1000000 + pick(9000000));
}

static void
coloured_log(void)
{
	add("\033[2m2026-11-23T12:%02u:%02u\033[0m \033[1;3%um%s\033[0m ", pick(60),
	    pick(60), pick(8), word());
	add("\033[38;5;%um%s\033[39m %s %s \033[38;2;%u;%u;%um%s\033[m %s %s\r\n",
	    pick(256), word(), word(), word(), pick(8) * 32, pick(8) * 32, pick(8) * 32,
	    word(), word(), word());
}

static void
mixed_scripts(void)
{
	static const char *const bits[] = { "中文字符 ", "日本語テキスト", "한국어 ",
		"naïve café ", "\xf0\x9f\x98\x80",
		"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb ", "e\xcc\x81",
		"plain text ", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "Ω≈ç√ " };
	for (int i = 0; i < 8; i++)
		add("%s", bits[pick(sizeof bits / sizeof *bits)]);
	add("\r\n");
}

static void
full_screen(void)
{
	for (int row = 1; row <= ROWS; row++) {
		add("\033[%d;1H\033[%um", row, pick(2) ? 7 : 0);
		size_t start = text_len;
		while (text_len - start < 60)
			add("%s ", word());
		add("\033[m\033[K");
	}
}

static const struct {
	const char *name;
	void (*make)(void);
} kinds[] = {
	{ "plain lines", plain_lines },
	{ "short lines", short_lines },
	{ "coloured log", coloured_log },
	{ "mixed scripts, emoji", mixed_scripts },
	{ "full-screen redraw", full_screen },
};

/* ---- the two ---- */

static double
seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double
run_ours(void)
{
	struct term *t;
	struct term_options o = { ROWS, COLS, HISTORY, SIZE_MAX, false };
	double began = seconds();
	if (term_new(&o, &t))
		abort();
	for (size_t at = 0; at < text_len; at += WRITE_SIZE) {
		size_t n = text_len - at < WRITE_SIZE ? text_len - at : WRITE_SIZE;
		term_write(t, text + at, n);
	}
	double took = seconds() - began;
	term_free(t);
	return took;
}

static VTermScreenCell rows[HISTORY][COLS];
static size_t row_count;

static int
keep_row(int cols, const VTermScreenCell *cells, void *user)
{
	(void)user;
	memcpy(rows[row_count++ % HISTORY], cells, (size_t)cols * sizeof *cells);
	return 1;
}

static double
run_libvterm(void)
{
	static const VTermScreenCallbacks callbacks = { .sb_pushline = keep_row };
	double began = seconds();
	VTerm *vt = vterm_new(ROWS, COLS);
	vterm_set_utf8(vt, 1);
	VTermScreen *screen = vterm_obtain_screen(vt);
	vterm_screen_set_callbacks(screen, &callbacks, NULL);
	vterm_screen_set_damage_merge(screen, VTERM_DAMAGE_SCROLL);
	vterm_screen_reset(screen, 1);
	for (size_t at = 0; at < text_len; at += WRITE_SIZE) {
		size_t n = text_len - at < WRITE_SIZE ? text_len - at : WRITE_SIZE;
		vterm_input_write(vt, text + at, n);
	}
	double took = seconds() - began;
	vterm_free(vt);
	return took;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
median(double *took)
{
	qsort(took, ROUNDS, sizeof *took, by_size);
	return took[ROUNDS / 2];
}

/* Says so if it is not. */
static bool
kept(const char *what, bool is)
{
	if (!is)
		printf("NOT KEPT: %s\n", what);
	return is;
}

/* Both, on a kind of traffic. */
static bool
race(const char *name, void (*make)(void), size_t bytes)
{
	double ours[ROUNDS], theirs[ROUNDS];
	text_len = 0;
	while (text_len < bytes)
		make();
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = run_ours();
		theirs[i] = run_libvterm();
	}
	double size = (double)text_len / 1e6, our = median(ours), their = median(theirs);
	printf("%-22s %7.0f MB/s   libvterm %5.1f MB/s   %5.1f x\n", name, size / our,
	    size / their, their / our);
	return kept(name, their / our >= RATIO_MIN);
}

/* ---- history ---- */

static bool
weigh_history(size_t count)
{
	struct term *t;
	char line[COLS + 3];
	struct term_options o = { ROWS, COLS, count, SIZE_MAX, false };
	if (term_new(&o, &t))
		abort();
	size_t before = term_memory(t);
	for (size_t i = 0; i < count + ROWS; i++) {
		for (int x = 0; x < COLS; x++)
			line[x] = (char)('!' + pick(90));
		memcpy(line + COLS, "\r\n", 3);
		term_write(t, line, COLS + 2);
	}
	double mib = (double)term_memory(t) / 1048576.0;
	printf("history of %zu full lines of %d columns: %.2f MiB; without: %zu KiB\n",
	    count, COLS, mib, before / 1024);
	term_free(t);
	return kept("memory of history", mib <= MEMORY_MAX);
}

/* ---- floods ---- */

enum { FLOOD_WRITE = 8 * 1024, FLOOD_TIMES = 15 };

struct flood_bed {
	int rows, cols, setting;
	bool made_up; /* which floods */
	double worst;
	char name[96];
};

/* Nanoseconds a byte, the best of a few writes. */
static double
flood_cost(struct term *t, const char *bytes, size_t n)
{
	double best = 1;
	for (int i = 0; i < FLOOD_TIMES; i++) {
		double began = seconds();
		term_write(t, bytes, n);
		double took = seconds() - began;
		best = took < best ? took : best;
	}
	return best * 1e9 / (double)n;
}

static void
run_flood(void *owner, const struct flood *f)
{
	static char bytes[FLOOD_WRITE + FLOOD_MAX];
	struct flood_bed *bed = owner;
	struct term *t;
	struct term_options o = { bed->rows, bed->cols, HISTORY, SIZE_MAX, false };
	size_t n = 0;
	if (f->made_up != bed->made_up)
		return;
	if (term_new(&o, &t))
		abort();
	flood_set_up(t, bed->setting);
	for (; n < FLOOD_WRITE; n += f->len)
		memcpy(bytes + n, f->text, f->len);
	double cost = flood_cost(t, bytes, n);
	if (cost > bed->worst) {
		bed->worst = cost;
		memcpy(bed->name, f->name, sizeof bed->name);
	}
	term_free(t);
}

/* The worst flood on each screen, of the tables' and of the others. */
static bool
flood_all(int height, int width, double usual_ns, double ready_ns)
{
	bool all = true;
	for (int i = 0; i < 2 * FLOOD_SETTINGS; i++) {
		struct flood_bed bed = { .rows = height,
			.cols = width,
			.setting = i / 2,
			.made_up = i % 2 };
		bool usual = bed.setting < FLOOD_USUAL && !bed.made_up;
		double most_ns = usual ? usual_ns : ready_ns;
		floods(run_flood, &bed);
		printf("worst at %d x %d, %s: %.0f ns a byte of %.0f: %s\n", width,
		    height, flood_settings[bed.setting].name, bed.worst, most_ns,
		    bed.name);
		all &= kept("the worst sequence", bed.worst <= most_ns);
	}
	return all;
}

static double
plain_cost(void)
{
	double took[ROUNDS];
	text_len = 0;
	while (text_len < 1000000)
		plain_lines();
	for (int i = 0; i < ROUNDS; i++)
		took[i] = run_ours();
	return median(took) * 1e9 / (double)text_len;
}

int
main(int argc, char **argv)
{
	size_t bytes = (argc > 1 ? (size_t)atoi(argv[1]) : 16) * 1000000;
	bool all = true;
	text_max = bytes + 65536;
	text = malloc(text_max);
	if (!text)
		return 1;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		all &= race(kinds[i].name, kinds[i].make, bytes);
	all &= weigh_history(MEMORY_ROWS);
	double plain = plain_cost();
	all &= flood_all(ROWS, COLS, WORST_MAX * plain, WORST_READY_MAX * plain);
	all &= flood_all(LARGE_ROWS, LARGE_COLS, WORST_LARGE_NS, WORST_LARGE_READY_NS);
	free(text);
	return all ? 0 : 1;
}
