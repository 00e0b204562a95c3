/*
 * What the screen will be when keys are reflected: derived, never stored.
 *
 *     the line now          $ ls -l_                (what the model has, and its cursor)
 *     keys, not reflected   a  ^?  t
 *     steps                 a at 7, cursor 8; nothing at 7, cursor 7; t at 7, cursor 8
 *     cells over the line           t_
 *
 * Only what is foreseen becomes a step: text that stays before the last column, erasing and
 * moving within the input.  The first key that is not ends the derivation.  Text goes over
 * what stands right of the cursor and never shifts it: programs have suggestions and prompts
 * there.
 */
#ifndef PREDICT_DERIVE_H
#define PREDICT_DERIVE_H

#include "predict/keyclass.h"
#include "predict/screen_line.h"

/* Where what is typed began in a row, and the end of what was typed there. */
struct input {
	bool known;
	int row, from, reach;
};

/* What one key does. */
struct step {
	int16_t at; /* the cell that it changes; -1: none */
	int16_t col; /* the cursor afterwards */
	int16_t reach; /* of the input afterwards */
};

/* What stands over a cell. */
enum over { OVER_NOTHING, OVER_TEXT, OVER_TAIL, OVER_BLANK };
struct over_cell {
	uint32_t ch;
	uint8_t what; /* enum over */
	uint8_t width;
	bool erased; /* text over what had been erased there */
	int16_t key; /* which one has put it there */
};

struct derived {
	struct screen_line line; /* what it stands over */
	int from; /* columns from which the input goes */
	int col, reach;
	int lo, hi; /* the columns that steps have touched */
	struct over_cell over[TERM_SIDE_MAX];
};

/* Nothing over the line.  The input is taken to begin at the cursor if it is not known, or of
 * another row.  Takes a zeroed one, or a used one. */
void derive_begin(struct derived *d, const struct input *input);
/* Adds what a key does; `canonical`: to a line that the kernel edits.  False: it is not
 * foreseen, and nothing was added. */
bool derive_key(struct derived *d, const struct key *key, int number, bool canonical,
    struct step *ret_step);
/* Whether a line is what was derived: the cursor, and the cells that text was put into. */
bool derive_matches(const struct derived *d, const struct screen_line *now);

#endif
