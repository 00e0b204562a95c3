/*
 * What was found out about hosts, kept in the user's cache directory, a file a subject.
 *
 * It stands under the account and the keys by which ssh comes
 * (ssh_config.identity), whatever the other options are, and counts as long as the host has
 * the same key: for what one machine does says nothing about another.
 */
#ifndef SSH_HOST_CACHE_H
#define SSH_HOST_CACHE_H

#include "ssh/ssh_config.h"

enum { HOST_CACHE_WORD_MAX = 16 };
/* What is remembered with this word counts for a week: it may have been a want of the
 * moment. */
#define HOST_CACHE_PERHAPS "perhaps"

enum host_cache {
	/* belay-server of this build cannot run there; plain_hosts.h */
	HOST_CACHE_PLAIN,
	/* another program than the one that is asked for runs there (ForceCommand) */
	HOST_CACHE_FOREIGN,
	/* belay-server has run there */
	HOST_CACHE_SERVES,
	/* ssh has known the host's key, and asked nobody about it */
	HOST_CACHE_KEY_KNOWN,
	/* so many links it takes on one connection (MaxSessions) */
	HOST_CACHE_LINKS,
};

/* ret_word: what was remembered with it; NULL: not wanted. */
bool host_cache_has(enum host_cache which, const struct ssh_config *c,
    char ret_word[HOST_CACHE_WORD_MAX]);
/* A word of at most HOST_CACHE_WORD_MAX - 1 letters.  Remembering may fail: then it costs the
 * next run a little time. */
void host_cache_remember(enum host_cache which, const struct ssh_config *c,
    const char *word);
/* What is known of the host is known no more; false: it cannot be written. */
bool host_cache_forget(const struct ssh_config *c);

#endif
