/*
 * A link of encrypted datagrams; no I/O: the owner has the sockets.
 *
 *     u32 id | u64 number | AEAD( u32 seen, u32 before, u16 held | frames ... ) tag
 *
 *       id      which link; in the clear, as the number
 *       number  from 1, never twice with one key; the nonce (seal.h)
 *       seen    the low half of the highest number that has come; 0: none
 *       before  bit i: seen - 1 - i has come, too
 *       held    for so long has `seen` been waiting for this datagram, in units of 0.1 ms;
 *               65535: that long, or longer
 *       frames  whole ones (wire/msg.h)
 *
 * So each datagram tells what came of those in the other direction, and the link counts for
 * itself (link.h): the round trip, what is under way, what was lost.  Urgent bytes that are not
 * acknowledged go with every datagram, up to DATAGRAM_REPEAT; where there are more, as in a
 * flood, and of bulk, what was lost goes again.
 *
 * What is not authentic, or has come before, changes nothing and is answered by nothing.
 */
#ifndef LINK_DATAGRAM_H
#define LINK_DATAGRAM_H

#include "link/flight.h"
#include "link/repeat.h"
#include "link/seal.h"
#include "stream/engine.h"

enum {
	DATAGRAM_SAID = 10, /* seen, before, held */
	DATAGRAM_OVERHEAD = SEAL_HEAD + DATAGRAM_SAID + SEAL_TAG,
	DATAGRAM_MAX = 1200, /* bytes in UDP: passes in every network but some tunnels */
	DATAGRAM_SMALL = 540, /* where those are lost and small ones are not */
	DATAGRAM_REPEAT = 512,
	DATAGRAM_WINDOW = 1024, /* numbers below the highest that may still come */
	/* taken a turn: one answer tells of 33 numbers, and half of them may be lost */
	DATAGRAM_AT_ONCE = 16,
};

struct datagram_keys {
	uint8_t out[SEAL_KEY], in[SEAL_KEY];
};

struct datagram {
	struct link link;
	/* Sends a datagram; what does not go now is lost. */
	void (*send)(void *owner, struct span bytes);
	void *owner;
	uint32_t id;
	struct datagram_keys keys;
	struct flight flight;
	struct repeat repeat;
	struct buf out; /* the datagram that is made */

	uint64_t in_high, in_high_us; /* the highest number that has come, and when */
	uint64_t in_window[DATAGRAM_WINDOW / 64]; /* which have, by number modulo */
	unsigned unanswered; /* datagrams that ask, since we have sent one */
	uint64_t unanswered_us; /* since when */

	bool owes; /* urgent bytes were lost while every datagram had them all */
	bool ranks_open; /* RANKS is under way, last in this number */
	uint64_t ranks_number;
	uint64_t copied; /* so far reached the last copy (engine_copy_end) */
	bool answered; /* since `write` looked last, or the peer has moved */
	uint64_t authentic_us; /* when one came last; 0: none has */
	uint64_t answered_us; /* when one of ours was seen last; 0: never */
	bool now; /* one is to be sent, whatever is due */
	uint64_t rtt_least_us, rtt_least_at_us;
	size_t size_max; /* of a datagram: DATAGRAM_MAX or DATAGRAM_SMALL */
	uint64_t small_lost; /* the highest number of a small one that was lost */
	unsigned large_lost; /* so many after that, and since one that large has come */
	size_t large_least; /* the smallest of them */

	/* The peer's address is not proved (RFC 9000, 8.1): so many bytes may go there, until
	 * the datagram with this number, or a later one, is seen. */
	size_t allowed;
	uint64_t proof; /* 0: it is proved */
};

enum datagram_taken {
	DATAGRAM_DROPPED, /* not authentic, or not new */
	DATAGRAM_LATE, /* a later one has come before */
	DATAGRAM_NEWEST,
};

/* 0 or ERR_NOMEM.  It counts as silent since now. */
int datagram_init(struct datagram *d, uint32_t id, const struct datagram_keys *keys,
    void (*send)(void *owner, struct span bytes), void *owner, uint64_t now_us);
/* The id of a datagram; false: it is too short for one. */
bool datagram_id(struct span bytes, uint32_t *ret_id);
/* Takes one that came, and changes its bytes: its frames are in the link (link_frame), for the
 * owner to take before the next. */
enum datagram_taken
datagram_take(struct datagram *d, uint8_t *bytes, size_t n, uint64_t now_us);
/* The newest datagram, of n bytes, came from another address: until the peer has shown that it
 * is there, at most three times as much goes there as comes from there. */
void datagram_peer_moved(struct datagram *d, size_t n, uint64_t now_us);
/* Datagrams go another way from now on, or may do: what is unacknowledged is sent now. */
void datagram_way_changed(struct datagram *d, uint64_t now_us);
/* One is to be sent now, to be answered. */
void datagram_ask(struct datagram *d);
/* The share of ours that is lost, in hundredths. */
unsigned datagram_lost_percent(const struct datagram *d);

#endif
