/*
 * Predicted echo: what is typed stands on the screen before the host has shown it.
 *
 *     stdin --> escape filter --+--> stream 1 ---- network ----> program
 *                               |
 *                               v predict_keys
 *     the model's screen --> predict_view --> cells to draw over the screen
 *                               ^
 *                               | predict_output, predict_hint, predict_link
 *     stdout <-- display <------+--- stream 1 <--- network <---- program
 *
 * Pure: no I/O, no clock.  All times are microseconds of one monotonic clock, and never go
 * back; `now` goes in, predict_deadline comes out.  Offsets are those of stream 1.
 *
 * Predicted cells are not stored: predict_view derives them from the model's screen as it is
 * and the keys that it does not reflect yet.  So scrolling, wrapping, redrawing and another
 * size need no bookkeeping, and a mistake is gone with the next output.
 *
 * How it is used: at each turn, tell what happened, in its order; then call predict_view and
 * draw what it has in place of what was drawn before.  What a view has counts as drawn, in
 * the statistics and when it is judged.
 *
 *     bytes of the terminal, behind the `~` filter    predict_keys, before or after they are sent
 *     a hint of the host, when it is read             predict_hint
 *     output was written into the model               predict_output
 *     the link's round trip, or its doubt, changed    predict_link
 *     the model has another size, or was forgotten    predict_resized
 *     the deadline has come                           predict_tick
 *
 * The rules are those of mosh (K. Winstein and H. Balakrishnan: Mosh, USENIX ATC 2012) where
 * not said otherwise: its epochs are what lies between hard keys (keyclass.h), its confirmation
 * is a match (confidence.h), its display preference is the mode (preference.h).  Others are: what
 * is typed goes over what stands right of the cursor and shifts nothing; nothing is predicted
 * into the last column or another row; a prompt that was seen before is trusted
 * (prompt_memory.h); and the host tells what the kernel does with the keys (predict_hint),
 * without which all but CONF_SECRET and CONF_KERNEL works as well.
 *
 * The law: in CONF_SECRET a view has no cell, whatever the mode, and no key that was typed
 * before it ended is ever in one.
 */
#ifndef PREDICT_PREDICT_H
#define PREDICT_PREDICT_H

#include "base/buf.h"
#include "predict/confidence.h"
#include "predict/preference.h"
#include "term/style.h"
#include "term/term.h"

enum {
	/* Keys that are not reflected.  With one more all of them are given up, and nothing is
	 * shown until it is. */
	PREDICT_KEYS_MAX = 128,
	/* Bytes; more in one read was pasted. */
	PREDICT_READ_MAX = 100,
	PREDICT_CELLS_MAX = PREDICT_KEYS_MAX * 2, /* of a view */
};

struct predict;

/* The model is borrowed: it outlives the predictor, and is written to by its owner only.
 * ERR_NOMEM. */
int predict_new(const struct term *term, enum predict_mode mode, struct predict **ret);
void predict_free(struct predict *p);
void predict_set_mode(struct predict *p, enum predict_mode mode);

/* ---- what happens ---- */

/* One read of the terminal; `off`: of the first byte in stream 1 to the host. */
void predict_keys(struct predict *p, struct span bytes, uint64_t off, uint64_t now_us);
/* The model has taken the output up to this offset of stream 1. */
void predict_output(struct predict *p, uint64_t off, uint64_t now_us);

/* What the host tells of its pseudo-terminal (ECHOED), as it is after a read from it.  It may
 * come before or after the output that it belongs to; a change of settings is best told before,
 * since it counts at once.  Two things follow of the offsets: output up to out_off reflects no
 * key behind in_off; and the keys up to in_off are reflected 50 ms after the model has that
 * output, whether anything is seen of them or not. */
struct predict_hint {
	uint64_t in_off; /* the program had been given the input up to here ... */
	uint64_t out_off; /* ... when it had written up to here */
	bool echo, canonical, isig; /* ECHO, ICANON, ISIG */
	uint8_t erase; /* VERASE; 0: none */
	uint64_t group; /* the foreground process group; 0: not known */
};
void predict_hint(struct predict *p, const struct predict_hint *hint, uint64_t now_us);

struct predict_link {
	uint64_t rtt_us; /* the link's round trip, smoothed; 0: not known */
	bool in_doubt; /* or there is none: keys wait for as long as it takes */
};
void predict_link(struct predict *p, const struct predict_link *link, uint64_t now_us);
/* What the model has does not follow from what it had. */
void predict_resized(struct predict *p, uint64_t now_us);
void predict_tick(struct predict *p, uint64_t now_us);
/* When to call predict_tick; 0: there is no need. */
uint64_t predict_deadline(const struct predict *p);

/* ---- what is to be drawn ---- */

struct predict_cell {
	int col;
	uint8_t width; /* 1, or 2: this column and the next */
	uint8_t len; /* of the text */
	char text[4]; /* one character, UTF-8, no NUL behind it; a blank is " " */
	struct style style; /* with UNDERLINE set if it is underlined */
	bool underlined; /* it is late, or the link in doubt */
	uint64_t off; /* of stream 1, behind the key */
};

/* All in one row, by column; none in the last column, none outside of the screen, none in
 * columns that the model does not know or over which nothing may be drawn (term_row_room), none
 * that is half over a wide character. */
struct predict_view {
	const struct predict_cell *cells;
	size_t n;
	int row; /* of the cells and the cursor */
	int col; /* where the cursor is to be; the model's own if nothing is predicted */
	bool moved; /* it is elsewhere than the model's */
	uint64_t off; /* of stream 1, behind the last key that is in it; 0: none is */
	/* Keys that are neither reflected nor seen in the view, for the status line. */
	size_t hidden;
};

/* Valid until the next call of any of these. */
const struct predict_view *predict_view(struct predict *p, uint64_t now_us);
enum confidence predict_confidence(const struct predict *p);

/* ---- statistics ---- */

struct predict_stats {
	uint64_t keys; /* typed; without reports of the terminal and what was pasted */
	uint64_t at_once; /* were in the first view after they were typed, and right */
	uint64_t early; /* the same in a later one, before they were reflected */
	uint64_t wrong; /* were in a view, and not as the program had it */
	uint64_t reflected; /* text keys that were matched; the echo of these took: */
	uint64_t echo_sum_us;
	uint64_t glyph_sum_us; /* until they were seen, predicted or not */
	uint64_t echo_us; /* smoothed: what the preference goes by */
};
const struct predict_stats *predict_stats(const struct predict *p);

#endif
