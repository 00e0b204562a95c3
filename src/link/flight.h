/*
 * What was sent in datagrams and is under way, by their numbers; no I/O.
 *
 *     first                high          next
 *       |--- some known ---|- not known -|
 *
 * A datagram is known to have arrived when the peer says so (flight_seen), and to be lost when
 * three later ones have arrived, or one later one and it is older than 9/8 of the round trip
 * (RFC 9002, 6.1).  One that nobody has to answer counts only for the share that is lost.
 *
 * Full: FLIGHT_MAX numbers after the oldest that is not known; then nothing is sent that has
 * to be answered until flight_give_up.
 */
#ifndef LINK_FLIGHT_H
#define LINK_FLIGHT_H

#include "stream/link.h"

enum {
	FLIGHT_MAX_SENT = 512,
	FLIGHT_RANGES = 3, /* of streams, in one datagram */
	FLIGHT_BEFORE = 32, /* so many below `seen` are told */
	FLIGHT_SHARE = 1024, /* of `lost_share`: all are lost */
};

struct flight_range {
	uint32_t stream, len; /* an END counts as a byte */
	uint64_t from;
};

struct flight_sent {
	uint64_t number, sent_us;
	uint16_t bytes[LINK_CLASSES]; /* of frames that are to be answered */
	uint16_t size; /* of the datagram */
	bool settled; /* it is known what became of it */
	bool given_up; /* that is not quite so: it may have arrived */
	bool asks; /* it is to be answered */
	bool ranked; /* RANKS was in it */
	uint8_t n_ranges;
	struct flight_range ranges[FLIGHT_RANGES];
};

struct flight {
	struct flight_sent *sent; /* FLIGHT_MAX_SENT; NULL: no memory yet */
	uint64_t first, next; /* numbers; from 1 */
	uint64_t high; /* the highest that has arrived; 0: none */
	unsigned asking; /* so many under way are to be answered */
	unsigned lost_share; /* about how many of FLIGHT_SHARE are lost of late */
};

/* What the peer's words have told. */
struct flight_news {
	bool
	    answered; /* something that had to be answered, or any higher number, arrived */
	uint64_t rtt_us; /* 0: not measured */
	size_t bytes[LINK_CLASSES]; /* that arrived */
	uint16_t largest; /* of the datagrams that arrived */
	bool ranked; /* RANKS did */
	/* those that were given up and did not arrive, while later ones did */
	struct flight_size {
		uint64_t number;
		size_t size;
	} swallowed[FLIGHT_BEFORE];
	size_t n_swallowed;
};

/* 0 or ERR_NOMEM. */
int flight_init(struct flight *f);
void flight_finish(struct flight *f);
/* Whether there is room for one that is to be answered. */
bool flight_has_room(const struct flight *f);
/* Whether there is room for any. */
bool flight_has_any_room(const struct flight *f);
/* The next number's entry, zeroed but for number and time; there has to be room. */
struct flight_sent *flight_add(struct flight *f, uint64_t now_us);
/* This range of a stream is in it; one that goes on where another ends is one with it.  False:
 * it would be one too many. */
bool flight_has(struct flight_sent *s, uint32_t stream, uint64_t from, size_t len);
/* It is to be answered. */
void flight_asks(struct flight *f, struct flight_sent *s);
/* The peer has seen `seen` (the low half of a number) as the highest, and those of the 32 below
 * whose bits are set in `before` (bit 0: seen - 1); it held its word back for held_us.  False:
 * it cannot be, for such a number was never sent. */
bool flight_seen(struct flight *f, uint32_t seen, uint32_t before, uint64_t held_us,
    uint64_t now_us, struct flight_news *ret);
/* The next one that is lost, by a round trip of rtt_us; false: there is none. */
bool
flight_lost(struct flight *f, uint64_t rtt_us, uint64_t now_us, struct flight_sent *ret);
/* When flight_lost may find one; 0: only after flight_seen. */
uint64_t flight_lost_at(const struct flight *f, uint64_t rtt_us);
/* The oldest that is to be answered is taken for lost; false: there is none. */
bool flight_give_up(struct flight *f, struct flight_sent *ret);

#endif
