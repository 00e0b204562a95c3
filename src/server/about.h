/* What a session can say of itself. */
#ifndef SERVER_ABOUT_H
#define SERVER_ABOUT_H

#include "sys/tty.h"
#include "wire/msg.h"

enum { ABOUT_COMMAND = 256 }; /* bytes of the command that are shown */

struct about {
	uint8_t id[ID_LEN];
	char name[NAME_MAX_LEN + 1];
	char command[ABOUT_COMMAND + 1];
	uint8_t kind;
	int64_t begun_ms, used_s; /* wall clock */
	struct tty_size size; /* of its terminal; the owner keeps it */
};

/* It begins now, as this hello has it. */
void about_begin(struct about *a, const struct msg_hello *hello);
void about_rename(struct about *a, struct span name);
/* Somebody comes, or types. */
void about_used(struct about *a);
/* Appends the INFO; `running` in the foreground, `pid` of its program.  ERR_NOMEM. */
int about_put(const struct about *a, size_t clients, const char *running, int pid,
    struct buf *out);

#endif
