/*
 * What a terminal model consists of, for the files of this layer.
 *
 *     term_write -> parser.c -> print.c     characters
 *                            -> control.c   C0, ESC
 *                            -> csi.c       CSI: a table
 *                            -> osc.c       OSC, DCS
 *
 * The cursor may wait behind the last column (`pending`): the next character wraps.  A
 * mark or, with grapheme clusters on, any character that continues a cluster, joins the
 * character printed last (`join`), until the cursor or the cells there change.
 */
#ifndef TERM_STATE_H
#define TERM_STATE_H

#include "term/grid.h"
#include "term/history.h"
#include "term/intern.h"
#include "term/mode.h"
#include "term/parser.h"
#include "term/style.h"
#include "term/term.h"
#include "term/width.h"

#include <string.h>

enum {
	TITLE_MAX = 1024, /* bytes; longer ones are cut */
	TITLE_STACK_MAX = 10, /* as xterm */
	VARIABLES_MAX = 16, /* a further one takes the last one's place */
	KEYS_STACK_MAX = 16, /* kitty's keyboard flags */
	MODIFY_COUNT = 8, /* resources of modifyOtherKeys and its kin */
	MODIFY_UNSET = 255,
	PALETTE_SIZE = 256,
	DYNAMIC_FIRST = 10, /* OSC 10 .. 19 */
	DYNAMIC_COUNT = 10,
	COLOUR_COUNT = PALETTE_SIZE + DYNAMIC_COUNT,
	CLUSTER_CHARS_MAX = 16, /* further marks are dropped */
	LINK_MAX = 2083 + 256, /* the longest hyperlink with its parameters */
	TAB_WIDTH = 8,
	SWEEP_PAUSE = 64 * 1024, /* bytes of output */
	FLAT_MAX = STYLE_PACKED_MAX + 8, /* bytes of such a row's text */
};

/* Where the character is that marks join. */
enum join {
	JOIN_NONE,
	JOIN_BEFORE, /* ends left of the cursor */
	JOIN_AT, /* ends in the cursor's column: the last one */
};

enum { STYLE_CACHE = 128, CLUSTER_CACHE = 16, SGR_KNOWN = 32 }; /* powers of 2 */

struct style_cached {
	struct style style;
	uint32_t id;
};

/* What a character, or a cluster, becomes with one more. */
struct cluster_cached {
	uint32_t base, last, id;
};

/* What a short SGR sequence does to a pen: (pen & keeps) | sets. */
struct sgr_known {
	uint64_t text; /* its bytes behind ESC [, the first one lowest; 0: none */
	struct style keeps, sets;
};

enum charset { CHARSET_ASCII, CHARSET_UK, CHARSET_GRAPHICS, CHARSET_COUNT };

struct charsets {
	uint8_t g[4]; /* G0 .. G3 */
	uint8_t shifted; /* which one is in use */
	uint8_t single; /* which one for the next character only; 0: none */
};

struct saved {
	int row, col;
	bool pending, origin, row_unknown;
	struct style pen; /* no link */
	struct charsets charsets;
};

/* kitty's keyboard flags: those in use are flags[depth]. */
struct key_flags {
	uint8_t flags[KEYS_STACK_MAX + 1];
	uint8_t depth;
};

struct screen {
	struct grid grid; /* of no rows: the alternate one is not in use */
	struct saved saved;
	struct key_flags keys;
};

/* What is told to a terminal once, and holds until it is told otherwise. */
enum {
	TOLD_DIRECTORY,
	TOLD_PROGRESS,
	TOLD_POINTER,
	TOLD_VARIABLES, /* of the user's; the next ones, too */
	TOLD_PROMPT = TOLD_VARIABLES
	    + VARIABLES_MAX, /* of the last one: A and its options */
	TOLD_COUNT,
};

enum { TITLE_BOTH, TITLE_ICON, TITLE_WINDOW };

struct title {
	char *icon, *window; /* NULL: none is known, or it is empty */
	uint8_t which; /* on the stack: what of it was pushed */
};

struct colour {
	uint16_t rgb[3];
	bool set;
};

/* Where a terminal was left: it shows what stands above `row`, where a line begins; its
 * cursor is `up` rows further down. */
struct mark {
	uint64_t row;
	uint64_t up;
};

struct term {
	struct parser parser;
	uint64_t written; /* bytes */
	bool string_k; /* ESC k begins a string */
	int err; /* of the term_write that is under way */

	struct screen main, alternate;
	struct screen *screen; /* one of the two */
	struct history history;
	struct mark marks[TERM_MARKS];
	/* So many rows at the top of the main screen are above some mark: the first of them,
	 * numbered on from those in history, that changed or had the cursor is kept until the
	 * marks are looked after. */
	int watched;
	uint64_t touched;

	int row, col;
	bool pending;
	uint8_t join;
	bool row_unknown;
	/* Rows of the main screen before this one may show an image; the alternate screen may. */
	uint64_t image_until;
	bool image_alternate;
	bool watches; /* a terminal that others have drawn on (term_options.unknown) */
	bool
	    untouched; /* of the screen the program has had only what follows its cursor */
	unsigned questions; /* that were asked since the beginning */
	struct grapheme grapheme; /* of the character to join */

	struct style pen;
	uint32_t pen_id; /* its number, 0 also while unknown: */
	bool pen_changed;
	uint32_t erase_id; /* the style of what is erased now */
	struct grid_tables tables; /* the styles of both screens' cells */
	struct intern clusters, links;
	uint64_t sweep_after; /* bytes written; before, sweeping does not help */
	struct style_cached style_cache[STYLE_CACHE]; /* numbers of styles, by a hash */
	struct cluster_cached cluster_cache[CLUSTER_CACHE];
	struct sgr_known sgr_known[SGR_KNOWN];

	int top, bottom; /* the margins, inclusive */
	int left, right;
	uint8_t tabs[TERM_SIDE_MAX / 8 + 1];
	struct charsets charsets;
	uint64_t modes, modes_saved; /* sets of enum mode */
	/* Those of the mouse as VTE has them: any of them may be on, where xterm has one. */
	uint64_t apart;
	uint8_t cursor_shape; /* of DECSCUSR */
	uint8_t modify[MODIFY_COUNT];

	char *told[TOLD_COUNT]; /* text; NULL: none, or it was taken back */
	bool input; /* the shell has said that behind its prompt input begins */
	struct term_news news;
	struct title title;
	struct title titles[TITLE_STACK_MAX];
	int title_count;
	struct colour *colours; /* COLOUR_COUNT, or NULL while none was changed */
	struct colour *colours_own; /* of the terminal itself; the same */
	struct buf *answers;
	struct buf scratch; /* a row as history keeps it */
	/* The text of a row of nothing but this cell, remembered; 0 bytes: of none. */
	struct cell flat;
	uint8_t flat_len, flat_text[FLAT_MAX];
};

/* ---- mark.c ---- */

/* A watched row, if it is on the main screen. */
void mark_touched(struct term *t, int y);
/* Brings the marks up to date, as the screen is now. */
void marks_settle(struct term *t);
/* They are, and all begins anew. */
void marks_watch(struct term *t);

static inline bool
term_has(const struct term *t, enum mode m)
{
	return t->modes >> m & 1;
}

static inline struct grid *
term_grid(const struct term *t)
{
	return &t->screen->grid;
}

static inline struct row *
term_row(const struct term *t)
{
	return grid_row(&t->screen->grid, t->row);
}

/* Row y changes; cursor_to notes the cursor's own. */
static inline void
row_touched(struct term *t, int y)
{
	if (y < t->watched)
		mark_touched(t, y);
}

/* Eight bytes, the first one lowest. */
static inline uint64_t
eight_bytes(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

/* The last column for the cursor where it is. */
static inline int
right_limit(const struct term *t)
{
	return t->col <= t->right ? t->right : term_grid(t)->cols - 1;
}

/* ---- print.c ---- */

/* Prints of [p, end) what needs no care, which may be nothing; returns where it stopped. */
const uint8_t *print_text(struct term *t, const uint8_t *p, const uint8_t *end);
/* The same as slowly as it takes: printable ASCII, and any character. */
void print_ascii(struct term *t, const uint8_t *p, size_t n);
void print_char(struct term *t, uint32_t ch);
/* Finds the number of the pen's style, if it has changed. */
void print_pen(struct term *t);
/* Prints the character to join n times more. */
void print_again(struct term *t, int n);
/* The style for cells that are erased. */
struct cell erased_cell(struct term *t);
/* The number of a style; 0, with t->err set, if it cannot be kept. */
uint32_t style_id(struct term *t, const struct style *s);
/* The number of a hyperlink "PARAMS;URI". */
uint32_t link_id(struct term *t, struct span link);
/* The number of a cluster's text; 0 if it cannot be kept. */
uint32_t cluster_id(struct term *t, struct span text);
/* The text of a cell in UTF-8; valid until the model changes.  `own` has room for 4. */
struct span cell_text(const struct term *t, struct cell c, uint8_t own[4]);
/* Sets CELL_JOINED for a cluster, where it belongs. */
void cell_note_joined(const struct term *t, struct cell *c);
struct style cell_style(const struct term *t, struct cell c);
/* The bytes of a style by its number; STYLE_PACKED_MAX of them may be read. */
struct span style_packed(const struct term *t, uint32_t id);

/* ---- screen.c: the cursor and the cells under it ---- */

/* The cursor goes somewhere: nothing waits, nothing is joined. */
void cursor_to(struct term *t, int row, int col);
/* Behind the last column, where the next character wraps. */
static inline bool
cursor_at_edge(const struct term *t)
{
	return t->pending && t->col == term_grid(t)->cols - 1;
}

/* Other cells are under it: nothing is joined, but there it goes on waiting. */
void cursor_stays(struct term *t);
/* As CUP has it: relative to the margins in origin mode, and its row is known then. */
void cursor_absolute(struct term *t, int row, int col);
void cursor_save(struct term *t);
void cursor_restore(struct term *t);
/* IND, RI. */
void line_down(struct term *t);
void line_up(struct term *t);
void scroll_up(struct term *t, int top, int n);
/* As scroll_up, but nothing goes to the history. */
void delete_rows(struct term *t, int top, int n);
void scroll_down(struct term *t, int top, int n);
void erase_columns(struct term *t, int row, int from, int to, bool selective);
void erase_rows(struct term *t, int from, int to, bool selective);
void fill_rows(struct term *t, int from, int to, struct cell with);
void tabs_reset(struct term *t);
int tab_next(const struct term *t, int col);
int tab_previous(const struct term *t, int col);
bool tabs_are_default(const struct term *t);
bool tab_is_set(const struct term *t, int col);
void tab_set(struct term *t, int col, bool on);
int alternate_enter(struct term *t);
void alternate_leave(struct term *t);
void margins_reset(struct term *t);

/* ---- the rest ---- */

/* term.c: something came that is not understood and may have drawn, or scrolled. */
void strayed(struct term *t);
/* The same, by what may be an image; and that the whole screen was erased. */
void image_drawn(struct term *t);
void image_erased(struct term *t);
/* control.c */
void control(struct term *t, uint8_t c);
void escape(struct term *t, struct span sequence);
void reset_soft(struct term *t);
void reset_hard(struct term *t);
/* What a charset makes of an ASCII character, and which one gives it (0: none). */
uint32_t charset_char(uint8_t charset, uint8_t c);
uint8_t charset_source(uint8_t charset, uint32_t ch);
/* csi.c: a whole sequence, from ESC on. */
void csi(struct term *t, struct span sequence);
/* A sequence that is whole, quickly where it is what most are, "ESC [ parameters final": does
 * what it says and returns its end, or does nothing and returns p. */
const uint8_t *csi_simple(struct term *t, const uint8_t *p, const uint8_t *end);
void mode_set(struct term *t, enum mode m, bool on);
/* osc.c: what stands between ESC ] or ESC P and the terminator. */
void osc(struct term *t, struct span body);
void dcs(struct term *t, struct span body);
void titles_free(struct term *t);
void colours_reset(struct term *t);
void title_push(struct term *t, int which);
void title_pop(struct term *t, int which);
/* answer.c */
__attribute__((format(printf, 2, 3))) void answer(struct term *t, const char *fmt, ...);
void answer_scheme(struct term *t);
void answer_mode(struct term *t, int number, bool ansi);
void answer_colour(struct term *t, int index);
void answer_status(struct term *t, struct span what);
void answer_capability(struct term *t, struct span names);

#endif
