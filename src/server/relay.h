/*
 * `belay-server attach MARK HELLO`: what ssh runs on the host.  Takes the client's HELLO
 * (in hexadecimal; "-": it comes on stdin),
 * finds or makes the session, hands its stdin and stdout over to it and waits for the
 * session to let go of them.  A byte of the session passes through no relay.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

/* Returns the exit status. */
int relay_main(const char *mark, const char *hello_text);

#endif
