/* What happens while nobody sees it (away.h): looks for it, and tells it to the client that sees
 * the session again, to who lists sessions, and to the command `on-away` (settings.h). */
#ifndef SERVER_AWAY_WATCH_H
#define SERVER_AWAY_WATCH_H

#include "server/away.h"
#include "server/program.h"
#include "server/session_info.h"

struct away_watch {
	struct away away;
	pid_t hook; /* the command that runs; 0: none does */
};

/* Nothing where there is no terminal.  Returns when to call it again; 0: on events only. */
uint64_t away_watch_turn(struct away_watch *w, struct clients *ps,
    const struct program *p, const struct session_info *info);
/* The session's program has ended. */
void away_watch_exited(struct away_watch *w, const struct program *p);
/* A new client comes: it is told before its terminal gets anything. */
void away_watch_greet(struct away_watch *w, struct client *p, uint64_t now_us);
/* Appends all that was noted, as AWAY. */
void away_watch_put(const struct away_watch *w, uint64_t now_us, struct buf *out);
/* A child has ended. */
void away_watch_reap(struct away_watch *w, pid_t pid);

#endif
