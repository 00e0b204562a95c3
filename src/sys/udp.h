/* UDP: one socket on a host, for all addresses; one to a host, for each way there.  Descriptors
 * are non-blocking and close-on-exec. */
#ifndef SYS_UDP_H
#define SYS_UDP_H

#include "base/buf.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Where a datagram came from, and which address of ours it was for. */
struct udp_way {
	struct sockaddr_storage peer;
	struct in6_addr
	    local; /* an IPv4 address as IPv6 has it mapped; zeros: not known */
};

/* Takes the first free port from `start` on, within first..last and around.  Descriptor, or
 * -1 with errno. */
int udp_listen(unsigned first, unsigned last, unsigned start, unsigned *ret_port);
/* A socket whose datagrams go there and come from there only.  Descriptor, or -1 with errno:
 * there may be no way. */
int udp_connect(const struct sockaddr_storage *to);
/* The length of the next one, -1 with errno when there is none.  Of a connected socket ret_way
 * may be NULL. */
ssize_t udp_receive(int fd, uint8_t *bytes, size_t max, struct udp_way *ret_way);
/* What does not go now is lost.  NULL: where the socket is connected to. */
void udp_send(int fd, struct span bytes, const struct udp_way *way);
/* Whether they come from the same place; ours may be another. */
bool udp_same_peer(const struct udp_way *a, const struct udp_way *b);

#endif
