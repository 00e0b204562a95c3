/*
 * Managing the sessions of this user on this host: `belay-server list` and its like, and
 * how a session is found by its name.  Asks each session over its socket (ASK, INFO).
 */
#ifndef SERVER_SESSION_CTL_H
#define SERVER_SESSION_CTL_H

#include "wire/msg.h"

/* Connects to the session of that name, or whose id begins like that.  -1: none. */
int session_ctl_find(struct span name);
/* The session of that name, or whose id begins like that; NULL: the shell that was used last, but
 * the one that this runs in.  False: there is none. */
bool session_ctl_choose(const char *which, uint8_t ret_id[ID_LEN]);
/* Prints all of them, and marks the one of the id `takes` (NULL: none); the exit status. */
int session_ctl_list(bool json, const char *takes);
/* Ends the shells that are at a prompt, with nothing else in their sessions and no client, and
 * prints which; the exit status. */
int session_ctl_kill_idle(void);
/* Asks one to do something; which NULL: the one that this runs in.  The exit status. */
int session_ctl_do(enum ask_verb verb, const char *which, const char *text);

#endif
