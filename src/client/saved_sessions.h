/*
 * What this user's machine remembers of its shell sessions, so that `belay host` comes
 * back to the one that was left (window closed, crash, reboot), and `--list` knows all
 * hosts.  One file a session in the user's state directory, locked while its client runs:
 *
 *     $XDG_STATE_HOME/belay/sessions/ID        key, begun, host, name
 *                                              #, device, leader, its start, person, how
 *
 *                                              @, machine, its address
 *
 *                                              =, client, offset
 *
 *                                              $, this machine's boot, the words of the
 *                                              command line that lead there
 *
 * The second line is not in files of version 0.1.0, which reads the first one only; the third
 * is there where the machine is known, the fourth where the last client has left; what begins with
 * another character is skipped.
 *
 * Nothing depends on it: where no file can be written the session is not remembered, and the
 * person is told.
 */
#ifndef CLIENT_SAVED_SESSIONS_H
#define CLIENT_SAVED_SESSIONS_H

#include "ssh/options.h"
#include "sys/tcp.h"
#include "sys/tty.h"
#include "wire/msg.h"

/* Where a client is, or was. */
struct saved_place {
	struct tty_place tty;
	bool person; /* returning.h */
};

enum saved_how {
	SAVED_CUT_OFF, /* its client has died without a word, or has it yet */
	SAVED_LEFT, /* on purpose, by the person */
	SAVED_WINDOW_GONE, /* or belay was told to end */
};

enum { SAVED_HOST_MAX = 256, SAVED_WORDS_MAX = 512 };

struct saved_session {
	uint8_t id[ID_LEN];
	uint64_t key; /* options_key */
	int64_t begun_ms; /* on the host's clock */
	int64_t left_s; /* on ours; when it was seen last */
	bool open; /* a client has it */
	struct saved_place place; /* of its last client; of an old file: a person's */
	enum saved_how how;
	/* of a host's name that leads to several; zeros, "": not known */
	uint8_t machine[ID_LEN];
	char address[TCP_ADDRESS_MAX];
	char host[SAVED_HOST_MAX];
	char name[NAME_MAX_LEN + 1];
	/* Which client has left, and how much of its stream 1 its window shows; 0: not known. */
	uint8_t client[ID_LEN];
	uint64_t shown;
	/* When this machine had it last; zeros, "": of an old file. */
	uint8_t boot[ID_LEN];
	char words[SAVED_WORDS_MAX]; /* options and destination, as a shell takes them */
};

/* The file of the session that a client has; a zeroed one: of none. */
struct saved_hold {
	int fd; /* locked; 0: none */
	long how_at; /* where its `how` stands */
};

/* Those of a destination that a search has passed over, though no client has them. */
struct saved_others {
	unsigned n;
	struct saved_session youngest;
};

/* The youngest session of this destination and these options, and of this machine (NULL: of
 * any): that one client has
 * (`shared`), or none and to which returning_may comes back here. */
bool saved_sessions_find(const struct options *o, bool shared,
    const struct saved_place *here, const uint8_t *machine,
    struct saved_session *ret_memory, struct saved_others *ret_others);
/* Writes it down, and holds it until saved_sessions_forget, saved_sessions_leave or the
 * process ends.  From another client that holds it and is not shared with it is taken.  Returns 0,
 * or -1 with errno. */
int saved_sessions_keep(struct saved_hold *h, const struct options *o,
    const struct saved_session *m);
/* What the window shows of the session that is about to be left. */
void saved_sessions_shown(const struct saved_hold *h, const uint8_t client[ID_LEN],
    uint64_t offset);
/* It is left; it can be returned to.  What was said first about how counts. */
void saved_sessions_leave(struct saved_hold *h, enum saved_how how);
/* It has ended.  The one that is held, or any. */
void saved_sessions_forget(struct saved_hold *h, const uint8_t id[ID_LEN]);
/* The destination of those that a list with "," between them names, by name or the beginning of
 * an id.  False: one is not known here, or they are of several destinations. */
bool saved_sessions_host(const char *names, char ret_host[SAVED_HOST_MAX]);
/* Those were killed, of this destination with these options. */
void saved_sessions_killed(const char *names, const struct options *o);
/* Calls `each` with all of them, until it returns false. */
void saved_sessions_each(bool (*each)(void *owner, const struct saved_session *m),
    void *owner);
/* Prints all of them, those that were seen last first; the exit status. */
int saved_sessions_list(bool json);

#endif
