/*
 * The row of the cursor, as a model has it at one moment.
 */
#ifndef PREDICT_SCREEN_LINE_H
#define PREDICT_SCREEN_LINE_H

#include "term/read.h"

struct screen_line {
	int rows, cols, row, col;
	uint64_t gone; /* rows that had left the main screen at its top */
	unsigned hindrances;
	bool alternate;
	struct term_cell cells[TERM_SIDE_MAX];
};

void screen_line_read(struct screen_line *l, const struct term *t);

#endif
