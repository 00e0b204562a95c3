#include "server/settings.h"

#include "sys/sys.h"

#include <fcntl.h>
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

void
server_settings_parse(struct server_settings *ret, const char *text)
{
	*ret = (struct server_settings){ true, 60001, 60999 };
	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *value;
		line += *line == '\n';
		if ((value = value_of(line, "udp")))
			ret->udp = strncmp(value, "no", 2) != 0;
		else if ((value = value_of(line, "udp-ports")))
			set_ports(ret, value);
	}
}

void
server_settings_read(struct server_settings *ret)
{
	char text[TEXT_MAX] = "";
	int fd = open("/etc/belay/server.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	server_settings_parse(ret, text);
}
