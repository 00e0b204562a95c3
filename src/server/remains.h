/*
 * What is left of a shell's session when its host goes down: where it was and what ran there,
 * in a file of the user's that the next session of that id, or that name, begins from.
 *
 *     ${XDG_STATE_HOME:-~/.local/state}/belay/remains/MACHINE/SESSION      0600 in 0700
 *
 *         INFO (more: ABOUT, REMAINS)    and, with KEEP only, what a new terminal would get
 *
 * Several hosts may have the home in common, so each machine has a directory (machine.h).  What
 * is not such a file, of the user's own and no link, is not there.
 *
 * The session writes it a moment after something has happened in it, each 30 s at most, and when
 * its client goes; nothing is written while nothing happens.  A child does it, beside the file and
 * then in its place, so that neither a slow disk holds the session up, nor a full one or an end
 * in the middle leaves half a file.  It goes when the session ends in good order.
 *
 * Full: of REMAINS_MAX files of this machine the next session gets none; those that nobody has
 * come for in 30 days go.
 */
#ifndef SERVER_REMAINS_H
#define SERVER_REMAINS_H

#include "sys/loop.h"
#include "term/term.h"
#include "wire/msg.h"

#include <sys/types.h>

enum {
	REMAINS_PATH_MAX = 1024,
	REMAINS_DIRECTORY_MAX = 1024,
	REMAINS_RUNNING_MAX = 256,
	REMAINS_MAX = 500, /* files */
	REMAINS_EVERY_US = 30 * 1000000,
	REMAINS_SETTLE_US = 2 * 1000000, /* behind what has happened */
	/* behind a client's going, which may be the host's: what ran is ended then as well */
	REMAINS_GONE_US = 1000000,
	REMAINS_DAYS = 30,
	REMAINS_KEEP_KIB = 64 * 1024, /* of what was shown, at the most */
};

struct remains {
	char path[REMAINS_PATH_MAX]; /* "": none are kept */
	char from[REMAINS_PATH_MAX]; /* the file of before; "": there was none */
	struct buf bytes; /* of that */
	struct msg_info was; /* what it says; points into them */
	struct msg_remains left;
	char directory[REMAINS_DIRECTORY_MAX]; /* of that; "": there was none */
	size_t keep_max; /* bytes of what is shown that are kept, too; 0: nothing of it */
	pid_t child; /* that writes; 0: none does */
	uint64_t due_us, written_us; /* due 0: not */
	/* as it was in the last turn: what the program has read and written, and whether a
	 * client is here */
	uint64_t moved;
	bool here;
};

/* A session begins that a client asks for: with what is left of it, if it is a shell that was
 * there before.  `r` is zeroed. */
void remains_begin(struct remains *r, const struct msg_hello *hello);
/* Something is left: `was` and `left` say what. */
bool remains_any(const struct remains *r);
/* Puts what was kept of its screen and history into a new model, as rows that have left the
 * screen.  False: nothing was kept. */
bool remains_show(const struct remains *r, struct term *t);
/* The frame of WELCOME; nothing where nothing is left. */
int remains_tell(const struct remains *r, struct buf *out);

/* Whether it is to be written now; else *at gets when (loop_sooner).  `lives`: a client has
 * used the session, and its program runs. */
bool remains_due(struct remains *r, bool lives, uint64_t moved, bool here,
    uint64_t now_us, uint64_t *at);
/* Makes the child; true in that, which remains_write ends. */
bool remains_fork(struct remains *r, uint64_t now_us);
_Noreturn void
remains_write(const struct remains *r, struct span info, const struct term *t);
/* A child has ended. */
void remains_reap(struct remains *r, pid_t pid);
/* The session ends in good order: nothing is left of it. */
void remains_forget(struct remains *r);
void remains_finish(struct remains *r);

/* Calls with each file of this machine whose session does not live, until it returns false; the
 * INFO points into bytes of ours.  What nobody has come for in REMAINS_DAYS is removed. */
void remains_each(bool (*each)(void *owner, const char *path, const struct msg_info *m),
    void *owner);

#endif
