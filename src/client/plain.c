#include "client/plain.h"

#include "base/buf.h"
#include "sys/sys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 64 * 1024,
	PATH_MAX_LEN = 4096,
	KEPT_S = 7 * 24 * 3600,
};

static bool
file_path(char ret_path[PATH_MAX_LEN])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n = cache && cache[0] == '/'
	    ? snprintf(ret_path, PATH_MAX_LEN, "%s/belay/plain-hosts", cache)
	    : snprintf(ret_path, PATH_MAX_LEN, "%s/.cache/belay/plain-hosts",
		home ? home : "");
	return n < PATH_MAX_LEN;
}

static const struct {
	const char *name, *command;
} keepers[] = {
	[PLAIN_NONE] = { "-", NULL },
	[PLAIN_SCREEN] = { "screen", "exec screen -D -R belay" },
	[PLAIN_TMUX] = { "tmux", "exec tmux new -A -s belay" },
};

enum plain_keeper
plain_keeper_of(const char *name)
{
	for (size_t i = 0; i < sizeof keepers / sizeof *keepers; i++)
		if (strcmp(keepers[i].name, name) == 0)
			return (enum plain_keeper)i;
	return PLAIN_NONE;
}

const char *
plain_command(enum plain_keeper keeper)
{
	return keepers[keeper].command;
}

/* Copies the lines that are not too old, but for this key's; whether that was there. */
static bool
read_lines(const char *path, uint64_t key, struct buf *ret_others,
    enum plain_keeper *ret_keeper)
{
	struct buf text;
	bool found = false;
	int64_t now = sys_wall_s();
	buf_init(&text, FILE_MAX);
	const char *line = sys_read_file(path, &text) == 0 ? buf_str(&text) : NULL;
	while (line && *line) {
		uint64_t other;
		int64_t when;
		char keeper[16] = "-";
		if (sscanf(line, "%" SCNx64 " %" SCNd64 " %15s", &other, &when, keeper)
			>= 2
		    && when <= now && now - when < KEPT_S) {
			if (other != key)
				buf_print(ret_others, "%016" PRIx64 " %" PRId64 " %s\n",
				    other, when, keeper);
			found |= other == key;
			if (other == key)
				*ret_keeper = plain_keeper_of(keeper);
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	buf_finish(&text);
	return found;
}

bool
plain_known(const struct options *o, enum plain_keeper *ret_keeper)
{
	char path[PATH_MAX_LEN];
	struct buf others;
	buf_init(&others, FILE_MAX);
	*ret_keeper = PLAIN_NONE;
	bool known = file_path(path)
	    && read_lines(path, options_key(o), &others, ret_keeper);
	buf_finish(&others);
	return known;
}

void
plain_remember(const struct options *o, enum plain_keeper keeper)
{
	char path[PATH_MAX_LEN];
	struct buf lines;
	buf_init(&lines, FILE_MAX);
	if (file_path(path)) {
		uint64_t key = options_key(o);
		(void)read_lines(path, key, &lines, &(enum plain_keeper){ PLAIN_NONE });
		buf_print(&lines, "%016" PRIx64 " %" PRId64 " %s\n", key, sys_wall_s(),
		    keepers[keeper].name);
		if (!lines.failed)
			(void)sys_replace_file(path, buf_span(&lines));
	}
	buf_finish(&lines);
}
