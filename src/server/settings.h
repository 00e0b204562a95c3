/*
 * What the host's administrator has set, in /etc/belay/server.conf:
 *
 *     udp no                  no datagrams (default: yes)
 *     udp-ports 60001-60999   on one of these ports (default: those, which are mosh's)
 *
 * A line that is not understood is passed over: the file may be of a later version.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>

struct server_settings {
	bool udp;
	unsigned udp_first, udp_last;
};

void server_settings_read(struct server_settings *ret);
/* The same out of a text. */
void server_settings_parse(struct server_settings *ret, const char *text);

#endif
