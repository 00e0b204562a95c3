/*
 * Hosts where belay-server cannot run (forges, forced commands, network gear), so that the
 * next run goes to plain ssh at once.  Kept in the user's cache directory under a hash of
 * the destination and ssh's options; tried again after a week, since hosts change.
 */
#ifndef CLIENT_PLAIN_H
#define CLIENT_PLAIN_H

#include "client/options.h"

bool plain_known(const struct options *o);
/* Remembering may fail: then it costs the next run a little time. */
void plain_remember(const struct options *o);

#endif
