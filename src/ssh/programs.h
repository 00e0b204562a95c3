/* The programs that belay runs or carries: the user's ssh, the server for each machine. */
#ifndef SSH_PROGRAMS_H
#define SSH_PROGRAMS_H

#include "base/buf.h"

#include <stdbool.h>

enum { PROGRAM_PATH_MAX = 4096, SERVER_NAME_MAX = 160 };

/* The user's ssh: $BELAY_SSH, or the first `ssh` on PATH that is not belay itself under
 * that name.  0, or -1 when there is none.
 *
 * A script called ssh may run belay, and belay that script: then *ret_in_place is set, and
 * the caller becomes the ssh that is next on PATH, since it is another belay that wanted
 * one. */
int programs_ssh(char ret_path[PROGRAM_PATH_MAX], bool *ret_in_place);

/* A server that stays within reach when its file is replaced or removed; a zeroed one: none. */
struct programs_kept {
	int fd; /* 0: none */
	bool packed; /* by gzip */
	char name[SERVER_NAME_MAX]; /* for which machine: "Linux-x86_64" */
};

/* Keeps the server for this machine, if there is one, unless one is kept already. */
void programs_keep(struct programs_kept *k, const char *os, const char *machine);
void programs_drop(struct programs_kept *k);
/* Reads the server for this machine, named as its `uname -sm` does ("Linux", "x86_64"): as
 * it is (unpacked here if there is only a packed one) and, if there is such a file, packed
 * by gzip.  Looked for in $BELAY_SERVERS, else beside belay (servers/), in ../lib/belay of
 * it, and where it was installed; there only one of this client's build counts.  Else it is
 * the one that was kept (k NULL: none), if that is for this machine.  0, or -1 when there
 * is none. */
int programs_server(const struct programs_kept *k, const char *os, const char *machine,
    struct buf *raw, struct buf *gz);

#endif
