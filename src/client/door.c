#include "client/door.h"

#include "client/programs.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char pass_connection[] = "--pass-connection";

/* ---- belay's side ---- */

/* Words that mean the same to every shell, and to ssh. */
static bool
is_plain_path(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._+-";
	return path[0] == '/' && !path[strspn(path, plain)];
}

/* Shells that do with "-c 'exec PROGRAM ARGUMENT'" what ssh expects of them. */
static bool
shell_executes(void)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "ksh", "ksh93",
		"mksh", "oksh", "zsh", "csh", "tcsh", "fish", "yash" };
	const char *shell = getenv("SHELL");
	if (!shell || !*shell)
		return true; /* ssh takes /bin/sh */
	const char *name = strrchr(shell, '/');
	for (size_t i = 0; name && i < sizeof shells / sizeof *shells; i++)
		if (strcmp(name + 1, shells[i]) == 0)
			return access(shell, X_OK) == 0;
	return false;
}

bool
door_proxy_option(char ret_option[DOOR_ARG_MAX])
{
	char self[PROGRAM_PATH_MAX];
	if (!shell_executes() || os_program_path(self, sizeof self)
	    || !is_plain_path(self) || access(self, X_OK))
		return false;
	return snprintf(ret_option, DOOR_ARG_MAX, "-oProxyCommand=%s %s", self,
		   pass_connection)
	    < DOOR_ARG_MAX;
}

int
door_pass(int door, int connection)
{
	return sock_send_fds(door, (struct span){ (const uint8_t *)"", 1 }, &connection,
	    1);
}

/* ---- the other side ---- */

static int
pass(void)
{
	struct buf bytes;
	int connection;
	size_t n = 0;
	ssize_t got = 0;
	buf_init(&bytes, 1);
	while (got == 0 && sys_wait(STDERR_FILENO, POLLIN, -1))
		got = sock_receive_fds(STDERR_FILENO, &bytes, 1, &connection, 1, &n);
	buf_finish(&bytes);
	return n == 1 && door_pass(STDOUT_FILENO, connection) == 0 ? 0 : 1;
}

bool
door_called(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], pass_connection) == 0;
}

int
door_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return pass();
}
