/*
 * Plays the scripts tests/unit/term/scripts/X.term.  A line is a command:
 *
 *    # what this is about
 *    size ROWS COLS              a new terminal; with a third word `unknown`, one that was
 *                                in use before
 *    push "BYTES"                \e \r \n \t \a \\ \" \xHH
 *    resize ROWS COLS
 *    row N "TEXT"                without the blanks at its end; wrapped rows end in \n
 *    cursor ROW COL              from 0; behind it `waits` if the next character wraps
 *    style ROW COL "PARAMS"      as SGR that makes it
 *    link ROW COL "PARAMS;URI"
 *    mode NUMBER on|off          of DECSET, or with a - of SM
 *    answer "BYTES"              since the last time
 *    title "TEXT"
 *    news "TEXT"                 bells, notices, the last one, commands that ended and a status
 *    history N "TEXT"            row N since the beginning
 *    gone N
 *    keys FLAGS DEPTH
 *    shape N
 *    undo "BYTES"
 *    extent ROW FROM TO          the columns of a row that are known
 *    is alternate|rest|known     or `is not`; `is known ROW`: a row
 *    at ROW COL                  the terminal says where its cursor is
 *    forget
 */
#include "term/read.h"
#include "term/state.h"

#include "base/err.h"
#include "test.h"

#include <dirent.h>

enum { LINE_BYTES = 4096 };

struct script {
	const char *path;
	int number; /* of the line */
	char line[LINE_BYTES], whole[LINE_BYTES];
	char *at; /* what is not read yet of the line */
	struct term *term;
	struct buf answers;
};

#define SCRIPT_FAIL(s, ...) \
	(printf("%s:%d: %s\n", (s)->path, (s)->number, (s)->whole), FAIL(__VA_ARGS__))

/* ---- reading a line ---- */

static char *
take_word(struct script *s)
{
	while (*s->at == ' ')
		s->at++;
	char *word = s->at;
	while (*s->at && *s->at != ' ')
		s->at++;
	if (*s->at)
		*s->at++ = 0;
	return word;
}

static int
take_int(struct script *s)
{
	char *end, *word = take_word(s);
	long v = strtol(word, &end, 10);
	if (end == word || *end)
		SCRIPT_FAIL(s, "no number");
	return (int)v;
}

static char
unescape(struct script *s)
{
	char hex[3] = "";
	switch (*s->at++) {
	case 'e':
		return 033;
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'a':
		return '\a';
	case 'x':
		hex[0] = *s->at++;
		hex[1] = *s->at++;
		return (char)strtol(hex, NULL, 16);
	default:
		return s->at[-1];
	}
}

/* Between quotes. */
static void
take_text(struct script *s, struct buf *out)
{
	buf_init(out, LINE_BYTES);
	while (*s->at == ' ')
		s->at++;
	if (*s->at++ != '"')
		SCRIPT_FAIL(s, "no text");
	while (*s->at && *s->at != '"') {
		char c = *s->at++;
		buf_putc(out, c == '\\' ? unescape(s) : c);
	}
	s->at += *s->at == '"';
}

static void
expect(struct script *s, struct span got)
{
	struct buf wanted;
	take_text(s, &wanted);
	bool same = got.n == wanted.len && memcmp(got.p, buf_span(&wanted).p, got.n) == 0;
	buf_finish(&wanted);
	if (same)
		return;
	printf("got: \"");
	for (size_t i = 0; i < got.n; i++)
		printf(got.p[i] == 033	? "\\e"
			: got.p[i] < 32 ? "\\x%02x"
					: "%c",
		    got.p[i]);
	printf("\"\n");
	SCRIPT_FAIL(s, "something else");
}

static void
expect_int(struct script *s, long long got)
{
	int wanted = take_int(s);
	if (got != wanted)
		SCRIPT_FAIL(s, "it is %lld, not %d", got, wanted);
}

/* ---- the commands ---- */

static void
do_size(struct script *s)
{
	struct term_options o = { .history_rows = 1000, .history_bytes = SIZE_MAX };
	o.rows = take_int(s);
	o.cols = take_int(s);
	o.unknown = strcmp(take_word(s), "unknown") == 0;
	term_free(s->term);
	buf_drop(&s->answers, s->answers.len);
	CHECK_EQ(term_new(&o, &s->term), 0);
	term_answer_to(s->term, &s->answers);
}

static void
do_push(struct script *s)
{
	struct buf b;
	take_text(s, &b);
	CHECK_EQ(term_write(s->term, buf_bytes(&b), b.len), 0);
	buf_finish(&b);
}

static void
do_resize(struct script *s)
{
	int rows = take_int(s);
	CHECK_EQ(term_resize(s->term, rows, take_int(s)), 0);
}

static void
do_row(struct script *s)
{
	struct buf text;
	const struct row *r = grid_row(&s->term->screen->grid, take_int(s));
	int end = r->used;
	while (end > 0 && r->cells[end - 1].ch == ' ')
		end--;
	buf_init(&text, LINE_BYTES);
	for (int x = 0; x < end; x++) {
		uint8_t own[4];
		struct span t = cell_text(s->term, r->cells[x], own);
		if (!(r->cells[x].ch & CELL_TAIL))
			buf_put(&text, t.p, t.n);
	}
	if (r->wrapped)
		buf_putc(&text, '\n');
	expect(s, buf_span(&text));
	buf_finish(&text);
}

static void
do_cursor(struct script *s)
{
	int row, col;
	term_cursor(s->term, &row, &col);
	expect_int(s, row);
	expect_int(s, col);
	bool waits = strcmp(take_word(s), "waits") == 0;
	if (waits != s->term->pending)
		SCRIPT_FAIL(s, "it waits or not");
}

static struct style
style_at(struct script *s)
{
	const struct row *r = grid_row(&s->term->screen->grid, take_int(s));
	return cell_style(s->term, row_cell(r, take_int(s)));
}

static void
do_style(struct script *s)
{
	struct buf text;
	struct style style = style_at(s);
	buf_init(&text, LINE_BYTES);
	style_put_params(&text, &style);
	expect(s, buf_span(&text));
	buf_finish(&text);
}

static void
do_link(struct script *s)
{
	expect(s, intern_get(&s->term->links, style_at(s).link));
}

static void
do_mode(struct script *s)
{
	int number = take_int(s);
	enum mode m = mode_find(number < 0 ? -number : number, number < 0);
	bool on = strcmp(take_word(s), "on") == 0;
	if (m == MODE_COUNT || term_has(s->term, m) != on)
		SCRIPT_FAIL(s, "it is not");
}

static void
do_answer(struct script *s)
{
	expect(s, buf_span(&s->answers));
	buf_drop(&s->answers, s->answers.len);
}

static void
do_title(struct script *s)
{
	const char *title = s->term->title.window ? s->term->title.window : "";
	expect(s, (struct span){ (const uint8_t *)title, strlen(title) });
}

static void
do_news(struct script *s)
{
	char text[LINE_BYTES];
	const struct term_news *n = term_news(s->term);
	int len = snprintf(text, sizeof text, "%u %u [%s] %u %d", n->bells, n->notices,
	    n->notice ? n->notice : "", n->commands, n->status);
	expect(s, (struct span){ (const uint8_t *)text, (size_t)len });
}

static void
do_history(struct script *s)
{
	int number = take_int(s);
	if ((uint64_t)number < term_oldest(s->term)
	    || (uint64_t)number >= term_gone(s->term))
		SCRIPT_FAIL(s, "there is no such row");
	expect(s, history_get(&s->term->history, (uint64_t)number).text);
}

static void
do_gone(struct script *s)
{
	expect_int(s, (long long)term_gone(s->term));
}

static void
do_keys(struct script *s)
{
	const struct key_flags *k = &s->term->screen->keys;
	expect_int(s, k->flags[k->depth]);
	expect_int(s, k->depth);
}

static void
do_shape(struct script *s)
{
	expect_int(s, s->term->cursor_shape);
}

static void
do_undo(struct script *s)
{
	struct buf b;
	buf_init(&b, LINE_BYTES);
	CHECK_EQ(term_undo(s->term, &b), 0);
	expect(s, buf_span(&b));
	buf_finish(&b);
}

static bool
holds(struct script *s, const char *what)
{
	if (strcmp(what, "alternate") == 0)
		return term_on_alternate(s->term);
	if (strcmp(what, "rest") == 0)
		return term_at_rest(s->term);
	if (strcmp(what, "known") == 0)
		return *s->at ? term_row_known(s->term, take_int(s))
			      : term_cursor_known(s->term);
	SCRIPT_FAIL(s, "unknown word");
}

static void
do_is(struct script *s)
{
	const char *word = take_word(s);
	bool wanted = strcmp(word, "not") != 0;
	if (holds(s, wanted ? word : take_word(s)) != wanted)
		SCRIPT_FAIL(s, "it is otherwise");
}

static void
do_at(struct script *s)
{
	int row = take_int(s);
	term_cursor_is(s->term, row, take_int(s));
}

static void
do_forget(struct script *s)
{
	term_forget(s->term);
}

static void
do_extent(struct script *s)
{
	int from, to, row = take_int(s);
	term_row_extent(s->term, row, &from, &to);
	CHECK_EQ(from, take_int(s));
	CHECK_EQ(to, take_int(s));
}

static const struct {
	const char *name;
	void (*run)(struct script *s);
} commands[] = {
	{ "size", do_size },
	{ "push", do_push },
	{ "resize", do_resize },
	{ "row", do_row },
	{ "cursor", do_cursor },
	{ "style", do_style },
	{ "link", do_link },
	{ "mode", do_mode },
	{ "answer", do_answer },
	{ "title", do_title },
	{ "news", do_news },
	{ "history", do_history },
	{ "gone", do_gone },
	{ "keys", do_keys },
	{ "shape", do_shape },
	{ "undo", do_undo },
	{ "is", do_is },
	{ "at", do_at },
	{ "forget", do_forget },
	{ "extent", do_extent },
};

static void
run_line(struct script *s)
{
	s->line[strcspn(s->line, "\n")] = 0;
	strcpy(s->whole, s->line);
	s->at = s->line;
	const char *word = take_word(s);
	if (*word == '#' || *word == 0)
		return;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, word) == 0) {
			commands[i].run(s);
			if (*s->at)
				SCRIPT_FAIL(s, "too much: %s", s->at);
			return;
		}
	SCRIPT_FAIL(s, "unknown command");
}

static int
play(const char *path)
{
	struct script s = { .path = path };
	FILE *f = fopen(path, "r");
	CHECK(f);
	buf_init(&s.answers, LINE_BYTES);
	while (fgets(s.line, sizeof s.line, f)) {
		s.number++;
		run_line(&s);
	}
	fclose(f);
	buf_finish(&s.answers);
	term_free(s.term);
	return s.number;
}

TEST(scripts)
{
	static const char folder[] = "tests/unit/term/scripts";
	int lines = 0;
	DIR *dir = opendir(folder);
	CHECK(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		char path[512];
		size_t n = strlen(e->d_name);
		if (n < 5 || strcmp(e->d_name + n - 5, ".term") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		lines += play(path);
	}
	closedir(dir);
	CHECK(lines > 100);
}
