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
/* Makes the socket of a new session, listening.  Returns the descriptor and its path.
 * -1: errno; EADDRINUSE when the session is there already. */
int rundir_listen(const uint8_t id[ID_LEN], char ret_path[SESSION_PATH_MAX]);

#endif
