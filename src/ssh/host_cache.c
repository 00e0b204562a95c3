#include "ssh/host_cache.h"

#include "base/buf.h"
#include "base/hash.h"
#include "ssh/host_key.h"
#include "sys/sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 256 * 1024,
	LINES_MAX = 1000, /* the oldest go */
	PATH_MAX_LEN = 4096,
	WEEK_S = 7 * 24 * 3600,
};

/* What a line's key is made of besides the account. */
static const struct subject {
	const char *file;
	bool by_build; /* another belay may know more machines: it finds out anew */
} subjects[] = {
	[HOST_CACHE_PLAIN] = { "plain-hosts", true },
	[HOST_CACHE_FOREIGN] = { "foreign-hosts", false },
	[HOST_CACHE_SERVES] = { "serving-hosts", false },
	[HOST_CACHE_KEY_KNOWN] = { "key-known-hosts", false },
	[HOST_CACHE_LINKS] = { "shared-logins", false },
};

struct line {
	uint64_t key;
	int64_t when_s;
	char word[HOST_CACHE_WORD_MAX];
	struct host_key host;
};

static bool
file_path(const struct subject *s, char ret_path[PATH_MAX_LEN])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n = cache && cache[0] == '/'
	    ? snprintf(ret_path, PATH_MAX_LEN, "%s/belay/%s", cache, s->file)
	    : snprintf(ret_path, PATH_MAX_LEN, "%s/.cache/belay/%s", home ? home : "",
		s->file);
	return n < PATH_MAX_LEN;
}

static uint64_t
key_of(const struct subject *s, const struct ssh_config *c)
{
	return s->by_build ? hash_bytes(c->identity, BELAY_BUILD, strlen(BELAY_BUILD))
			   : c->identity;
}

static bool
parse(const char *text, struct line *ret)
{
	*ret = (struct line){ 0 };
	return sscanf(text, "%" SCNx64 " %" SCNd64 " %15s %" SCNx64 " %" SCNx64,
		   &ret->key, &ret->when_s, ret->word, &ret->host.files,
		   &ret->host.digest)
	    >= 3;
}

static void
put(struct buf *out, const struct line *l)
{
	buf_print(out, "%016" PRIx64 " %" PRId64 " %s %" PRIx64 " %" PRIx64 "\n", l->key,
	    l->when_s, l->word, l->host.files, l->host.digest);
}

static bool
is_too_old(const struct line *l)
{
	int64_t now = sys_wall_s();
	bool for_ever = strcmp(l->word, HOST_CACHE_PERHAPS) != 0;
	return !for_ever && (l->when_s > now || now - l->when_s >= WEEK_S);
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;
	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* Copies the lines of others that count; whether there is one of this key's. */
static bool
read_lines(const char *path, uint64_t key, struct buf *ret_others, struct line *ret)
{
	struct buf text;
	bool found = false;
	buf_init(&text, FILE_MAX);
	const char *line = sys_read_file(path, &text) == 0 ? buf_str(&text) : NULL;
	size_t n = line ? count_lines(line) : 0;
	for (; line && *line; n--) {
		struct line l;
		if (parse(line, &l) && !is_too_old(&l)) {
			if (l.key == key) {
				*ret = l;
				found = true;
			} else if (n < LINES_MAX) {
				put(ret_others, &l);
			}
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : "";
	}
	buf_finish(&text);
	return found;
}

static bool
write_lines(const char *path, struct buf *lines)
{
	return !lines->failed && sys_replace_file(path, buf_span(lines)) == 0;
}

/* Whether the host is the one of which it was found out; *changed: the line is to be written
 * anew. */
static bool
is_same_host(const struct ssh_config *c, struct line *l, bool *changed)
{
	struct host_key now;
	if (host_key_files(c) == l->host.files)
		return true;
	if (!host_key_get(c, &now) || now.digest != l->host.digest)
		return false;
	l->host = now;
	*changed = true;
	return true;
}

bool
host_cache_has(enum host_cache which, const struct ssh_config *c,
    char ret_word[HOST_CACHE_WORD_MAX])
{
	const struct subject *s = &subjects[which];
	char path[PATH_MAX_LEN];
	struct line l;
	struct buf lines;
	bool changed = false;
	buf_init(&lines, FILE_MAX);
	bool known = c->hostname.n && file_path(s, path)
	    && read_lines(path, key_of(s, c), &lines, &l)
	    && is_same_host(c, &l, &changed);
	if (changed) {
		put(&lines, &l);
		(void)write_lines(path, &lines);
	}
	if (known && ret_word)
		memcpy(ret_word, l.word, sizeof l.word);
	buf_finish(&lines);
	return known;
}

void
host_cache_remember(enum host_cache which, const struct ssh_config *c, const char *word)
{
	const struct subject *s = &subjects[which];
	char path[PATH_MAX_LEN];
	struct line old, l = { .key = key_of(s, c), .when_s = sys_wall_s() };
	struct buf lines;
	snprintf(l.word, sizeof l.word, "%s", word);
	if (!c->hostname.n || !host_key_get(c, &l.host))
		return; /* ssh -G has not told which host that is */
	buf_init(&lines, FILE_MAX);
	if (file_path(s, path)) {
		(void)read_lines(path, l.key, &lines, &old);
		put(&lines, &l);
		(void)write_lines(path, &lines);
	}
	buf_finish(&lines);
}

bool
host_cache_forget(const struct ssh_config *c)
{
	bool done = true;
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		const struct subject *s = &subjects[i];
		char path[PATH_MAX_LEN];
		struct line old;
		struct buf lines;
		buf_init(&lines, FILE_MAX);
		if (!file_path(s, path))
			done = false;
		else if (read_lines(path, key_of(s, c), &lines, &old))
			done &= write_lines(path, &lines);
		buf_finish(&lines);
	}
	return done;
}
