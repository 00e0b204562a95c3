/* The static server's own execvp(3): a third of musl's, which copies the path to the stack
 * whatever its length. */
#define _GNU_SOURCE /* strchrnul() */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
execvp(const char *file, char *const argv[])
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX];
	int err = ENOENT;
	if (!*file || strchr(file, '/'))
		return execv(file, argv);
	if (!dirs)
		dirs = "/usr/local/bin:/bin:/usr/bin";
	do {
		int n = (int)(strchrnul(dirs, ':') - dirs);
		int len = snprintf(path, sizeof path, "%.*s%s%s", n, dirs, n ? "/" : "",
		    file);
		dirs += n;
		if (len >= (int)sizeof path)
			continue;
		execv(path, argv);
		if (errno == EACCES)
			err = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -1;
	} while (*dirs++);
	errno = err;
	return -1;
}
