#include "server/sftp.h"

#include "sys/sys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SSHD_DIR "/etc/ssh"

enum { WORDS_MAX = 32, PATH_LEN = 512 };

/* One reading of sshd's files.  There is no other place for them: what names one comes from
 * the environment, and so perhaps from the client. */
struct reading {
	struct sftp_policy policy;
	unsigned depth, files;
};

static bool read_config(struct reading *r, const char *path);

/* For internal-sftp, and for the one who asks for it. */
static const char *
own_server(void)
{
	static const char *const places[] = { "/usr/lib/openssh/sftp-server",
		"/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
		"/usr/libexec/sftp-server", "/usr/lib/sftp-server",
		"/usr/libexec/ssh/sftp-server" };
	const char *named = getenv("BELAY_SFTP_SERVER");
	if (named && *named == '/' && access(named, X_OK) == 0)
		return named;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/* All files of the directory whose names the pattern has. */
static bool
read_those(struct reading *r, const char *dir, struct span pattern)
{
	DIR *entries = opendir(dir);
	const struct dirent *entry;
	bool good = entries || errno == ENOENT;
	while (good && entries && (entry = readdir(entries))) {
		char path[PATH_LEN];
		int n = snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		if (sftp_policy_matches(pattern, entry->d_name))
			good = n < (int)sizeof path && read_config(r, path);
	}
	if (entries)
		closedir(entries);
	return good;
}

static bool
read_pattern(struct reading *r, struct span pattern)
{
	char path[PATH_LEN];
	int n = snprintf(path, sizeof path, "%s%.*s",
	    *pattern.p == '/' ? "" : SSHD_DIR "/", (int)pattern.n,
	    (const char *)pattern.p);
	if (n >= (int)sizeof path)
		return false;
	if (!memchr(pattern.p, '*', pattern.n))
		return access(path, F_OK) < 0 ? errno == ENOENT : read_config(r, path);
	*strrchr(path, '/') = 0;
	return read_those(r, path, pattern);
}

static bool
read_includes(struct reading *r, struct span patterns)
{
	struct span pattern;
	int found;
	while ((found = sftp_policy_pattern(&patterns, &pattern)) > 0)
		if (!read_pattern(r, pattern))
			return false;
	return found == 0;
}

/* False: not all of it can be read. */
static bool
read_config(struct reading *r, const char *path)
{
	struct buf b;
	struct span patterns;
	if (r->depth == SSHD_INCLUDES_MAX || r->files == SSHD_FILES_MAX)
		return false;
	bool outside = r->policy.in_match;
	r->depth++;
	r->files++;
	buf_init(&b, SSHD_FILE_MAX);
	bool good = sys_read_file(path, &b) == 0;
	struct span text = buf_span(&b);
	while (good && sftp_policy_next(&r->policy, &text, &patterns))
		good = read_includes(r, patterns);
	buf_finish(&b);
	r->policy.in_match = outside; /* a Match ends with its file */
	r->depth--;
	return good;
}

const char *
sftp_choose(struct sftp *s, bool own)
{
	struct reading r = { .policy.said = own ? SFTP_INTERNAL : SFTP_NOT_SAID };
	if (!own && !read_config(&r, SSHD_DIR "/sshd_config"))
		return "sshd's options for sftp cannot be read there";
	if (r.policy.said == SFTP_NOT_SAID)
		return "sshd's configuration there has no sftp";
	if (r.policy.said == SFTP_UNCLEAR)
		return "sshd's options for sftp are not the same for everybody there";
	memcpy(s->command, r.policy.command, sizeof s->command);
	s->program = r.policy.said == SFTP_INTERNAL ? own_server() : NULL;
	if (r.policy.said == SFTP_INTERNAL && !s->program)
		return "there is no sftp-server";
	return NULL;
}

void
sftp_exec(const struct sftp *s, const char *shell)
{
	const char *slash = strrchr(shell, '/');
	if (!s->program) {
		execl(shell, slash ? slash + 1 : shell, "-c", s->command, (char *)NULL);
		return;
	}
	char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t)s->program };
	char *rest = s->command[0] ? strdup(s->command) : NULL;
	for (size_t n = 1; rest && n <= WORDS_MAX; n++)
		argv[n] = strsep(&rest, " ");
	if (rest)
		errno = E2BIG;
	else
		execv(s->program, argv);
}
