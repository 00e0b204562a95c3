/*
 * What ssh says on its stderr, passed on to ours and remembered.
 *
 * Ours may be anything and may be stuck: then ssh is made to wait, as it would without us,
 * and the caller is not.
 */
#ifndef CLIENT_OVERHEARD_H
#define CLIENT_OVERHEARD_H

#include "base/buf.h"
#include "sys/loop.h"

struct overheard {
	struct loop *loop;
	struct watch from; /* ssh's; fd -1: closed */
	struct watch to; /* ours, while it is stuck */
	struct buf said; /* the last that came */
	struct buf unshown;
};

void overheard_init(struct overheard *o, struct loop *loop);
/* Takes a zeroed one. */
void overheard_finish(struct overheard *o);
/* An ssh has been started; its stderr, which is non-blocking, belongs to o now.  What
 * another one has said is forgotten. */
void overheard_begin(struct overheard *o, int fd);
/* It has ended: shows the rest, within a moment, and closes. */
void overheard_end(struct overheard *o);
/* The last two kilobytes or more; valid until the next call; NULL if there is no memory. */
const char *overheard_said(struct overheard *o);
/* The last line of them, without what could control a terminal; false: there is none. */
bool overheard_last_line(struct overheard *o, char *ret_line, size_t len);

#endif
