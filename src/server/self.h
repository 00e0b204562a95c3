/*
 * This program, to be run once more.
 *
 * The bootstrap runs it as ./NAME, in a directory that nobody else can change, wherever the
 * way to that directory leads a moment later; so it is run again from there, and not by its
 * path.  An installed one is run by its path, which is root's.
 */
#ifndef SERVER_SELF_H
#define SERVER_SELF_H

#include <stdbool.h>

/* Called first, where and as it was run. */
void self_begin(const char *argv0);
/* Whether the file is as it was made, by the checksum behind it (tools/seal).  One that was
 * installed is not looked at, and one without a checksum counts as whole. */
bool self_is_whole(void);
/* It is used: what nobody uses for SELF_UNUSED_S goes when another one lands beside it. */
enum { SELF_UNUSED_S = 30 * 24 * 3600 };
void self_used(void);
void self_remove_unused(const char *landed);
/* The descriptor of the directory, to be given to a child (child_fork) that leaves it; -1:
 * none is needed. */
int self_place(void);
/* In that child: there it is now. */
void self_is_at(int fd);
/* Becomes it; argv[0] is set.  Returns only on an error, with errno. */
void self_exec(char **argv);

#endif
