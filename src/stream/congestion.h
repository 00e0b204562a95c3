/*
 * How much may be in flight on a link, and when the next frame is due: by what its own
 * acknowledgements tell.
 *
 *     allowed = rate x 1.5 x smallest round trip + slack
 *
 *                rate: the most that was delivered in one of the last rounds
 *     round trip: the least of the last 10 s, the receiver's delay included
 *          slack: rate x 15 ms, where there is a terminal at most 512 KiB; and the root of
 *                 32 x rate: of two flows on one link the slower gets more of it for its rate,
 *                 until they are equal
 *
 *     START --- rate grows no more for 3 rounds, ---> CRUISE ---+
 *     x 3       or for one, with a queue              x 1.5     | round trip old, or
 *                                                      ^        | much slower
 *                                                      |        v
 *                                                      +---- PROBE  x 0.375, for a round
 *
 * The start ends with a PROBE, for its queue may have hidden the round trip; not if that was
 * seen while less than a quarter of the product was under way.
 *
 * More than the product keeps a little of a queue, so a faster link shows itself by a
 * higher rate.  The queue hides the round trip, so now and then it is let run dry.
 * What was sent while there was not enough to send says nothing about the link, unless
 * it was faster than what was known.
 *
 * Frames are spread over the round trip (next_us): ssh makes one packet of what it finds, up
 * to 32 KiB, and delivers it whole, so what was sent in one lump is acknowledged in one, and
 * so on for ever, with nothing under way in between.
 *
 * Where the acknowledgements are exact, 1.125 and 4 ms are enough: a shorter queue, and the same
 * rate.
 *
 * Floor: CONGESTION_FLOOR, so that nothing ever stalls.  Ceiling: the caller's.
 */
#ifndef STREAM_CONGESTION_H
#define STREAM_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONGESTION_FLOOR = 2 * 1024,
	CONGESTION_START = 16 * 1024, /* before anything is known */
	CONGESTION_MARKS = 64,
};

enum congestion_phase { CONGESTION_STARTING, CONGESTION_CRUISING, CONGESTION_PROBING };

struct congestion {
	enum congestion_phase phase;
	bool exact; /* what arrives is told at once, and of each datagram */
	bool bulk; /* nobody waits for a key here: the queue is let run dry less often */
	uint64_t sent, delivered; /* bytes, of this link */
	uint64_t dropped; /* of those delivered, which were lost */
	uint64_t next_us; /* when the next frame is due; may have passed */
	uint64_t delivered_us; /* when that was */
	/* of what is sent until that is delivered nothing is measured */
	uint64_t blind_until;
	uint64_t short_until; /* what was sent below it was all there was to send; 0 */
	/* bytes a second, the most of the rounds now counted and of those before */
	uint64_t rate_now, rate_before;
	uint64_t root_of; /* the rate */
	size_t root; /* and its part of the slack */
	uint64_t rate_at_rtt; /* the rate when the round trip was found */
	unsigned rounds; /* counted in rate_now */
	uint64_t rounds_us; /* when that began */
	uint64_t round_end; /* `sent` that ends the round when it is delivered */
	bool round_short; /* there was not always enough to send in it */
	uint64_t start_rate; /* STARTING: of the last round that was faster */
	unsigned start_flat; /* and the rounds since */
	uint64_t rtt_us, rtt_found_us; /* the smallest, 0: not known; when it was seen */
	uint64_t
	    rtt_flight; /* bytes that were under way then, or when it was about that */
	uint64_t rtt_now_us; /* the last */
	uint64_t probe_rtt_us; /* PROBING: the smallest since the queue ran dry; 0 */
	uint64_t probed_us; /* ... and rtt_us when that began */
	uint64_t probe_end; /* `sent` that ends it when it is delivered; 0: not dry yet */
	/* What was under way when these bytes were sent, oldest first. */
	struct congestion_mark {
		uint64_t end, sent_us, delivered, delivered_us, dropped;
		bool is_short;
	} marks[CONGESTION_MARKS];
	size_t first_mark, n_marks;
};

void congestion_init(struct congestion *c, uint64_t now_us);
/* n bytes were sent; that many bytes more are acknowledged (too many do no harm). */
void congestion_sent(struct congestion *c, size_t n, uint64_t now_us);
void congestion_acked(struct congestion *c, size_t n, uint64_t now_us);
/* These bytes were lost on their way.  Where the round trip has not grown, it is not the queue
 * that loses, and they count for the rate as those that arrived. */
void congestion_dropped(struct congestion *c, size_t n);
/* There is nothing more to send, though more would be allowed. */
void congestion_short(struct congestion *c);
/* Nobody will acknowledge these bytes any more: their stream is closed. */
void congestion_lost(struct congestion *c, size_t n);
/* What is in flight will be sent again, and it cannot be told which of the two is
 * acknowledged (Karn and Partridge 1987). */
void congestion_forget(struct congestion *c);

/* Bytes that may be in flight. */
size_t congestion_allowed(const struct congestion *c, size_t ceiling);
/* Bytes that the link takes in that time; 0: not known. */
size_t congestion_in(const struct congestion *c, uint64_t us);

#endif
