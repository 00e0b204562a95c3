/* What a session can say of itself. */
#ifndef SERVER_SESSION_INFO_H
#define SERVER_SESSION_INFO_H

#include "sys/tty.h"
#include "term/term.h"
#include "wire/msg.h"

enum { ABOUT_COMMAND = 256 }; /* bytes of the command that are shown */

struct session_info {
	uint8_t id[ID_LEN];
	char name[NAME_MAX_LEN + 1];
	char command[ABOUT_COMMAND + 1];
	uint8_t kind;
	int64_t begun_ms, used_s; /* wall clock */
	struct tty_size size; /* of its terminal; the owner keeps it */
};

/* It begins now, as this hello has it. */
void session_info_begin(struct session_info *a, const struct msg_hello *hello);
void session_info_rename(struct session_info *a, struct span name);
/* Somebody comes, or types. */
void session_info_used(struct session_info *a);
/* Whether a directory is below the user's home, which is "~" in a prompt: *path is the rest. */
bool session_info_at_home(struct span *path);
/* What its terminal and its processes tell.  The texts are borrowed; NULL: not known. */
struct session_shows {
	const char *running; /* in the foreground */
	const char *directory, *title;
	const struct term *term; /* NULL: there is none */
	unsigned flags; /* about_flags */
	struct span more; /* frames behind ABOUT */
};

/* Appends the INFO, `pid` is that of its program.  ERR_NOMEM. */
int session_info_put(const struct session_info *a, size_t clients, int pid,
    const struct session_shows *shows, struct buf *out);

#endif
