/*
 * What the host's administrator has set, in /etc/belay/server.conf:
 *
 *     udp no                  no datagrams (default: yes)
 *     udp-ports 60001-60999   on one of these ports (default: those, which are mosh's)
 *     on-away COMMAND         run when something has happened that nobody saw (away.h)
 *
 * The last counts more in the user's own ${XDG_CONFIG_HOME:-~/.config}/belay/server.conf.  A line
 * that is not understood is passed over: the file may be of a later version.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>

enum { ON_AWAY_MAX = 1024 };

struct server_settings {
	bool udp;
	unsigned udp_first, udp_last;
	char on_away[ON_AWAY_MAX]; /* "": nothing is run */
};

void server_settings_read(struct server_settings *ret);
/* The same out of the administrator's text and the user's. */
void
server_settings_parse(struct server_settings *ret, const char *text, const char *user);

#endif
