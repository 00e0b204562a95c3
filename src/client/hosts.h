/*
 * What was found out about hosts lately, kept in the user's cache directory, a file a
 * subject, under a hash of the destination and ssh's options; for a week, since hosts
 * change.
 */
#ifndef CLIENT_HOSTS_H
#define CLIENT_HOSTS_H

#include "client/options.h"

enum hosts {
	HOSTS_PLAIN, /* belay-server cannot run there (forges, forced commands, network
		      * gear): the next run goes to plain ssh at once */
	HOSTS_KEY_KNOWN, /* ssh has known the host's key, and asked nobody about it */
};

bool hosts_has(enum hosts which, const struct options *o);
/* Remembering may fail: then it costs the next run a little time. */
void hosts_remember(enum hosts which, const struct options *o);

#endif
