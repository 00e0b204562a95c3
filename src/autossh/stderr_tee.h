/*
 * What ssh says on its stderr, passed on to ours and remembered.
 *
 * Ours may be anything and may be stuck: then ssh is made to wait, as it would without us,
 * and the caller is not.
 */
#ifndef AUTOSSH_STDERR_TEE_H
#define AUTOSSH_STDERR_TEE_H

#include "base/buf.h"
#include "sys/loop.h"

struct stderr_tee {
	struct loop *loop;
	struct watch from; /* ssh's; fd -1: closed */
	struct watch to; /* ours, while it is stuck */
	struct buf said; /* the last that came */
	struct buf unshown;
};

void stderr_tee_init(struct stderr_tee *o, struct loop *loop);
/* Takes a zeroed one. */
void stderr_tee_finish(struct stderr_tee *o);
/* An ssh has been started; its stderr, which is non-blocking, belongs to o now.  What
 * another one has said is forgotten. */
void stderr_tee_begin(struct stderr_tee *o, int fd);
/* It has ended: shows the rest, within a moment, and closes. */
void stderr_tee_end(struct stderr_tee *o);
/* The last two kilobytes or more; valid until the next call; NULL if there is no memory. */
const char *stderr_tee_said(struct stderr_tee *o);
/* The last line of them, without what could control a terminal; false: there is none. */
bool stderr_tee_last_line(struct stderr_tee *o, char *ret_line, size_t len);

#endif
