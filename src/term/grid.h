/*
 * The cells of a screen.
 *
 *     row[top]    ->  a b 中 . c                 screen row 0
 *     row[top+1]  ->  d e                        1          (. the second half of a wide one)
 *      ...            ^used
 *     row[top-1]  ->                             the last
 *
 * Rows are a ring, so that scrolling the whole screen moves nothing, and they are named in
 * it by numbers, so that scrolling a part moves no more than these.  Cells from `used` on
 * are blank in the default style, whatever their memory holds: a writer that appends may
 * write some more, up to ROW_SLACK beyond the last column.  A wide character has two cells;
 * nothing here leaves half of one: the other half becomes a blank.
 *
 * A byte of output pays for few cells.  So what changes whole rows at once, many of them
 * maybe, touches none of their cells, but is noted in the row:
 *
 *     ALL     every cell is `with`
 *     MOVED   the cells [lo, hi) stand `by` columns further right, and are all that is left
 *             of those in [at, end), where the others are `with`
 *     VEIL    every cell is `with` but those that DECSCA protects
 *     TORN    the cells in [at, end) stand in the memory of another row, or (`hollow`) are all
 *             `with`; its own memory there may hold those of a third
 *
 * and is done by row_settle when a program comes to the row: grid_row sees to it.  Only what
 * knows of these forms may use grid_row_as_is.
 */
#ifndef TERM_GRID_H
#define TERM_GRID_H

#include "term/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum row_lazy { LAZY_NOT, LAZY_ALL, LAZY_MOVED, LAZY_VEIL, LAZY_TORN };

enum {
	CELL_CHAR = 0x1fffff, /* a character, or with CELL_CLUSTER a cluster's number */
	CELL_NUMBER = (1 << 28) - 1,
	CELL_JOINED = 1 << 28, /* a cluster of more than marks: mode 2027 joins it */
	CELL_TAIL = 1 << 29, /* the second half of the wide character before it */
	CELL_WIDE = 1 << 30,
	ROW_SLACK = 7, /* cells */
	ROW_WORK = 4, /* a row that is looked at costs as much as so many cells */
};
#define CELL_CLUSTER (UINT32_C(1) << 31)

struct cell {
	uint32_t ch;
	uint32_t style; /* a number in the table of styles */
};

struct row {
	struct cell *cells;
	/* Its cells as history stores them (line.h), as long as cells were only put
	 * behind others: most rows leave the screen so, and are stored without a look at
	 * a cell. */
	uint8_t *text;
	uint32_t text_len, text_style; /* bytes; the style at its end */
	uint32_t text_mark; /* where that style's mark ends; 0: there is none */
	/* Eight bytes, which are compared at once: */
	uint16_t used;
	bool texted; /* the text is as was said */
	bool wrapped; /* its line goes on in the next row */
	/* its last cell is only blank because a wide one did not fit there */
	bool spacer;
	bool wide; /* may hold wide characters */
	bool known; /* shows what the terminal shows (term.h) */
	uint8_t lazy; /* enum row_lazy */
	/* If it is not known: it shows it from this column on; 0: nowhere. */
	uint16_t known_from;
	/* From this column, less 1, on cells may stand elsewhere on the terminal: a cluster
	 * there may be wider or narrower than here (read.h); 0: all stand where they do. */
	uint16_t doubt;
	/* What `lazy` needs: */
	struct cell with;
	bool hollow;
	uint8_t part; /* ROW_PROMPT, ROW_OUTPUT: what begins in it (history.h) */
	uint16_t at, end;
	union {
		struct cell *torn; /* the memory of the row that lends those cells */
		struct {
			uint16_t lo, hi;
			int16_t by;
		};
	};
};

struct grid_tables {
	struct intern styles; /* of the cells */
	uint64_t work; /* cells that were touched, to compare the work with the output */
};

struct grid {
	int rows, cols;
	int top;
	struct row *row; /* in no order */
	uint32_t *order; /* their numbers, from `top` on; as much room again */
	struct cell *mem;
	uint8_t *texts;
	bool torn; /* some row may be */
	struct grid_tables *tables; /* borrowed */
};

/* In the text of a row: see line.h. */
enum { MARK_REPEAT = 0x0d, MARK_CLUSTERS = 0x0e, MARK_CHARS = 0x0f, MARK_STYLE = 0x1b };

static const struct cell CELL_BLANK = { ' ', 0 };

/* Blank.  ERR_NOMEM; _finish takes a zeroed one. */
int grid_init(struct grid *g, int rows, int cols, struct grid_tables *tables);
void grid_finish(struct grid *g);
/* The memory that it holds, in bytes. */
size_t grid_bytes(const struct grid *g);

static inline bool
cell_equal(struct cell a, struct cell b)
{
	return a.ch == b.ch && a.style == b.style;
}

static inline struct row *
grid_row_as_is(const struct grid *g, int y)
{
	y += g->top;
	return &g->row[g->order[y < g->rows ? y : y - g->rows]];
}

/* Does what was only noted. */
void row_settle(const struct grid *g, struct row *r);

static inline struct row *
grid_row(const struct grid *g, int y)
{
	struct row *r = grid_row_as_is(g, y);
	if (r->lazy)
		row_settle(g, r);
	return r;
}

/* Nothing is known of what the terminal shows there. */
static inline void
row_forget(struct row *r)
{
	r->known = false;
	r->known_from = 0;
}

/* The width of what stands at x is in doubt. */
static inline void
row_doubt(struct row *r, int x)
{
	if (!r->doubt || r->doubt > x + 1)
		r->doubt = (uint16_t)(x + 1);
}

/* Its line does not go on behind it. */
static inline void
row_cut(struct row *r)
{
	r->wrapped = r->spacer = false;
}

/* No cell was written since it was erased in the default style. */
static inline bool
row_is_blank(const struct row *r)
{
	return r->used == 0 && !r->lazy;
}

static inline struct cell
row_cell(const struct row *r, int x)
{
	return x < r->used ? r->cells[x] : CELL_BLANK;
}

/* Where the character begins that cell x belongs to. */
int row_head(const struct row *r, int x);
/* Bytes for a row's text: four for a cell, and some for marks. */
static inline size_t
row_text_room(int cols)
{
	return 4 * (size_t)cols + 64;
}

/* Blanks up to x, so that x < used or x == used may be written. */
void row_pad(const struct grid *g, struct row *r, int x);
static inline void
row_fill_to(const struct grid *g, struct row *r, int x)
{
	if (r->used < x)
		row_pad(g, r, x);
}

/* Makes x a border between characters: a wide one across it becomes blanks. */
static inline void
row_split(struct row *r, int x)
{
	if (!r->wide || x <= 0 || x >= r->used || !(r->cells[x].ch & CELL_TAIL))
		return;
	r->cells[x].ch = ' ';
	r->cells[x - 1].ch = ' ';
	r->texted = false;
}

/* Fills [from, to) with the blank cell. */
void row_erase(const struct grid *g, struct row *r, int from, int to, struct cell blank);
/* The same, but what DECSCA protects stays; of a row that is settled. */
void row_erase_unprotected(const struct grid *g, struct row *r, int from, int to,
    struct cell blank);
/* Fills all of the rows from .. to - 1, whatever was noted. */
void grid_fill(struct grid *g, int from, int to, struct cell with);
/* Fills all of it; what began in it still does. */
void row_fill(const struct grid *g, struct row *r, struct cell with);
/* The same, but protected cells stay. */
void row_veil(const struct grid *g, struct row *r, struct cell blank);
void grid_veil(struct grid *g, int from, int to, struct cell blank);
/* Moves the cells of [at, end) by n to the right, or with n < 0 to the left; blank ones come
 * in.  Noted only. */
void
row_shift(const struct grid *g, struct row *r, int at, int end, int n, struct cell blank);
void grid_shift(struct grid *g, int top, int bottom, int at, int end, int n,
    struct cell blank);

/* All rows will be filled: what they have lent to each other counts no more. */
void grid_mend(struct grid *g);

/* Moves the rows top .. bottom up (or down) by n; blank ones come in.  Lines that are torn
 * apart are no longer joined. */
void grid_scroll_up(struct grid *g, int top, int bottom, int n, struct cell blank);
void grid_scroll_down(struct grid *g, int top, int bottom, int n, struct cell blank);
/* The same within the columns left .. right - 1 only. */
void grid_scroll_box(struct grid *g, int top, int bottom, int left, int right, int n,
    struct cell blank);

#endif
