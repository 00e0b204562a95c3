/*
 * Plain ssh, where belay-server cannot run: with what the host has to keep a shell, and a
 * tunnel again whenever it ends.
 */
#ifndef CLIENT_PLAIN_SSH_H
#define CLIENT_PLAIN_SSH_H

#include "client/session_request.h"
#include "ssh/background.h"
#include "ssh/carrier.h"
#include "ssh/options.h"
#include "ssh/plain_hosts.h"
#include "ssh/ssh_config.h"

/* How it is run; a zeroed one: as the command line says. */
struct plain_ssh {
	const char *command; /* on a terminal, instead of a login shell; NULL: none */
	bool removes; /* what belay has left on the host, and that is all */
	bool keeps; /* a tunnel: again whenever it ends */
	bool null_stdin;
	bool forks; /* this ssh knows ForkAfterAuthentication */
	char local_command[1024]; /* what the user has ssh run here; "": nothing */
	struct carrier_foreign foreign; /* plain_ssh_go_on's */
	struct background background; /* -f: a parent may wait until ssh is in */
};

/* Decides how, and tells a person who looks on `why`. */
void plain_ssh_choose(struct plain_ssh *p, const struct options *o,
    const struct session_request *request, const struct ssh_config *config,
    enum plain_keeper keeper, const char *why);
/* Another program runs on the host, in the place of ours, or has run: it gets our stdin, and
 * the rest of its output is ours.  Returns the exit status. */
int plain_ssh_go_on(struct plain_ssh *p);
/* Becomes ssh, or runs it; returns the exit status. */
int plain_ssh_run(struct plain_ssh *p, const struct options *o, char *ssh);

#endif
