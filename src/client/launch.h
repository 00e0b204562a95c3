/*
 * From what ssh says of the user's configuration to the first attempt: which program, in which
 * session, by belay or by plain ssh; and what needs no session at all (--forget, --remove,
 * --config).
 *
 *     ssh -G --> settings --> program --> session --> streams, console, reconnect
 *                   |            |
 *                   +-- done     +-- plain ssh
 */
#ifndef CLIENT_LAUNCH_H
#define CLIENT_LAUNCH_H

/* A struct client, once its query is answered, or failed. */
void launch(void *client);

#endif
