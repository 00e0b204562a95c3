/*
 * The rows that left the main screen at its top, as text (line.h), in chunks:
 *
 *     chunk   | row | row | row ...   free   ... slot | slot | slot |
 *
 *     first                                                  next
 *     oldest row kept                                        the next one's number
 *
 * A row is found by its number.  Its slot says where it ends, and at which offset of the
 * output it left.  Beyond `rows_max` rows or `bytes_max` bytes the oldest go.
 */
#ifndef TERM_HISTORY_H
#define TERM_HISTORY_H

#include "base/buf.h"

enum {
	ROW_WRAPPED = 1, /* its line goes on in the next row */
	ROW_SPACER = 2, /* it is a cell short, since a wide character did not fit */
	ROW_MARKED = 4, /* has marks of line.h */
	ROW_PROMPT = 8, /* a prompt of the shell's begins in it, */
	ROW_OUTPUT = 16, /* or the output of a command */
	ROW_PARTS = ROW_PROMPT | ROW_OUTPUT,
};

struct history_chunk;

struct history {
	struct history_chunk **chunks;
	size_t chunk_count, chunk_cap;
	size_t bytes;
	uint64_t first, next;
	size_t rows_max, bytes_max;
};

struct history_row {
	struct span text;
	uint8_t flags;
	uint64_t offset;
};

void history_init(struct history *h, size_t rows_max, size_t bytes_max);
void history_finish(struct history *h);
/* Puts it there so many times.  The first has the number h->next, also when it is not kept
 * (ERR_NOMEM, or no room). */
int history_push(struct history *h, const struct history_row *row, size_t count);
/* first <= number < next; the text is valid until the next push. */
struct history_row history_get(const struct history *h, uint64_t number);
/* The line of the last row does not go on. */
void history_close(struct history *h);
/* Whether it does. */
bool history_open(const struct history *h);
/* Whether it does, and the last row is a ROW_SPACER. */
bool history_short(const struct history *h);
/* Takes back the rows from this number on. */
void history_take_back(struct history *h, uint64_t number);
/* Other bounds; the oldest rows go at once. */
void history_bound(struct history *h, size_t rows_max, size_t bytes_max);
/* Forgets all rows; numbers go on. */
void history_clear(struct history *h);
/* The first row that left after `offset`. */
uint64_t history_after(const struct history *h, uint64_t offset);

#endif
