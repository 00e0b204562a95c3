/*
 * What this user's machine remembers of its shell sessions, so that `belay host` comes
 * back to the one that was left (window closed, crash, reboot), and `--list` knows all
 * hosts.  One file a session in the user's state directory, locked while its client runs:
 *
 *     $XDG_STATE_HOME/belay/sessions/ID        key, begun, host, name
 *
 * Nothing depends on it: where no file can be written the session is not remembered, and the
 * person is told.
 */
#ifndef CLIENT_SAVED_SESSIONS_H
#define CLIENT_SAVED_SESSIONS_H

#include "ssh/options.h"
#include "wire/msg.h"

struct saved_session {
	uint8_t id[ID_LEN];
	uint64_t key; /* options_key */
	int64_t begun_ms; /* on the host's clock */
	int64_t left_s; /* on ours; when it was seen last */
	bool open; /* a client has it */
	char host[256];
	char name[NAME_MAX_LEN + 1];
};

/* The file of the session that a client has; a zeroed one: of none. */
struct saved_hold {
	int fd; /* locked; 0: none */
};

/* The youngest session of this destination and these options, that no client has or
 * (`shared`) that one has. */
bool saved_sessions_find(const struct options *o, bool shared,
    struct saved_session *ret_memory);
/* Writes it down, and holds it until saved_sessions_forget, saved_sessions_leave or the
 * process ends.  Returns 0, also when another client holds it, or -1 with errno. */
int saved_sessions_keep(struct saved_hold *h, const struct options *o,
    const struct saved_session *m);
/* It is left; it can be returned to. */
void saved_sessions_leave(struct saved_hold *h);
/* It has ended.  The one that is held, or any. */
void saved_sessions_forget(struct saved_hold *h, const uint8_t id[ID_LEN]);
/* Prints all of them; the exit status. */
int saved_sessions_list(bool json);

#endif
