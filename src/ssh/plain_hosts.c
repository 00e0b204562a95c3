#include "ssh/plain_hosts.h"

#include "ssh/host_cache.h"

#include <string.h>

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

const char *
plain_hosts_has(const struct ssh_config *c, enum plain_keeper *ret_keeper)
{
	char name[HOST_CACHE_WORD_MAX];
	*ret_keeper = PLAIN_NONE;
	if (host_cache_has(HOST_CACHE_FOREIGN, c, NULL))
		return "another program than asked for runs there";
	if (!host_cache_has(HOST_CACHE_PLAIN, c, name))
		return NULL;
	*ret_keeper = plain_keeper_of(name);
	return "belay-server could not run there lately";
}

void
plain_hosts_remember(const struct ssh_config *c, enum plain_keeper keeper)
{
	host_cache_remember(HOST_CACHE_PLAIN, c, keepers[keeper].name);
}
