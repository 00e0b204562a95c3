#include "server/login.h"

#include "sys/child.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLAVE_MAX = 128, TERM_MAX = 128, SHELL_MAX = 1024 };

/* sshd sets SHELL from its own look-up of the user, which knows more than a static
 * program can find out; the password file is for when something else started us. */
static const char *
login_shell(void)
{
	const char *shell = getenv("SHELL");
	if (shell && shell[0] == '/')
		return shell;
	const struct passwd *pw = getpwuid(geteuid());
	return pw && pw->pw_shell && pw->pw_shell[0] == '/' ? pw->pw_shell : "/bin/sh";
}

/* What the shells on our way here have put into the environment, sshd has not. */
static void
clean_environment(const struct login *login, const char *slave)
{
	static const char *const ours[] = { "_", "SHLVL", "PWD", "OLDPWD" };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		unsetenv(ours[i]);
	char term[TERM_MAX];
	if (login->term.n > 0 && login->term.n < sizeof term) {
		memcpy(term, login->term.p, login->term.n);
		term[login->term.n] = 0;
		setenv("TERM", term, 1);
	}
	setenv("SSH_TTY", slave, 1);
}

static void
copy_to_terminal(const char *path)
{
	struct buf text;
	buf_init(&text, 64 * 1024);
	if (sys_read_file(path, &text) == 0)
		(void)sys_write_all(STDOUT_FILENO, buf_bytes(&text), text.len);
	buf_finish(&text);
}

/* The message of the day where pam_motd(8) and sshd look for it; hushed as login(1). */
static void
message_of_the_day(void)
{
	if (access(".hushlogin", F_OK) == 0)
		return;
	copy_to_terminal("/run/motd.dynamic");
	copy_to_terminal("/etc/motd");
}

static void
become_login(const struct login *login, const char *slave)
{
	char argv0[SHELL_MAX];
	child_default_signals();
	if (pty_become(slave) < 0)
		_exit(1);
	(void)tty_apply_modes(STDIN_FILENO, login->modes);
	clean_environment(login, slave);
	const char *shell = login_shell(), *home = getenv("HOME");
	if (!home || chdir(home) < 0) {
		fprintf(stderr, "Could not chdir to home directory %s: %s\n", home ? home : "",
		    strerror(home ? errno : ENOENT));
		if (chdir("/") < 0)
			_exit(1);
	}
	message_of_the_day();
	const char *base = strrchr(shell, '/');
	snprintf(argv0, sizeof argv0, "-%s", base ? base + 1 : shell);
	execl(shell, argv0, (char *)NULL);
	fprintf(stderr, "belay-server: %s: %s\n", shell, strerror(errno));
	_exit(1);
}

pid_t
login_start(const struct login *login, int *ret_master)
{
	char slave[SLAVE_MAX];
	int master = pty_open(slave, sizeof slave);
	if (master < 0)
		return -1;
	/* Before the shell can look at it. */
	(void)tty_set_size(master, &login->size);
	pid_t pid = fork();
	if (pid == 0)
		become_login(login, slave);
	if (pid < 0) {
		int saved = errno;
		close(master);
		errno = saved;
		return -1;
	}
	*ret_master = master;
	return pid;
}
