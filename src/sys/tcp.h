/* TCP, within this machine on 127.0.0.1; all descriptors non-blocking, close-on-exec. */
#ifndef SYS_TCP_H
#define SYS_TCP_H

#include <stdbool.h>
#include <sys/socket.h>

/* Listens on a port, 0: any.  Descriptor, or -1 with errno. */
int tcp_listen(unsigned port);
/* Connects, or begins to: then it is writable when it has, and tcp_error says how it went.
 * Descriptor, or -1 with errno. */
int tcp_connect(unsigned port);
/* The same for a host's address; `keepalive`: the system looks whether it is still there. */
int tcp_connect_to(const struct sockaddr_storage *address, bool keepalive);
/* The address of this end; false if there is none. */
bool tcp_local(int fd, struct sockaddr_storage *ret_address);
/* Makes it blocking, as others expect it. */
void tcp_blocking(int fd);
/* The errno of what has failed on a socket, once; 0 if nothing has. */
int tcp_error(int fd);
/* -1 if there is none. */
int tcp_accept(int listener);

#endif
