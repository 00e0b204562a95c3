#include "server/login.h"

#include "server/self.h"
#include "sys/child.h"
#include "sys/os.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SLAVE_MAX = 128,
	TERM_MAX = 128,
	SHELL_MAX = 1024,
	PROGRAM_MAX = 4096,
	SELF_WORDS = 8,
};

/* sshd sets SHELL from its own look-up of the user, which knows more than a static
 * program can find out. */
static const char *
login_shell(void)
{
	const char *shell = getenv("SHELL");
	if (shell && shell[0] == '/')
		return shell;
	static char known[SHELL_MAX - 1];
	return os_user_shell(known, sizeof known) == 0 && known[0] == '/' ? known
									  : "/bin/sh";
}

/* What the shells on our way here have put into the environment, sshd has not. */
static void
clean_environment(void)
{
	static const char *const ours[] = { "_", "SHLVL", "PWD", "OLDPWD", SESSION_ENDS };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		unsetenv(ours[i]);
}

static void
terminal_environment(const struct login *login, const char *slave)
{
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
say_when_it_ends(void)
{
	if (getenv(SESSION_ENDS))
		sys_say(STDOUT_FILENO,
		    "[belay: this host ends the session with your last login"
		    " (KillUserProcesses);"
		    " `loginctl enable-linger' lets it live]\n");
}

/* Both are the session's, and the same whatever becomes of its links. */
static void
remote_listeners_environment(const struct login *login)
{
	if (login->agent)
		setenv("SSH_AUTH_SOCK", login->agent, 1);
	if (login->display)
		x11_listener_environment(login->display);
}

static void
go_home(const char *directory)
{
	const char *home = getenv("HOME");
	bool there = home && chdir(home) == 0;
	if (chdir(directory) == 0 || there)
		return;
	sys_say(STDERR_FILENO, "Could not chdir to home directory %s: %s\n",
	    home ? home : "", strerror(home ? errno : ENOENT));
	if (chdir("/") < 0)
		_exit(1);
}

/* From inside, a session is managed with `$BELAY_SERVER list` and its like.  The program is run
 * when the user says so, perhaps long after it has been removed: so only where nobody else
 * can put one in its place. */
static void
session_environment(const struct login *login)
{
	char program[PROGRAM_MAX];
	if (login->session)
		setenv("BELAY_SESSION", login->session, 1);
	if (os_program_path(program, sizeof program) == 0 && sys_way_is_ours(program))
		setenv("BELAY_SERVER", program, 1);
}

/* belay-server with the words of the command. */
static void
run_self(struct span command)
{
	char *argv[SELF_WORDS + 2] = { NULL };
	char *words = strndup((const char *)command.p, command.n), *rest = words;
	size_t n = 1;
	while (n <= SELF_WORDS && (argv[n] = strsep(&rest, " ")))
		n += argv[n][0] != 0; /* nothing is between two blanks */
	argv[SELF_WORDS + 1] = NULL;
	if (words)
		self_exec(argv);
	sys_say(STDERR_FILENO, "belay-server: %s\n", strerror(errno));
	_exit(1);
}

static void
run(const struct login *login)
{
	if (login->kind == KIND_SELF)
		run_self(login->command);
	const char *shell = login_shell();
	const char *slash = strrchr(shell, '/'), *base = slash ? slash + 1 : shell;
	char argv0[SHELL_MAX];
	if (login->kind == KIND_SFTP) {
		sftp_exec(login->sftp, shell);
	} else if (login->command.n) {
		char *command = strndup((const char *)login->command.p, login->command.n);
		if (command)
			execl(shell, base, "-c", command, (char *)NULL);
	} else {
		snprintf(argv0, sizeof argv0, "-%s", base);
		execl(shell, argv0, (char *)NULL);
	}
	sys_say(STDERR_FILENO, "belay-server: %s: %s\n", shell, strerror(errno));
	_exit(1);
}

static pid_t
start_on_pty(const struct login *login, struct login_fds *ret_fds)
{
	char slave[SLAVE_MAX];
	int master = pty_open(slave, sizeof slave);
	if (master < 0)
		return -1;
	int again = fcntl(master, F_DUPFD_CLOEXEC, 0);
	/* What the child would have to open, and could not, nobody would hear of. */
	int fd = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* Before the shell can look at it. */
	(void)tty_set_size(master, &login->size);
	/* It holds no master, so that the end of ours hangs it up whatever it waits for. */
	pid_t pid = again < 0 || fd < 0 ? -1 : child_fork((int[]){ fd, fd, fd }, -1);
	if (pid == 0) {
		if (pty_become() < 0)
			_exit(1);
		(void)tty_apply_modes(STDIN_FILENO, login->modes);
		say_when_it_ends();
		clean_environment();
		remote_listeners_environment(login);
		session_environment(login);
		terminal_environment(login, slave);
		go_home(login->directory);
		if (!login->command.n)
			message_of_the_day();
		run(login);
	}
	int saved = errno;
	if (fd >= 0)
		close(fd);
	if (pid < 0) {
		close(master);
		if (again >= 0)
			close(again);
		errno = saved;
		return -1;
	}
	*ret_fds = (struct login_fds){ .in = master, .out = again, .err = -1 };
	return pid;
}

static pid_t
start_on_pipes(const struct login *login, struct login_fds *ret_fds)
{
	int pairs[3][2];
	int made = 0;
	while (made < 3 && sys_pipe(pairs[made]) == 0)
		made++;
	int place = login->kind == KIND_SELF ? self_place() : -1;
	pid_t pid = made < 3
	    ? -1
	    : child_fork((int[]){ pairs[0][0], pairs[1][1], pairs[2][1] }, place);
	if (pid == 0) {
		if (place >= 0)
			self_is_at(CHILD_ALSO);
		setsid();
		clean_environment();
		remote_listeners_environment(login);
		if (login->kind == KIND_SELF)
			session_environment(login);
		go_home(login->directory);
		run(login);
	}
	int saved = errno;
	int ours[3] = { -1, -1, -1 };
	for (int i = 0; i < made; i++) {
		int keep = i == 0; /* we write to its stdin, and read the others */
		close(pairs[i][!keep]);
		if (pid < 0)
			close(pairs[i][keep]);
		ours[i] = pairs[i][keep];
	}
	errno = saved;
	if (pid < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		sys_nonblock(ours[i]);
	*ret_fds = (struct login_fds){ ours[0], ours[1], ours[2] };
	return pid;
}

pid_t
login_start(const struct login *login, struct login_fds *ret_fds)
{
	return login->kind == KIND_PTY ? start_on_pty(login, ret_fds)
				       : start_on_pipes(login, ret_fds);
}
