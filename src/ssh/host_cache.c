#include "ssh/host_cache.h"

#include "base/buf.h"
#include "sys/sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 64 * 1024,
	KNOWN_HOSTS_MAX = 4 * 1024 * 1024,
	PATH_MAX_LEN = 4096,
	KEPT_S = 7 * 24 * 3600,
};

static const char *const file_names[] = { [HOST_CACHE_PLAIN] = "plain-hosts",
	[HOST_CACHE_KEY_KNOWN] = "key-known-hosts" };

static bool
file_path(enum host_cache which, char ret_path[PATH_MAX_LEN])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n = cache && cache[0] == '/'
	    ? snprintf(ret_path, PATH_MAX_LEN, "%s/belay/%s", cache, file_names[which])
	    : snprintf(ret_path, PATH_MAX_LEN, "%s/.cache/belay/%s", home ? home : "",
		file_names[which]);
	return n < PATH_MAX_LEN;
}

static uint64_t
mix(uint64_t key, struct span bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		key = (key ^ bytes.p[i]) * 0x100000001b3; /* FNV-1a */
	return key;
}

/* Another belay may know more machines: it finds out anew.  So it does when a host has
 * another key: it is another machine, or a new one. */
static uint64_t
key_of(enum host_cache which, const struct options *o)
{
	const char *home = getenv("HOME");
	char path[PATH_MAX_LEN];
	struct buf known;
	uint64_t key = mix(options_key(o),
	    (struct span){ (const uint8_t *)BELAY_BUILD, strlen(BELAY_BUILD) });
	int n = snprintf(path, sizeof path, "%s/.ssh/known_hosts", home ? home : "");
	if (which != HOST_CACHE_PLAIN || n >= PATH_MAX_LEN)
		return key;
	buf_init(&known, KNOWN_HOSTS_MAX);
	if (sys_read_file(path, &known) == 0)
		key = mix(key, buf_span(&known));
	buf_finish(&known);
	return key;
}

/* Copies the lines that are not too old, but for this key's; whether that was there. */
static bool
read_lines(const char *path, uint64_t key, struct buf *ret_others,
    char ret_word[HOST_CACHE_WORD_MAX])
{
	struct buf text;
	bool found = false;
	int64_t now = sys_wall_s();
	buf_init(&text, FILE_MAX);
	const char *line = sys_read_file(path, &text) == 0 ? buf_str(&text) : NULL;
	while (line && *line) {
		uint64_t other;
		int64_t when;
		char word[HOST_CACHE_WORD_MAX] = "-";
		if (sscanf(line, "%" SCNx64 " %" SCNd64 " %15s", &other, &when, word) >= 2
		    && when <= now && now - when < KEPT_S) {
			if (other != key)
				buf_print(ret_others, "%016" PRIx64 " %" PRId64 " %s\n",
				    other, when, word);
			found |= other == key;
			if (other == key && ret_word)
				memcpy(ret_word, word, sizeof word);
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	buf_finish(&text);
	return found;
}

bool
host_cache_has(enum host_cache which, const struct options *o,
    char ret_word[HOST_CACHE_WORD_MAX])
{
	char path[PATH_MAX_LEN];
	struct buf others;
	buf_init(&others, FILE_MAX);
	bool known = file_path(which, path)
	    && read_lines(path, key_of(which, o), &others, ret_word);
	buf_finish(&others);
	return known;
}

void
host_cache_remember(enum host_cache which, const struct options *o, const char *word)
{
	char path[PATH_MAX_LEN];
	struct buf lines;
	buf_init(&lines, FILE_MAX);
	if (file_path(which, path)) {
		uint64_t key = key_of(which, o);
		(void)read_lines(path, key, &lines, NULL);
		buf_print(&lines, "%016" PRIx64 " %" PRId64 " %s\n", key, sys_wall_s(),
		    word);
		if (!lines.failed)
			(void)sys_replace_file(path, buf_span(&lines));
	}
	buf_finish(&lines);
}
