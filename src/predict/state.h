/*
 * What a predictor consists of, for the files of this room.
 *
 *     predict.c    what happens: keys, hints, the link, time
 *     reflect.c    which keys the output reflects, and whether they were foreseen
 *     trust.c      what is believed of the program: confidence, context, prompts
 *     view.c       what is to be drawn
 */
#ifndef PREDICT_STATE_H
#define PREDICT_STATE_H

#include "predict/derive.h"
#include "predict/predict.h"
#include "predict/prompt_memory.h"

/* Constants, in microseconds. */
enum {
	/* From being given to the program to being shown, at most: mosh's too (its paper, 3.2). */
	ECHO_MAX_US = 50 * 1000,
	/* Longer than the round trip, where nobody says what the program was given. */
	UNTOLD_US = 250 * 1000,
	TOLD_US = 5 * 1000 * 1000, /* the host tells, but of these keys it did not */
	/* A password is typed before its prompt has switched echo off: the settings of a context
	 * are trusted when they are so old and an echo more, and behind a hard key, when the
	 * host has looked at them again. */
	CONTEXT_QUIET_US = 1000 * 1000,
	HARD_QUIET_US = 200 * 1000,
	UNHEARD_MAX = 3, /* keys */
};

/* A key that the screen does not reflect yet. */
struct pending {
	struct key key;
	bool viewed, shown,
	    at_once; /* there was a view since; it was in one; in the first */
	uint64_t off; /* of stream 1, behind it */
	uint64_t typed_us, shown_us;
	uint64_t acked_us; /* its echo must be in the output; 0: not known */
};

struct predict {
	const struct term *term;
	struct preference preference;
	struct keyclass keyclass;
	struct pending keys[PREDICT_KEYS_MAX];
	int count;

	/* The line that keys[0] meets, and what the keys make of it.  It is the screen's, unless
	 * the screen is not settled or puzzles: */
	struct derived derived;
	struct screen_line now; /* of the screen */
	bool unsettled; /* output ended within a sequence, or with the cursor hidden */
	bool puzzled; /* it shows what no number of these keys makes of the line */
	struct input input;

	enum confidence confidence;
	struct prompt_memory memory;
	/* Since the last hard key in this context an echo matched, or nothing else happened
	 * until this time. */
	bool proven;
	uint64_t quiet_us;
	bool after_enter; /* the last hard key that was reflected */
	int hard_row, hard_col; /* where the cursor was before it was; row -1: nowhere */
	int unheard; /* text keys in a row */

	bool told; /* the host gives hints; the last one: */
	struct predict_hint hint;
	bool told_kernel; /* since the last hard key */
	uint64_t last_hard_off;
	uint64_t out_off;

	struct predict_link link;
	uint64_t recovered_us; /* when the link was no longer in doubt */
	struct predict_stats stats;
	struct predict_cell cells[PREDICT_CELLS_MAX];
	struct predict_view view;
};

/* ---- trust.c ---- */

void trust_tell(struct predict *p, enum confidence_event event);
/* Another foreground group, other settings, or the other screen. */
void trust_enter_context(struct predict *p, uint64_t now);
/* A hard key, which was this character, was reflected. */
void trust_pass_hard(struct predict *p, uint32_t ch, uint64_t now);
/* Text was reflected and is not to be seen. */
void trust_note_unheard(struct predict *p);
/* Text was reflected as foretold, and has changed a cell. */
void trust_note_match(struct predict *p);
/* The kernel edits the line, as far as the host has told. */
bool trust_is_canonical(const struct predict *p);
/* Whether the cursor of a line is behind a prompt at which keys were shown before. */
bool trust_knows_prompt(const struct predict *p, const struct screen_line *l);
/* After anything that happened: what follows from the last hint, and from a prompt. */
void trust_consider(struct predict *p);
void trust_consider_prompt(struct predict *p);

/* ---- reflect.c ---- */

/* How long the echo takes. */
uint64_t reflect_echo_us(const struct predict *p);
/* When a key counts as reflected though nothing was seen of it; 0: never. */
uint64_t reflect_given_up_at(const struct predict *p, const struct pending *k);
/* The first n keys do. */
void reflect_give_up(struct predict *p, int n, uint64_t now);
/* The line is that of the screen, whatever it was. */
void reflect_anchor(struct predict *p);
/* There was output. */
void reflect_output(struct predict *p, uint64_t now);

/* ---- predict.c ---- */

/* Does what only takes time. */
void predict_advance(struct predict *p, uint64_t now);

#endif
