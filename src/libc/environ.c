/*
 * The static server's own setenv(3), putenv(3) and unsetenv(3).  Those of musl remember which
 * texts are theirs, to free them; these are called by what becomes another program soon, and
 * free none.
 */
#define _GNU_SOURCE /* environ, strchrnul() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the variable of this name is, which a '=' may end, or the NULL behind them all. */
static char **
place_of(const char *name)
{
	size_t n = (size_t)(strchrnul(name, '=') - name);
	char **at = environ;
	while (*at && (strncmp(*at, name, n) != 0 || (*at)[n] != '='))
		at++;
	return at;
}

int
putenv(char *text)
{
	char **at = place_of(text);
	size_t n = (size_t)(at - environ);
	if (!*at) {
		char **more = malloc((n + 2) * sizeof *more);
		if (!more)
			return -1;
		memcpy(more, environ, n * sizeof *more);
		environ = more;
		at = more + n;
		at[1] = NULL;
	}
	*at = text;
	return 0;
}

int
setenv(const char *name, const char *value, int overwrite)
{
	size_t len = strlen(name) + strlen(value) + sizeof "=";
	if (!overwrite && *place_of(name))
		return 0;
	char *text = malloc(len);
	if (!text)
		return -1;
	snprintf(text, len, "%s=%s", name, value);
	return putenv(text);
}

int
unsetenv(const char *name)
{
	char **at;
	while (*(at = place_of(name)))
		do
			at[0] = at[1];
		while (*++at);
	return 0;
}
