/*
 * The overlay of what is typed and not shown by the host yet (predict/predict.h), and the cursor
 * behind it.
 *
 * The cursor stands ahead of the program's by columns of one row, so it is moved and brought
 * back by CUF and CUB, which no mode of the program's changes (with margins at the sides nothing
 * is predicted).
 *
 * What stands on the terminal is not known at the beginning.  So the terminal is asked where its
 * cursor is, before the first of the program's output is shown, and all below is erased, where
 * nothing stands when a shell has started belay.  A terminal that does not answer at once shows
 * the output as ever, and nothing is predicted before a row is known by other means.
 */
#ifndef SCREEN_PREDICTIONS_H
#define SCREEN_PREDICTIONS_H

#include "predict/predict.h"
#include "screen/display.h"
#include "sys/loop.h"
#include "wire/msg.h"

struct predictions {
	struct predict *predict; /* NULL: nothing is predicted */
	struct display *display; /* over which it is drawn */
	const struct loop *loop; /* whose time it is */
	struct predict_link link; /* as it was told last */
	const struct predict_view *view; /* as it was, */
	uint64_t view_us; /* then; NULL: something has happened since */
	uint64_t wanted; /* its hash */
	uint64_t off; /* of the output that the predictor was told of, */
	uint64_t work; /* and the model's work then: others write into it, too */
	bool resized; /* the predictor is to be told */
	unsigned asked; /* where the cursor is, so often without an answer */
	uint64_t ask_us; /* when it may be asked again */
	uint64_t begin; /* the offset of the first output */
	bool begun; /* it is known what stands below the cursor, or was not to be known */

	/* What is drawn: cells within [lo, hi) of a row; -1: none are. */
	int row, lo, hi;
	struct predict_cell cells[PREDICT_CELLS_MAX];
	size_t n_cells;
	bool unsure; /* the program may have written over them */
	int ahead; /* columns that the cursor is ahead of the program's */
	uint64_t drawn; /* a hash of the view that was drawn; 0: nothing; 2: of none */
	struct {
		bool on;
		int width, narrowest; /* needed, and that the window was since */
	} moved; /* drawn, and then the window changed its size */
};

/* Adds itself to a display that has a model.  PREDICT_NEVER, or no memory: nothing is. */
void predictions_open(struct predictions *o, struct display *d, const struct loop *loop,
    enum predict_mode mode);
void predictions_close(struct predictions *o);
/* One read of keys, which go into stream 1 at `off`. */
void predictions_keys(struct predictions *o, struct span keys, uint64_t off);
/* Keys that it was told of will not be sent. */
void predictions_dropped(struct predictions *o);
void predictions_hint(struct predictions *o, const struct msg_echoed *m);
void predictions_link(struct predictions *o, uint64_t rtt_us, bool in_doubt);
/* The terminal is asked where its cursor is (display_ask), and output is to wait for a moment:
 * also what came in the turn in which the terminal became raw. */
bool predictions_awaits(const struct predictions *o);
/* Whether the host's hints matter: also on a quick link, which may be gone the next moment. */
bool predictions_wants_hints(const struct predictions *o);
/* Returns when to take a turn again; 0: on events only. */
uint64_t predictions_turn(struct predictions *o);
/* NULL: nothing is predicted. */
const struct predict_stats *predictions_stats(const struct predictions *o);

#endif
