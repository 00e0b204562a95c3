/*
 * How far the terminals of a session have seen it, so that one that is left and come back to in
 * the same window gets only what is new to it.
 *
 *     stream 1 of a client   ----------|============|~~~~~~~~~~
 *                                     off          next     written
 *                                  is in its hands   not yet
 *
 * At both the model has a mark (term/mark.c).  When `next` is acknowledged too, it is what was
 * seen, and where the stream ends then is the next.  A client that goes leaves its id, its offset
 * and its mark here; of the last few that went they are kept.
 */
#ifndef SERVER_SEEN_H
#define SERVER_SEEN_H

#include "stream/stream.h"
#include "term/term.h"
#include "wire/msg.h"

enum { SEEN_LEFT = 4 };

/* Of one client; zeroed at its beginning. */
struct seen {
	uint64_t off, next; /* next 0: there is none */
};

/* Of those that went. */
struct seen_left {
	struct {
		uint8_t id[ID_LEN];
		uint64_t off; /* 0: nobody */
	} list[SEEN_LEFT];
	unsigned oldest; /* whose place the next one takes */
};

/* After whatever may have been acknowledged or written to `main`, the stream of the client with
 * this place in the list, in step with the model. */
void seen_turn(struct seen *s, struct term *t, int place, const struct stream *main);
/* It goes. */
void seen_leave(struct seen_left *l, const struct seen *s, struct term *t, int place,
    const uint8_t id[ID_LEN]);
/* Which mark in the model has what a client had been shown that went; -1: it is not known. */
int seen_find(const struct seen_left *l, const struct msg_seen *m);

#endif
