/* The programs that belay runs or carries: the user's ssh, the server for each machine. */
#ifndef SSH_PROGRAMS_H
#define SSH_PROGRAMS_H

#include "base/buf.h"

enum { PROGRAM_PATH_MAX = 4096 };

/* The user's ssh: $BELAY_SSH, or the first `ssh` on PATH that is not belay itself under
 * that name.  0, or -1 when there is none. */
int programs_ssh(char ret_path[PROGRAM_PATH_MAX]);

/* Reads the server for this machine, named as its `uname -sm` does ("Linux", "x86_64"): as
 * it is (unpacked here if there is only a packed one) and, if there is such a file, packed
 * by gzip.  Looked for in $BELAY_SERVERS, beside belay (servers/), in
 * ../lib/belay of it, and where it was installed.  0, or -1 when there is none. */
int programs_server(const char *os, const char *machine, struct buf *raw, struct buf *gz);

#endif
