/*
 * What is typed while the link does not answer: it waits in the stream, is not sent before
 * the person has had the time to think better of it, and can be dropped until then.  Pure.
 *
 *     the link is away        it is back, and the keyboard quiet      (or BACKLOG_MAX_US)
 *     -------held-----------------held------------------------|-----> sent
 */
#ifndef SCREEN_BACKLOG_H
#define SCREEN_BACKLOG_H

#include "stream/stream.h"

enum {
	BACKLOG_QUIET_US = 300 * 1000, /* nobody is typing */
	BACKLOG_MAX_US = 2 * 1000000, /* behind the link's return */
};

/* Zeroed at the beginning. */
struct backlog {
	bool holds;
	uint64_t typed_us; /* when the last key for the program was typed */
	uint64_t back_us; /* when the link was back; 0: it is away */
};

/* A key for the program was typed. */
void backlog_typed(struct backlog *b, uint64_t now_us);
/* Holds back what is not sent, while the link is `away`, or lets it go; returns when to be
 * called again (0: when that changes). */
uint64_t backlog_turn(struct backlog *b, struct stream *s, bool away, uint64_t now_us);
/* Drops what was never sent; returns how many bytes.  Of a paste that was sent in part its
 * end is left. */
size_t backlog_drop(struct stream *s);
/* Bytes that were never sent. */
size_t backlog_unsent(const struct stream *s);
/* Bytes that were sent, and perhaps in vain. */
size_t backlog_doubtful(const struct stream *s);
/* All that waits is one Enter, as it is in front of an escape. */
bool backlog_is_an_enter(const struct stream *s);
/* The characters that the peer does not have, as far as is known. */
size_t backlog_characters(const struct stream *s);

#endif
