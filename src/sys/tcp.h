/* TCP, where nothing else is said on 127.0.0.1; descriptors are non-blocking and
 * close-on-exec, and of connections TCP_NODELAY. */
#ifndef SYS_TCP_H
#define SYS_TCP_H

#include <stdbool.h>
#include <sys/socket.h>

/* Listens on a port, 0: any.  Descriptor, or -1 with errno. */
int tcp_listen(unsigned port);
/* The same on any address; of IPv6 only that, so that "::" leaves "0.0.0.0" free. */
int tcp_listen_on(const struct sockaddr_storage *address);
/* An address as text, without a look-up; false: it is none. */
bool tcp_address(const char *text, unsigned port, struct sockaddr_storage *ret_address);
/* The port of this end; 0 if there is none. */
unsigned tcp_port(int fd);
/* Connects, or begins to: then it is writable when it has, and tcp_error says how it went.
 * Descriptor, or -1 with errno. */
int tcp_connect(unsigned port);
/* The same for a host's address; `keepalive`: the system looks whether it is still there. */
int tcp_connect_to(const struct sockaddr_storage *address, bool keepalive);
/* The address of this end; false if there is none. */
bool tcp_local(int fd, struct sockaddr_storage *ret_address);
enum { TCP_ADDRESS_MAX = 64 };

/* An address in numbers, without the port; "": it is none. */
void tcp_address_text(const struct sockaddr_storage *a, char ret[TCP_ADDRESS_MAX]);
/* The same of the other end. */
void tcp_peer_text(int fd, char ret[TCP_ADDRESS_MAX]);
/* Makes it blocking, as others expect it. */
void tcp_blocking(int fd);
/* The errno of what has failed on a socket, once; 0 if nothing has. */
int tcp_error(int fd);
/* -1 with errno if there is none.  Also of unix sockets, whoever it is. */
int tcp_accept(int listener);

#endif
