/* autossh's job under its name: supervises one plain ssh.  See belay-autossh(1). */
#ifndef AUTOSSH_AUTOSSH_H
#define AUTOSSH_AUTOSSH_H

#include "ssh/background.h"

#include <stdbool.h>

/* Whether belay is called so: as `autossh` or `belay-autossh`, or with --autossh as its
 * first word. */
bool autossh_called(int argc, char **argv);
/* Returns autossh's exit status. */
int autossh_main(int argc, char **argv);
/* The same for a tunnel of belay's.  With -f somebody waits (background.h): the first ssh
 * sends us SIGURG when it is in, and if it ends before, that was all.  `says`: also then our
 * stderr stays open. */
int autossh_keep(int argc, char **argv, struct background *background, bool says);

#endif
