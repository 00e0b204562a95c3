/*
 * What was found out about hosts lately, kept in the user's cache directory, a file a
 * subject, under a hash of the destination, ssh's options and our build; for a week, since
 * hosts change; what is told of plain ones also only while ~/.ssh/known_hosts is the same.
 */
#ifndef CLIENT_HOSTS_H
#define CLIENT_HOSTS_H

#include "client/options.h"

enum { HOSTS_WORD_MAX = 16 };

enum hosts {
	HOSTS_PLAIN, /* belay-server cannot run there; plain.h */
	HOSTS_KEY_KNOWN, /* ssh has known the host's key, and asked nobody about it */
};

/* ret_word: what was remembered with it; NULL: not wanted. */
bool hosts_has(enum hosts which, const struct options *o, char ret_word[HOSTS_WORD_MAX]);
/* A word of at most HOSTS_WORD_MAX - 1 letters.  Remembering may fail: then it costs the
 * next run a little time. */
void hosts_remember(enum hosts which, const struct options *o, const char *word);

#endif
