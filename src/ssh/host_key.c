#include "ssh/host_key.h"

#include "base/hash.h"
#include "sys/child.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	NAME_LEN_MAX = 1100, /* a host's name, and a port */
	FILE_NAME_MAX = 4096,
	LINES_MAX = 256 * 1024,
	PORT_SSH = 22, /* which known_hosts leaves out; sshd(8) */
};

/* The next of these files; false: there is none. */
static bool
next_file(struct span *files, char ret[FILE_NAME_MAX])
{
	while (files->n) {
		const uint8_t *space = memchr(files->p, ' ', files->n);
		size_t n = space ? (size_t)(space - files->p) : files->n;
		bool fits = n && n < FILE_NAME_MAX;
		if (fits) {
			memcpy(ret, files->p, n);
			ret[n] = 0;
		}
		files->p += n + (space != NULL);
		files->n -= n + (space != NULL);
		if (fits)
			return true;
	}
	return false;
}

static uint64_t
mix_files(uint64_t hash, struct span files)
{
	char path[FILE_NAME_MAX];
	while (next_file(&files, path)) {
		struct stat st;
		if (stat(path, &st) < 0)
			st = (struct stat){ 0 };
		hash = hash_bytes(hash, &st.st_mtime, sizeof st.st_mtime);
		hash = hash_bytes(hash, &st.st_size, sizeof st.st_size);
		hash = hash_bytes(hash, &st.st_ino, sizeof st.st_ino);
	}
	return hash;
}

uint64_t
host_key_files(const struct ssh_config *c)
{
	return mix_files(mix_files(HASH_BEGIN, c->known_hosts), c->global_known_hosts);
}

/* As it stands in known_hosts. */
static bool
name_of(const struct ssh_config *c, char ret[NAME_LEN_MAX])
{
	struct span name = c->host_key_alias.n ? c->host_key_alias : c->hostname;
	bool plain = c->host_key_alias.n || !c->port || c->port == PORT_SSH;
	int n = plain
	    ? snprintf(ret, NAME_LEN_MAX, "%.*s", (int)name.n, (const char *)name.p)
	    : snprintf(ret, NAME_LEN_MAX, "[%.*s]:%u", (int)name.n, (const char *)name.p,
		c->port);
	return name.n && ret[0] != '-' && n < NAME_LEN_MAX;
}

/* 1: no such name is in the file, or it is not there (ssh-keygen.c). */
static bool
add_lines(char *name, char *path, uint64_t *digest)
{
	char program[] = "ssh-keygen", find[] = "-F", file[] = "-f";
	char *argv[] = { program, find, name, file, path, NULL };
	struct buf lines;
	struct span nothing = { 0 };
	buf_init(&lines, LINES_MAX);
	int status = child_run(argv, nothing, &lines);
	bool ok = (status == 0 || status == 1 || status == 255) && !lines.failed;
	/* The lines that begin with # tell at which line it was found. */
	const char *line = ok && lines.len ? buf_str(&lines) : NULL;
	while (line && *line) {
		size_t n = strcspn(line, "\n");
		if (line[0] != '#')
			*digest = hash_bytes(*digest, line, n + 1);
		line += n + (line[n] != 0);
	}
	buf_finish(&lines);
	return ok;
}

static bool
add_files(char *name, struct span files, uint64_t *digest)
{
	char path[FILE_NAME_MAX];
	while (next_file(&files, path)) {
		struct stat st;
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode)
		    && !add_lines(name, path, digest))
			return false;
	}
	return true;
}

bool
host_key_get(const struct ssh_config *c, struct host_key *ret)
{
	char name[NAME_LEN_MAX];
	*ret = (struct host_key){ .files = host_key_files(c), .digest = HASH_BEGIN };
	return name_of(c, name) && add_files(name, c->known_hosts, &ret->digest)
	    && add_files(name, c->global_known_hosts, &ret->digest);
}
