/*
 * Tells the service manager how it goes: sd_notify(3)'s protocol, which that page says is
 * stable and simple enough to do without the library.
 */
#ifndef CLIENT_SD_NOTIFY_H
#define CLIENT_SD_NOTIFY_H

#include "client/report.h"

struct sd_notify {
	char path[108]; /* as in sockaddr_un; "": nobody wants to know */
	uint64_t watchdog_us; /* it wants to hear of us so often; 0: it does not */
	uint64_t told_us; /* when it last did */
	bool ready;
	enum policy_state state; /* as told last */
	unsigned outages;
};

/* Looks into the environment, and takes it out of there: children are not meant. */
void sd_notify_init(struct sd_notify *n);
/* Tells what has changed; `ready`: the session is there and all forwards are settled.
 * Returns when to call it again; 0: on events only. */
uint64_t sd_notify_turn(struct sd_notify *n, const struct report *r, bool ready);

/* Plain ssh does it from now on, and the service manager hears no more of us. */
void sd_notify_last(const struct sd_notify *n, const char *destination, const char *why);

#endif
