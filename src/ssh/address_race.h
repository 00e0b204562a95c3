/*
 * Which address of a host to connect to, and when: all of them side by side, as RFC 8305
 * has it.  Pure: addresses and what became of them go in; what to try now, and when to
 * look again, come out.
 *
 *     the system's order   v6a v6b v6c v4a        its preference, RFC 6724
 *     tried in this one    v6a v4a v6b v6c        the families in turn
 *                           |   |   |
 *                           0  250 500 ms         at once when one before has failed
 *
 * A network that swallows everything swallows the question for a connection too, and the
 * system repeats it after 1, 2, 4, 8 s only.  So those tried are tried once more each
 * second beside the first time, which is left to slow networks, and soon when a person
 * waits.
 *
 * One lookup asks for everything, and its order counts; another asks for IPv4 only.  If
 * that one has answered while the other waits, for name servers that do not answer
 * questions for IPv6, it is used after a moment.
 */
#ifndef SSH_ADDRESS_RACE_H
#define SSH_ADDRESS_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ADDRESS_RACE_ADDRESSES = 16, /* further ones are not tried */
	ADDRESS_RACE_STAGGER_US = 250 * 1000, /* RFC 8305, section 8 */
	ADDRESS_RACE_RESOLUTION_US = 50 * 1000,
	ADDRESS_RACE_AGAIN_US = 1000 * 1000,
	ADDRESS_RACE_HURRY_US = 100 * 1000,
	ADDRESS_RACE_HURRIED_US = 500 * 1000, /* from one hurried time to the next one */
};

enum address_race_state { ADDRESS_RACE_WAITS, ADDRESS_RACE_TRIED, ADDRESS_RACE_FAILED };

struct address_race {
	struct address_race_one {
		struct sockaddr_storage address;
		enum address_race_state state;
		int error; /* errno, when it has failed */
	} ones[ADDRESS_RACE_ADDRESSES]; /* in the order in which they are tried */
	size_t n;
	bool complete; /* no further addresses come */
	uint64_t next_us; /* not before; 0: at once */
	uint64_t tried_us; /* when one was tried last */
	bool hurries; /* a person waits */
	bool hurried; /* the last time was for one */
};

void address_race_init(struct address_race *d);
/* Takes an answer in the system's order; what is known already is not taken twice.
 * complete: from the lookup that asks for everything.  n may be 0. */
void address_race_add(struct address_race *d, const struct sockaddr_storage *addresses,
    size_t n, bool complete, uint64_t now_us);
/* The number of the address to connect to now, which counts as tried; or -1. */
int address_race_next(struct address_race *d, uint64_t now_us);
/* Whether those that count as tried are to be tried once more now. */
bool address_race_again(struct address_race *d, uint64_t now_us);
/* Something may be better now, or a person waits: once more soon. */
void address_race_hurry(struct address_race *d);
void address_race_failed(struct address_race *d, int number, int error);
/* When to ask address_race_next and address_race_again next; 0: only after an event. */
uint64_t address_race_deadline(const struct address_race *d);
/* No address is left, and none can come. */
bool address_race_over(const struct address_race *d);
/* What ssh would say of it: the errno of the last one. */
int address_race_error(const struct address_race *d);

#endif
