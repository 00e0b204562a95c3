#include "server/settings.h"

#include "sys/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, PORT_MAX = 65535 };

/* The word's value, in this line; NULL: the line is not about it. */
static const char *
value_of(const char *line, const char *word)
{
	line += strspn(line, " \t");
	size_t n = strlen(word);
	if (strncmp(line, word, n) != 0 || !strchr(" \t", line[n]) || !line[n])
		return NULL;
	return line + n + strspn(line + n, " \t");
}

static void
set_ports(struct server_settings *s, const char *value)
{
	char *end;
	unsigned long first = strtoul(value, &end, 10), last = first;
	if (*end == '-' || *end == ':')
		last = strtoul(end + 1, &end, 10);
	if (first == 0 || last < first || last > PORT_MAX)
		return;
	s->udp_first = (unsigned)first;
	s->udp_last = (unsigned)last;
}

/* What does not fit is none. */
static void
set_command(struct server_settings *s, const char *value)
{
	size_t n = strcspn(value, "\n");
	n = n < sizeof s->on_away ? n : 0;
	memcpy(s->on_away, value, n);
	s->on_away[n] = '\0';
}

static void
parse(struct server_settings *s, const char *text, bool user)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *value;
		line += *line == '\n';
		if ((value = value_of(line, "on-away")))
			set_command(s, value);
		else if (user)
			continue;
		else if ((value = value_of(line, "udp")))
			s->udp = strncmp(value, "no", 2) != 0;
		else if ((value = value_of(line, "udp-ports")))
			set_ports(s, value);
	}
}

void
server_settings_parse(struct server_settings *ret, const char *text, const char *user)
{
	*ret = (struct server_settings){ .udp = true,
		.udp_first = 60001,
		.udp_last = 60999 };
	parse(ret, text, false);
	parse(ret, user, true);
}

/* What cannot be read is empty. */
static void
read_text(const char *path, char ret_text[TEXT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, ret_text, TEXT_MAX - 1);
	if (fd >= 0)
		close(fd);
	ret_text[n > 0 ? n : 0] = '\0';
}

void
server_settings_read(struct server_settings *ret)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char text[TEXT_MAX], user[TEXT_MAX], path[TEXT_MAX];
	bool own = config && config[0] == '/';
	snprintf(path, sizeof path, "%s%s/belay/server.conf",
	    own	       ? config
		: home ? home
		       : "",
	    own ? "" : "/.config");
	read_text("/etc/belay/server.conf", text);
	read_text(path, user);
	server_settings_parse(ret, text, user);
}
