/* `belay-server connect`: joins stdin and stdout to a TCP connection, for ssh's -W. */
#ifndef SERVER_STDIO_FORWARD_H
#define SERVER_STDIO_FORWARD_H

/* Returns the exit status: 255 when there is no connection, as ssh. */
int stdio_forward_main(const char *host, const char *port);

#endif
