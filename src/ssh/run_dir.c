#include "ssh/run_dir.h"

#include "sys/sock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool
run_dir(char ret_dir[RUN_DIR_MAX])
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	int n = run && run[0] == '/'
	    ? snprintf(ret_dir, RUN_DIR_MAX, "%s/belay", run)
	    : snprintf(ret_dir, RUN_DIR_MAX, "/tmp/belay-clients-%lu",
		(unsigned long)geteuid());
	return n < RUN_DIR_MAX && sock_private_dir(ret_dir) == 0;
}
