/*
 * The datagram links of a session's clients (link/datagram.h), over one UDP socket.
 *
 *     WELCOME, with DGRAM_AT: id, port, keys      offered
 *       <--- a datagram that is authentic         joined: the client's engine has the link
 *       nothing is answered for 20 s, or comes for two minutes: it is asleep, out of the engine
 *       <--- another one, from anywhere           joined again
 *
 * A client has at most two: the one that it uses, and the one that was offered last.  The
 * socket is there from the first offer on, and answers nobody who has no key.
 *
 * Full: no offer.
 */
#ifndef SERVER_DATAGRAM_LINKS_H
#define SERVER_DATAGRAM_LINKS_H

#include "link/datagram.h"
#include "server/clients.h"
#include "sys/udp.h"

enum { DATAGRAM_LINKS_MAX = 2 * CLIENTS_MAX };

struct datagram_conn {
	struct datagram_links *all;
	struct client *client; /* NULL: it was sent away, and is told so for a while */
	uint64_t serial; /* of the client */
	struct datagram io;
	struct udp_way way; /* where the newest datagram came from */
	bool joined;
	uint64_t offered_us, dismissed_us;
	uint16_t bye; /* the code of the client's BYE, not pulled yet; 0 */
};

struct datagram_links {
	struct loop *loop;
	struct watch socket; /* fd -1: not open */
	unsigned port;
	bool refused; /* the host's settings say no, or there is no port */
	struct datagram_conn *list[DATAGRAM_LINKS_MAX]; /* NULL: free */
};

void datagram_links_init(struct datagram_links *ds, struct loop *loop);
/* Wipes all keys. */
void datagram_links_finish(struct datagram_links *ds);
/* Appends DGRAM_AT for this client to what goes into its WELCOME; nothing where there are no
 * datagrams.  `address`: of this host, as the client's ssh has come to it (SSH_CONNECTION). */
void datagram_links_offer(struct datagram_links *ds, struct client *p,
    struct span address, struct buf *more);
/* The next BYE of a client; false: there is none. */
bool datagram_links_next(struct datagram_links *ds, struct client **ret_client,
    uint16_t *ret_code);
/* Sends.  Returns when to call it again; 0: on events only. */
uint64_t datagram_links_turn(struct datagram_links *ds);
/* The client is sent away, for that reason. */
void datagram_links_dismiss(struct datagram_links *ds, const struct client *p,
    enum bye_code code);
/* Whether there is any such link in use. */
bool datagram_links_any(const struct datagram_links *ds);
/* Whether a client that has this claim has such a link. */
bool datagram_links_of(const struct datagram_links *ds, enum claim claim);

#endif
