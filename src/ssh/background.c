#include "ssh/background.h"

#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 255 };

int
background_begin(struct background *b)
{
	int told[2];
	char byte;
	int status = 0;
	if (sys_pipe(told))
		return -1;
	pid_t pid = fork();
	if (pid <= 0) {
		close(told[0]);
		b->waits = told[1];
		return pid;
	}
	close(told[1]);
	if (read(told[0], &byte, 1) == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED);
}

void
background_let_go(int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= last; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

void
background_enter(struct background *b, int last)
{
	background_let_go(last);
	(void)setsid();
	(void)sys_write_all(b->waits, "", 1);
	close(b->waits);
	b->waits = 0;
}
