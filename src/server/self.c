#include "server/self.h"

#include "base/buf.h"
#include "sys/os.h"
#include "sys/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAL "\nbelay-sum "

enum {
	PROGRAM_MAX = 4096,
	FILE_MAX = 16 * 1024 * 1024,
	DIGITS = 10,
	SEAL_LEN = sizeof SEAL - 1 + DIGITS + 1,
};

static const char *name; /* NULL: by its path */
static int place = -1;

void
self_begin(const char *argv0)
{
	if (strncmp(argv0, "./", 2) != 0)
		return;
	name = argv0;
	place = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* cksum(1), as POSIX has it. */
static uint32_t
checksum(struct span s)
{
	static uint32_t table[256];
	uint32_t sum = 0;
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i << 24;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] << 1 ^ (table[i] >> 31 ? 0x04c11db7 : 0);
	}
	for (size_t i = 0; i < s.n; i++)
		sum = sum << 8 ^ table[(sum >> 24 ^ s.p[i]) & 255];
	for (size_t n = s.n; n; n >>= 8)
		sum = sum << 8 ^ table[(sum >> 24 ^ n) & 255];
	return ~sum;
}

static bool
matches(struct span file)
{
	uint64_t sum = 0;
	if (file.n < SEAL_LEN)
		return true;
	file.n -= SEAL_LEN;
	const uint8_t *seal = file.p + file.n;
	if (memcmp(seal, SEAL, sizeof SEAL - 1) != 0)
		return true;
	for (int i = 0; i < DIGITS; i++)
		sum = 10 * sum + (uint64_t)(seal[sizeof SEAL - 1 + i] - '0');
	return sum == checksum(file);
}

bool
self_is_whole(void)
{
	struct buf file;
	if (!name)
		return true;
	buf_init(&file, FILE_MAX);
	bool whole = sys_read_file(name, &file) || matches(buf_span(&file));
	buf_finish(&file);
	return whole;
}

enum { DAY_S = 24 * 3600 };

/* Once a day, so that others are not written to all the time. */
void
self_used(void)
{
	struct stat st;
	if (name && fstatat(place, name, &st, AT_SYMLINK_NOFOLLOW) == 0
	    && st.st_mtime + DAY_S < sys_wall_s())
		(void)utimensat(place, name, NULL, AT_SYMLINK_NOFOLLOW);
}

void
self_remove_unused(const char *landed)
{
	static const char kind[] = "server-";
	const char *own = strrchr(landed, '/');
	DIR *here = opendir(".");
	const struct dirent *entry;
	struct stat st;
	own = own ? own + 1 : landed;
	while (here && (entry = readdir(here)))
		if (strncmp(entry->d_name, kind, sizeof kind - 1) == 0
		    && strcmp(entry->d_name, own) != 0 && lstat(entry->d_name, &st) == 0
		    && S_ISREG(st.st_mode) && st.st_mtime + SELF_UNUSED_S < sys_wall_s())
			(void)unlink(entry->d_name);
	if (here)
		closedir(here);
}

int
self_place(void)
{
	return place;
}

void
self_is_at(int fd)
{
	place = fd;
}

void
self_exec(char **argv)
{
	char program[PROGRAM_MAX];
	if (!name) {
		argv[0] = (char *)(uintptr_t) "belay-server";
		if (os_program_path(program, sizeof program) == 0)
			execv(program, argv);
		return;
	}
	/* Where that has been closed, as for a holder, we are still there. */
	if (place >= 0)
		(void)!fchdir(place);
	argv[0] = (char *)(uintptr_t)name;
	execv(name, argv);
}
