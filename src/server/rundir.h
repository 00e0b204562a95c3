/*
 * The session directory: where the sockets of this user's sessions are, and how a
 * session is found by its id.
 *
 *   $BELAY_RUN_DIR, /tmp/belay-UID, /var/tmp/belay-UID, /dev/shm/belay-UID,
 *   ~/.local/state/belay/BOOT          the first that works; all are searched
 *
 * A directory counts only if it is ours and nobody else can write to it, so another
 * user who makes /tmp/belay-UID first blocks nobody.  $XDG_RUNTIME_DIR is not among
 * them, since it goes away with the last login.
 *
 * Who removes a directory in /tmp from outside (logind's RemoveIPC, a cleaner) makes room for
 * another user's of the same name.  Whoever connects there looks at the directory and at the
 * peer, so a session is not found there, no more; but what programs of the session are told
 * to use, they use without looking.  So that lies elsewhere, see rundir_kept.
 *
 * The sockets of holders that were killed are removed by who comes upon them: a list of all
 * sessions, and each new session looks at some.
 *
 * What a cleaner of /tmp has removed the holder makes again when it is asked to: by
 * RUNDIR_SIGNAL, from whoever looks for sessions and finds that there is one without.
 */
#ifndef SERVER_RUNDIR_H
#define SERVER_RUNDIR_H

#include "wire/msg.h"

enum { SESSION_PATH_MAX = 512 };

#define RUNDIR_SIGNAL SIGURG /* who does not know it ignores it, as older holders do */

/* Connects to the session with this id.  A descriptor, or -1: it is not there. */
int rundir_connect(const uint8_t id[ID_LEN]);
/* Calls `each` with a connection, non-blocking, to every session of this user, until it
 * returns false; it closes the descriptor. */
void rundir_each(bool (*each)(void *owner, int fd), void *owner);
/* Has the holder of that session (NULL: every holder) make its socket again if it is not
 * there, and waits a moment for that. */
void rundir_mend(const uint8_t *id);
/* Whether a session's socket, first made at this path, is where it can be found: not so where
 * it was removed, and another user may have put something in its place. */
bool rundir_is_there(const char *session_path);
/* Makes the socket of a new session, listening.  Returns the descriptor and its path.
 * -1: errno; EADDRINUSE when the session is there already. */
int rundir_listen(const uint8_t id[ID_LEN], char ret_path[SESSION_PATH_MAX]);

/* A path for a socket that programs of that session are told of, "ID.agent": nobody else can
 * make what it leads through anew.  False: there is none such. */
bool rundir_kept(const char *session_path, char *ret_path, size_t len);

#endif
