/* autossh's job under its name: supervises one plain ssh.  See belay-autossh(1). */
#ifndef CLIENT_AUTOSSH_H
#define CLIENT_AUTOSSH_H

#include <stdbool.h>

/* Whether belay is called so: as `autossh` or `belay-autossh`, or with --autossh as its
 * first word. */
bool autossh_called(int argc, char **argv);
/* Returns autossh's exit status. */
int autossh_main(int argc, char **argv);

#endif
