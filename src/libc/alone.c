/*
 * What the C library does for programs with threads, and with files of stdio, for the static
 * server, which has neither.  fork(2) and sigaction(3) ask for a lock that nobody else is
 * there to hold; exit(3) has no files to write out.
 */
#define _GNU_SOURCE /* _Fork() */
#include <unistd.h>

void __lock(volatile int *lock);
void __unlock(volatile int *lock);
void __stdio_exit(void);
void __stdio_exit_needed(void);

void
__lock(volatile int *lock)
{
	(void)lock;
}

void
__unlock(volatile int *lock)
{
	(void)lock;
}

void
__stdio_exit(void)
{
}

/* By this name files that can be read or written ask for it to be linked. */
void
__stdio_exit_needed(void)
{
}

/* Without the handlers of pthread_atfork(3), and the locks of what else there may be. */
pid_t
fork(void)
{
	return _Fork();
}
