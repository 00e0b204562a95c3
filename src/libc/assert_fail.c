/* What assert() ends in, without stdio. */
#include "sys/sys.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

void
__assert_fail(const char *what, const char *file, int line, const char *function)
{
	sys_say(STDERR_FILENO, "belay-server: %s:%d: %s: not so: %s\n", file, line,
	    function, what);
	abort();
}
