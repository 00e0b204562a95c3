#include "client/give_up.h"

#include <string.h>
#include <strings.h>

enum { ALIVE_COUNT = 3 /* ssh_config(5), ServerAliveCountMax */ };

/* The value of a keyword in what stands behind -o; NULL: it is another one. */
static const char *
value_of(const char *setting, const char *keyword)
{
	size_t n = strlen(keyword);
	if (strncasecmp(setting, keyword, n) != 0)
		return NULL;
	const char *value = setting + n + strspn(setting + n, " \t");
	if (*value == '=')
		value += 1 + strspn(value + 1, " \t");
	else if (value == setting + n)
		return NULL; /* a longer word */
	return value;
}

/* Of the command line; the first one counts (ssh_config(5)).  0: it is not set there. */
static uint32_t
time_on_line(const struct options *o, const char *keyword)
{
	for (size_t i = 0; i + 1 < o->n_link_args; i++) {
		const char *word = o->link_args[i];
		bool has_value = options_has_value(word[1]) > 0;
		const char *value = word[1] == 'o'
		    ? value_of(o->link_args[i + 1], keyword)
		    : NULL;
		uint32_t s;
		if (value)
			return options_time(value, &s) ? s : 0;
		i += has_value;
	}
	return 0;
}

static uint32_t
alive_s(const struct options *o)
{
	uint64_t interval = time_on_line(o, "ServerAliveInterval");
	uint64_t count = time_on_line(o, "ServerAliveCountMax");
	uint64_t all = interval * (count ? count : ALIVE_COUNT);
	return all > UINT32_MAX ? UINT32_MAX : (uint32_t)all;
}

uint32_t
give_up_s(const struct options *o, enum hello_kind kind, bool command, uint32_t linger_s)
{
	if (o->give_up_s)
		return o->give_up_s;
	if (kind == KIND_NONE || (kind == KIND_PTY && !command))
		return 0;
	uint32_t s = alive_s(o);
	return s ? s : linger_s;
}
