/*
 * How much of its history a session shows to a terminal that comes to it over a slow link:
 * as much as lets the screen stand in time.  No I/O.
 *
 *      begin                                     screens        end
 *        |---|---|==========|~~~~~~~~~~~~~~~~~~~~|---------------|   in the stream
 *        first       left out    the youngest rows   the screens
 *          second            as the link has time for
 *
 * The rows come before the screens, the oldest first, and nothing is known of the link.  So
 * the first piece goes ahead, and the second a moment behind it: what lies between their
 * acknowledgements, whatever the round trip is, tells the rate.  When all that is left fits
 * into the time that is left, it goes without a halt.  When it does not, and the measure is
 * fine enough, rows are cut out of what was not sent yet, and a line in their place says how
 * many; else larger pieces are measured.
 *
 * What is short enough for a link of 64 kbit/s is not held back at all.
 */
#ifndef SERVER_PACE_H
#define SERVER_PACE_H

#include "stream/stream.h"

struct pace {
	size_t piece; /* bytes; 0: nothing is held back */
	uint64_t time_us; /* from when the link is there until the screen stands, */
	uint64_t due_us; /* which is then */
	uint64_t screens; /* the offset where they begin */
	const void *link; /* which is measured */
	uint64_t first; /* the offset where the first piece ends */
	uint64_t begun_us, second_us, first_acked_us; /* 0: not yet */
};

/* An account was written to the stream, `len` bytes with the screens from `screens` on;
 * none of it is sent yet.  time_us 0: it may take as long as it does. */
void pace_begin(struct pace *p, struct stream *s, size_t len, size_t screens,
    uint64_t time_us);
/* After whatever may have been acknowledged, and before anything is sent on `link`; NULL: the
 * client is away.  Returns when to call it again; 0: then. */
uint64_t pace_turn(struct pace *p, struct stream *s, const void *link, uint64_t now_us);

#endif
