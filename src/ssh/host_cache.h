/*
 * What was found out about hosts lately, kept in the user's cache directory, a file a
 * subject, under a hash of the destination, ssh's options and our build; for a week, since
 * hosts change; what is told of plain ones also only while ~/.ssh/known_hosts is the same.
 */
#ifndef SSH_HOST_CACHE_H
#define SSH_HOST_CACHE_H

#include "ssh/options.h"

enum { HOST_CACHE_WORD_MAX = 16 };

enum host_cache {
	HOST_CACHE_PLAIN, /* belay-server cannot run there; plain_hosts.h */
	HOST_CACHE_KEY_KNOWN, /* ssh has known the host's key, and asked nobody about it */
};

/* ret_word: what was remembered with it; NULL: not wanted. */
bool host_cache_has(enum host_cache which, const struct options *o,
    char ret_word[HOST_CACHE_WORD_MAX]);
/* A word of at most HOST_CACHE_WORD_MAX - 1 letters.  Remembering may fail: then it costs the
 * next run a little time. */
void
host_cache_remember(enum host_cache which, const struct options *o, const char *word);

#endif
