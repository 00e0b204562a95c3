#include "ssh/ssh_helper.h"

#include "ssh/programs.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char pass_connection[] = "--pass-connection";
static const char local_command[] = "--local-command";
static const char ask_role[] = "BELAY_ASKPASS"; /* ssh gives it no other argument */

enum { SCRIPT_FD = 3, SCRIPT_MAX = 64 * 1024 };

/* What comes with a descriptor. */
static const char asks[] = "", wants_stdout[] = "o";

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
ssh_helper_proxy_option(const char *path, char ret_option[SSH_HELPER_ARG_MAX])
{
	char self[PROGRAM_PATH_MAX];
	if (!shell_executes() || os_program_path(self, sizeof self)
	    || !is_plain_path(self) || access(self, X_OK)
	    || (path && !is_plain_path(path)))
		return false;
	return snprintf(ret_option, SSH_HELPER_ARG_MAX, "-oProxyCommand=%s %s%s%s", self,
		   pass_connection, path ? " " : "", path ? path : "")
	    < SSH_HELPER_ARG_MAX;
}

int
ssh_helper_pass(int door, int connection)
{
	return sock_send_fds(door, (struct span){ (const uint8_t *)"", 1 }, &connection,
	    1);
}

static char role[] = "BELAY_ASKPASS=1";

static bool
askpass(char store[SSH_HELPER_ARG_MAX])
{
	char self[PROGRAM_PATH_MAX];
	return os_program_path(self, sizeof self) == 0 && access(self, X_OK) == 0
	    && snprintf(store, SSH_HELPER_ARG_MAX, "SSH_ASKPASS=%s", self)
	    < SSH_HELPER_ARG_MAX;
}

bool
ssh_helper_ask_env(char store[SSH_HELPER_ARG_MAX], char *ret_env[SSH_HELPER_ENV])
{
	static char force[] = "SSH_ASKPASS_REQUIRE=force";
	char *env[SSH_HELPER_ENV] = { store, force, role, NULL };
	memcpy(ret_env, env, sizeof env);
	return askpass(store);
}

/* Of which ssh would make use, were its stderr ours. */
static bool
has_terminal(void)
{
	if (!isatty(STDERR_FILENO))
		return false;
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* For notices ssh wants a display; it uses none, the link forwards none, and with a terminal
 * it asks there. */
bool
ssh_helper_notify_env(char store[SSH_HELPER_ARG_MAX], char *ret_env[SSH_HELPER_ENV])
{
	static char display[] = "DISPLAY=belay:";
	bool has_one = getenv("DISPLAY") != NULL;
	char *env[SSH_HELPER_ENV] = { store, role, has_one ? NULL : display, NULL };
	memcpy(ret_env, env, sizeof env);
	return !getenv("SSH_ASKPASS_REQUIRE") && has_terminal() && askpass(store);
}

bool
ssh_helper_local_command(char ret_program[SSH_HELPER_ARG_MAX])
{
	char self[PROGRAM_PATH_MAX];
	if (!shell_executes() || os_program_path(self, sizeof self)
	    || !is_plain_path(self) || access(self, X_OK))
		return false;
	return snprintf(ret_program, SSH_HELPER_ARG_MAX, "%s %s", self, local_command)
	    < SSH_HELPER_ARG_MAX;
}

bool
ssh_helper_has_askpass(void)
{
	const char *program = getenv("SSH_ASKPASS"),
		   *require = getenv("SSH_ASKPASS_REQUIRE");
	bool display = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY");
	if (!program || !*program || (require && strcmp(require, "never") == 0))
		return false;
	return display
	    || (require
		&& (strcmp(require, "force") == 0 || strcmp(require, "prefer") == 0));
}

/* It fits into the socket. */
static void
give_stdout(int asking)
{
	static const int out = STDOUT_FILENO;
	(void)sock_send_fds(asking, (struct span){ (const uint8_t *)asks, 1 }, &out, 1);
	close(asking);
}

bool
ssh_helper_has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool has = fd >= 0 && tcgetpgrp(fd) == getpgrp();
	if (fd >= 0)
		close(fd);
	return has;
}

ssize_t
ssh_helper_read(int door, struct buf *b, size_t max, int *ret_asking)
{
	size_t n;
	ssize_t len = sock_receive_fds(door, b, max, ret_asking, 1, &n);
	if (n == 0) {
		*ret_asking = -1;
		return len;
	}
	b->len--; /* what a descriptor comes with is no word of ssh's */
	if (buf_bytes(b)[b->len] == (uint8_t)wants_stdout[0]) {
		give_stdout(*ret_asking);
		*ret_asking = -1;
	}
	return len;
}

/* ---- the other side ---- */

static int
pass(int door)
{
	struct buf bytes;
	int connection;
	size_t n = 0;
	ssize_t got = 0;
	buf_init(&bytes, 1);
	while (got == 0 && sys_wait(door, POLLIN, -1))
		got = sock_receive_fds(door, &bytes, 1, &connection, 1, &n);
	buf_finish(&bytes);
	return n == 1 && ssh_helper_pass(STDOUT_FILENO, connection) == 0 ? 0 : 1;
}

/* The answer goes through on a socket that is closed when there is none. */
static int
hand_over(int asked)
{
	char answer[SSH_HELPER_ANSWER_MAX + 1];
	ssize_t n;
	int err = 1;
	while ((n = read(asked, answer, sizeof answer)) > 0)
		err = sys_write_all(STDOUT_FILENO, answer, (size_t)n) ? 1 : 0;
	sys_wipe(answer, sizeof answer);
	return err;
}

/* Sends belay the other end of pair[0]; 0 or -1. */
static int
call(const char *what, int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	int err = sock_send_fds(STDERR_FILENO, (struct span){ (const uint8_t *)what, 1 },
	    &pair[1], 1);
	close(pair[1]);
	return err;
}

static int
ask(const char *text)
{
	const char *hint = getenv("SSH_ASKPASS_PROMPT");
	int pair[2];
	if (!hint || strlen(hint) >= SSH_HELPER_HINT_MAX)
		hint = "";
	if (call(asks, pair))
		return 1;
	if (sys_write_all(pair[0], hint, strlen(hint) + 1)
	    || sys_write_all(pair[0], text, strnlen(text, SSH_HELPER_TEXT_MAX - 1))
	    || sys_write_all(pair[0], "", 1))
		return 1;
	return hand_over(pair[0]);
}

/* Without belay's stdout it is ssh's, which is the link: that gets nothing. */
static void
take_stdout(void)
{
	struct buf bytes;
	int pair[2], out = -1;
	size_t n = 0;
	buf_init(&bytes, 1);
	if (call(wants_stdout, pair) == 0)
		(void)sock_receive_fds(pair[0], &bytes, 1, &out, 1, &n);
	buf_finish(&bytes);
	(void)dup2(n == 1 ? out : STDERR_FILENO, STDOUT_FILENO);
}

/* As ssh_local_cmd of sshconnect.c runs it. */
static int
run_local_command(void)
{
	struct buf script;
	const char *shell = getenv("SHELL");
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!shell || !*shell)
		shell = "/bin/sh";
	buf_init(&script, SCRIPT_MAX);
	while (sys_read_into(SCRIPT_FD, &script, SCRIPT_MAX - script.len) > 0)
		continue;
	close(SCRIPT_FD);
	take_stdout();
	if (null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO
	    && script.len < SCRIPT_MAX && buf_str(&script))
		execl(shell, shell, "-c", buf_str(&script), (char *)NULL);
	return 1;
}

bool
ssh_helper_called(int argc, char **argv)
{
	return (argc == 2
		   && (strcmp(argv[1], pass_connection) == 0
		       || strcmp(argv[1], local_command) == 0 || getenv(ask_role)))
	    || (argc == 3 && strcmp(argv[1], pass_connection) == 0);
}

int
ssh_helper_main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], local_command) == 0)
		return run_local_command();
	if (strcmp(argv[1], pass_connection) != 0)
		return ask(argv[1]);
	int door = argc == 3 ? sock_connect(argv[2]) : STDERR_FILENO;
	return door < 0 ? 1 : pass(door);
}
