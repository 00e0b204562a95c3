/*
 * What happens in a session while nobody sees it.  Pure.
 *
 *     bell, notice    the terminal was told so
 *     ended           the program in the foreground, there for AWAY_LONG_US, is there no more
 *     quiet           it writes nothing for AWAY_QUIET_US, and has written for AWAY_WROTE_US
 *
 *     ---- seen ----|--bell--------make ends-----------|---- seen: told, and forgotten
 *              the last answer                 somebody is back
 *
 * A client sees what happened before its last answer: one whose machine sleeps sees nothing,
 * though its connection is there.  What was seen within AWAY_UNSEEN_US is not told.
 *
 * Full: of each kind the last is kept, and how many there were.
 */
#ifndef SERVER_AWAY_H
#define SERVER_AWAY_H

#include "term/term.h"
#include "wire/away_words.h"

#include <sys/types.h>

enum {
	AWAY_LONG_US = 30 * 1000000,
	AWAY_QUIET_US = 30 * 1000000,
	AWAY_WROTE_US = 3 * 1000000,
	AWAY_UNSEEN_US = 5 * 1000000, /* as clients.h waits for one that is here */
	AWAY_LOOK_US = 1000000, /* behind output; what is shorter is nothing */
	AWAY_HOOK_US = 30 * 1000000, /* between two of a kind */
	AWAY_NAME_MAX = 64,
};

struct away_note {
	uint64_t at_us; /* the last one */
	uint32_t count; /* 0: none */
	uint64_t due_us; /* when to tell the hook; 0: nothing to tell */
	uint64_t told_us; /* when it was told last */
};

struct away {
	struct away_note notes[AWAY_QUIET]; /* by enum away_what, less one */
	/* what is in the foreground, and since when; 0: a shell at its prompt */
	pid_t group;
	uint64_t group_us;
	char name[AWAY_NAME_MAX];
	unsigned commands; /* term_news, as it was seen first in the foreground */
	char ended[AWAY_NAME_MAX]; /* the last that ended, and how */
	uint8_t how;
	uint32_t status;
	bool awaits; /* the shell's word on a program that is gone */
	uint64_t look_us; /* when to look at the foreground; 0: not */
	uint64_t output, wrote_us, since_us; /* the last output, and the first of that */
	uint64_t seen_us;
	const struct term_news *news; /* borrowed; as they were in the last turn: */
	unsigned bells, notices;
};

struct away_facts {
	uint64_t now_us;
	uint64_t seen_us; /* up to here somebody has seen everything */
	uint64_t output; /* bytes */
	const struct term_news *news;
};

/* Notes what has happened, and forgets what was seen.  Returns when to call it again; 0: on events
 * only. */
uint64_t away_turn(struct away *a, const struct away_facts *f);
/* Whether to say now what is in the foreground. */
bool away_looks(const struct away *a, uint64_t now_us);
/* It is this process group (0: a shell at its prompt); `gone`: the one before is nowhere. */
void away_foreground(struct away *a, pid_t group, bool gone, const char *name,
    uint64_t now_us);
/* The session's program has ended, status as from waitpid. */
void away_exited(struct away *a, int status, uint64_t now_us);

/* What was noted, in words that are borrowed; false: nothing of this kind. */
bool away_get(const struct away *a, enum away_what what, uint64_t now_us,
    struct msg_away *ret);
/* Who sees it at `seen_us` is to be told. */
bool away_is_news(const struct away *a, enum away_what what, uint64_t seen_us);
/* What a hook is to be told now, once; 0: nothing, and *at gets when (loop_sooner). */
enum away_what away_hook(struct away *a, uint64_t now_us, uint64_t *at);

#endif
