/*
 * The cells of a screen.
 *
 *     row[top]    ->  a b 中 . c                 screen row 0
 *     row[top+1]  ->  d e                        1          (. the second half of a wide one)
 *      ...            ^used
 *     row[top-1]  ->                             the last
 *
 * Rows are a ring, so that scrolling the whole screen moves nothing.  Cells from `used` on
 * are blank in the default style, whatever their memory holds: who appends may write some
 * more, up to ROW_SLACK beyond the last column.  A wide character has two cells; nothing
 * here leaves half of one: the other half becomes a blank.
 */
#ifndef TERM_GRID_H
#define TERM_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CELL_CHAR = 0x1fffff, /* a character, or with CELL_CLUSTER a cluster's number */
	CELL_NUMBER = (1 << 28) - 1,
	CELL_JOINED = 1 << 28, /* a cluster of more than marks: mode 2027 joins it */
	CELL_TAIL = 1 << 29, /* the second half of the wide character before it */
	CELL_WIDE = 1 << 30,
	ROW_SLACK = 7, /* cells */
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
	uint16_t used;
	bool texted; /* that is so */
	bool wrapped; /* its line goes on in the next row */
	/* its last cell is only blank because a wide one did not fit there */
	bool spacer;
	bool wide; /* may hold wide characters */
	bool known; /* shows what the terminal shows (term.h) */
};

struct grid {
	int rows, cols;
	int top;
	struct row *row;
	struct cell *mem;
	uint8_t *texts;
};

static const struct cell CELL_BLANK = { ' ', 0 };

/* Blank.  ERR_NOMEM; _finish takes a zeroed one. */
int grid_init(struct grid *g, int rows, int cols);
void grid_finish(struct grid *g);
/* The memory that it holds, in bytes. */
size_t grid_bytes(const struct grid *g);

static inline struct row *
grid_row(const struct grid *g, int y)
{
	y += g->top;
	return &g->row[y < g->rows ? y : y - g->rows];
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
static inline void
row_fill_to(struct row *r, int x)
{
	r->texted = r->texted && r->used >= x;
	for (; r->used < x; r->used++)
		r->cells[r->used] = CELL_BLANK;
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
void row_erase(struct row *r, int from, int to, int cols, struct cell blank);
void row_insert(struct row *r, int at, int end, int n, int cols, struct cell blank);
void row_delete(struct row *r, int at, int end, int n, int cols, struct cell blank);

/* Moves the rows top .. bottom up (or down) by n; blank ones come in.  Lines that are torn
 * apart are no longer joined. */
void grid_scroll_up(struct grid *g, int top, int bottom, int n, struct cell blank);
void grid_scroll_down(struct grid *g, int top, int bottom, int n, struct cell blank);
/* The same within the columns left .. right - 1 only. */
void grid_scroll_box(struct grid *g, int top, int bottom, int left, int right, int n,
    struct cell blank);

#endif
