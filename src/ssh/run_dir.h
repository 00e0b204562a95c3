/* The directory of what a user's belays have for each other on this machine, and no others. */
#ifndef SSH_RUN_DIR_H
#define SSH_RUN_DIR_H

#include <stdbool.h>

enum { RUN_DIR_MAX = 92 }; /* a socket in it has a short name */

/* Makes it if it is not there; false: there is none. */
bool run_dir(char ret_dir[RUN_DIR_MAX]);

#endif
