#include "client/plain.h"

#include "client/hosts.h"

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

bool
plain_known(const struct options *o, enum plain_keeper *ret_keeper)
{
	char name[HOSTS_WORD_MAX];
	*ret_keeper = PLAIN_NONE;
	if (!hosts_has(HOSTS_PLAIN, o, name))
		return false;
	*ret_keeper = plain_keeper_of(name);
	return true;
}

void
plain_remember(const struct options *o, enum plain_keeper keeper)
{
	hosts_remember(HOSTS_PLAIN, o, keepers[keeper].name);
}
