/*
 * When what is not acknowledged is sent again in datagrams; no I/O.
 *
 *     calm    probes: after a round trip and its deviation, then twice as long each time, up to
 *             a second (as RFC 9002, 6.2)
 *     lossy   at fixed gaps: 20 20 60 40 80 80 120 ... ms, without waiting for the round trip:
 *             with loss p each way a key waits for 2 gap p / (1 - p) more, in the mean
 *
 * Lossy where more than a 50th of what was sent lately was lost, and the round trip is below
 * twice its least: else it is a queue that loses.  Repeats cost at most a quarter of the
 * link's rate, or 6 KB a second where that is more.
 */
#ifndef LINK_REPEAT_H
#define LINK_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct repeat {
	unsigned step; /* repeats since something new was sent or acknowledged */
	uint64_t since_us; /* when the last of them was sent; 0: nothing waits */
	size_t budget; /* bytes that repeats may cost now */
	uint64_t budget_us; /* when that was counted */
};

/* What is known of the link. */
struct repeat_link {
	uint64_t srtt_us, rttvar_us; /* srtt 0: not known */
	uint64_t rtt_least_us; /* 0: not known */
	unsigned lost_share; /* of FLIGHT_SHARE */
	uint64_t rate; /* bytes a second; 0: not known */
};

void repeat_init(struct repeat *r, uint64_t now_us);
/* Something new was sent, or something was acknowledged and more waits: from the first gap. */
void repeat_anew(struct repeat *r, uint64_t now_us);
/* Nothing waits to be acknowledged. */
void repeat_rest(struct repeat *r);
/* A repeat of n bytes was sent. */
void repeat_sent(struct repeat *r, size_t n, uint64_t now_us);
/* When the next is due; 0: never. */
uint64_t repeat_at(const struct repeat *r, const struct repeat_link *link);
/* Whether it may be sent, by what it would cost; false: later, and repeat_at says when. */
bool repeat_affords(struct repeat *r, const struct repeat_link *link, size_t n,
    uint64_t now_us);
bool repeat_is_lossy(const struct repeat_link *link);

#endif
