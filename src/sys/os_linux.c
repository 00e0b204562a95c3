#define _GNU_SOURCE 1
#include "sys/os.h"

#include "sys/sys.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int
os_program_path(char *ret_path, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", ret_path, len - 1);
	if (n < 0)
		return -1;
	ret_path[n] = 0;
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* random(4): /proc/sys/kernel/random/boot_id is a UUID. */
void
os_boot_id(uint8_t ret_id[16])
{
	struct buf b;
	buf_init(&b, 64 * 1024);
	memset(ret_id, 0, 16);
	if (sys_read_file("/proc/sys/kernel/random/boot_id", &b) == 0) {
		size_t digits = 0;
		for (size_t i = 0; i < b.len && digits < 32; i++) {
			int v = hex_digit((char)buf_bytes(&b)[i]);
			if (v >= 0) {
				ret_id[digits / 2] |= (uint8_t)(digits % 2 ? v : v << 4);
				digits++;
			}
		}
	}
	buf_finish(&b);
}

int
os_pipe_unread(int writing_end)
{
	int n;
	return ioctl(writing_end, FIONREAD, &n) < 0 ? -1 : n;
}

/* pipe(7), F_SETPIPE_SZ.  Much less than a user may have in all (pipe-user-pages-soft). */
void
os_pipe_grow(int fd)
{
	int size = 256 * 1024;
	if (fcntl(fd, F_SETPIPE_SZ, size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

int
os_peer_uid(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -1;
	*ret_uid = cred.uid;
	return 0;
}
