/* The system calls of the world, as its programs make them (tests/sim/world/calls). */
#ifndef WORLD_CALLS_H
#define WORLD_CALLS_H

#include <dirent.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>

/* process.c */
void *sim_malloc(size_t n);
void *sim_calloc(size_t n, size_t size);
void sim_free(void *p);
char *sim_strndup(const char *s, size_t n);
char *sim_strdup(const char *s);
void *sim_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
int sim_munmap(void *p, size_t n);
pid_t sim_fork(void);
_Noreturn void sim_exit(int status);
_Noreturn void sim__exit(int status);
int sim_execv(const char *path, char *const argv[]);
int sim_execvp(const char *name, char *const argv[]);
int sim_execl(const char *path, const char *arg, ...);
pid_t sim_waitpid(pid_t pid, int *status, int options);
int sim_kill(pid_t pid, int sig);
void (*sim_signal(int sig, void (*handler)(int)))(int);
int sim_sigaction(int sig, const struct sigaction *act, struct sigaction *before);
int sim_sigprocmask(int how, const sigset_t *set, sigset_t *before);

/* kernel.c */
int sim_open(const char *path, int flags, ...);
int sim_close(int fd);
ssize_t sim_read(int fd, void *bytes, size_t n);
ssize_t sim___read_chk(int fd, void *bytes, size_t n, size_t room);
ssize_t sim_write(int fd, const void *bytes, size_t n);
ssize_t sim_writev(int fd, const struct iovec *iov, int n);
ssize_t sim_pread(int fd, void *bytes, size_t n, off_t at);
ssize_t sim_pwrite(int fd, const void *bytes, size_t n, off_t at);
off_t sim_lseek(int fd, off_t at, int whence);
int sim_pipe(int fds[2]);
int sim_dup(int fd);
int sim_dup2(int fd, int to);
int sim_fcntl(int fd, int command, ...);
int sim_ioctl(int fd, unsigned long what, ...);
int sim_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int sim___poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t room);
int sim_socket(int family, int type, int protocol);
int sim_socketpair(int family, int type, int protocol, int fds[2]);
int sim_bind(int fd, const struct sockaddr *to, socklen_t len);
int sim_listen(int fd, int backlog);
int sim_accept(int fd, struct sockaddr *from, socklen_t *len);
int sim_connect(int fd, const struct sockaddr *to, socklen_t len);
int sim_shutdown(int fd, int how);
int sim_getsockname(int fd, struct sockaddr *name, socklen_t *len);
int sim_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int sim_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
ssize_t sim_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t sim_recvmsg(int fd, struct msghdr *m, int flags);
int sim_isatty(int fd);
int sim_tcgetattr(int fd, struct termios *ret);
int sim_tcsetattr(int fd, int when, const struct termios *t);
pid_t sim_tcgetpgrp(int fd);
pid_t sim_tcgetsid(int fd);
int sim_tcsendbreak(int fd, int duration);
int sim_posix_openpt(int flags);
int sim_grantpt(int fd);
int sim_unlockpt(int fd);
char *sim_ptsname(int fd);
char *sim_ttyname(int fd);
int sim_stat(const char *path, struct stat *ret);
int sim_lstat(const char *path, struct stat *ret);
int sim_fstat(int fd, struct stat *ret);
int sim_fstatat(int dir, const char *path, struct stat *ret, int flags);
int sim_access(const char *path, int mode);
int sim_mkdir(const char *path, mode_t mode);
int sim_rmdir(const char *path);
int sim_unlink(const char *path);
int sim_rename(const char *from, const char *to);
int sim_symlink(const char *to, const char *path);
int sim_chdir(const char *path);
int sim_fchdir(int fd);
int sim_ftruncate(int fd, off_t len);
int sim_fsync(int fd);
int sim_flock(int fd, int how);
int sim_futimens(int fd, const struct timespec times[2]);
int sim_utimensat(int dir, const char *path, const struct timespec times[2], int flags);
DIR *sim_opendir(const char *path);
struct dirent *sim_readdir(DIR *dir);
int sim_closedir(DIR *dir);

/* system.c */
int sim_clock_gettime(clockid_t clock, struct timespec *ret);
time_t sim_time(time_t *ret);
char *sim_getenv(const char *name);
int sim_setenv(const char *name, const char *value, int over);
int sim_unsetenv(const char *name);
int sim_putenv(char *assignment);
pid_t sim_getpid(void);
pid_t sim_getppid(void);
pid_t sim_getpgrp(void);
pid_t sim_getsid(pid_t pid);
pid_t sim_setsid(void);
uid_t sim_getuid(void);
uid_t sim_geteuid(void);
struct passwd *sim_getpwuid(uid_t uid);
mode_t sim_umask(mode_t mask);
int sim_getrlimit(int what, struct rlimit *ret);
int sim_uname(struct utsname *ret);
int sim_getifaddrs(struct ifaddrs **ret);
void sim_freeifaddrs(struct ifaddrs *all);
extern FILE *sim_stdout, *sim_stderr;
int sim_fputs(const char *s, FILE *f);
int sim_puts(const char *s);
int sim_putc(int c, FILE *f);
size_t sim_fwrite(const void *p, size_t size, size_t n, FILE *f);
int sim_fflush(FILE *f);
FILE *sim_fopen(const char *path, const char *mode);
int sim_fclose(FILE *f);
int sim_setvbuf(FILE *f, char *buf, int mode, size_t n);
void sim_perror(const char *what);
int sim___printf_chk(int flag, const char *fmt, ...);
int sim___fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int sim___dprintf_chk(int fd, int flag, const char *fmt, ...);
int sim_printf(const char *fmt, ...);
int sim_fprintf(FILE *f, const char *fmt, ...);
int sim_dprintf(int fd, const char *fmt, ...);

#endif
