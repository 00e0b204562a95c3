/*
 * Reading the screen of a model, cell by cell, for code that works out what a program will
 * write next (src/predict).
 *
 *     column     0    from               doubt        cols
 *                |     |                   |            |
 *     a row      ? ? ? r e a d a b l e     ? ? ? ? ? ?
 *
 * A row is known from a column on when it was erased from there to its end, or all of it.  It
 * is in doubt from a cluster or character on whose width terminals disagree about (marks, joiners,
 * flags, signs of Indic scripts), until it is erased from there.
 */
#ifndef TERM_READ_H
#define TERM_READ_H

#include "term/style.h"
#include "term/term.h"

struct term_cell {
	uint32_t ch; /* the character, or the first one of a cluster; 0: a tail */
	/* Equal numbers are equal styles, as long as the model was not written to; later
	 * mostly. */
	uint32_t style;
	uint8_t width; /* 1, or 2 for the head of a wide character; 0: its tail */
	bool cluster; /* more characters follow */
	bool spacer; /* blank only because a wide character did not fit there */
};

/* Reads n cells of a row from column x on; columns beyond the screen are blank. */
void term_cells(const struct term *t, int row, int x, int n, struct term_cell *ret_cells);
/* The text of a cell in UTF-8, without its end if there is no room; returns the length. */
size_t term_cell_text(const struct term *t, int row, int x, uint8_t *text, size_t room);
/* How a cell looks; how the next character will. */
struct style term_cell_style(const struct term *t, int row, int x);
struct style term_pen(const struct term *t);

/* The columns [*ret_from, *ret_to) of a row in which the terminal shows what the model has;
 * none: *ret_from == *ret_to. */
void term_row_extent(const struct term *t, int row, int *ret_from, int *ret_to);

/* Why the next character may not simply come to stand at the cursor. */
enum {
	TERM_UNFINISHED = 1, /* the parser is not at rest */
	TERM_WRAPS = 2, /* the cursor waits behind the last column */
	TERM_INSERTS = 4, /* insert mode */
	TERM_CURSOR_HIDDEN = 8,
	TERM_SIDE_MARGINS = 16,
	TERM_CHARSET = 32, /* ASCII is mapped, or a single shift waits */
	TERM_CURSOR_UNKNOWN = 64,
	TERM_NO_WRAP = 128, /* autowrap is off */
	TERM_CLUSTERS = 256, /* what it is may depend on what stands before it (mode 2027) */
};
/* A set of these; 0: it does. */
unsigned term_hindrances(const struct term *t);

#endif
