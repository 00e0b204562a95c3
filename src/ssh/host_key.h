/*
 * Whether a host has the key that it had: of what is known about it, nothing counts for another
 * one.  known_hosts may hold names as hashes, so ssh-keygen(1) looks for them; it is asked
 * only when one of the files has changed.
 */
#ifndef SSH_HOST_KEY_H
#define SSH_HOST_KEY_H

#include "ssh/ssh_config.h"

struct host_key {
	uint64_t files; /* changes with every change of the known_hosts files */
	uint64_t digest; /* of the lines in them that are this host's */
};

uint64_t host_key_files(const struct ssh_config *c);
/* False: ssh-keygen cannot be asked. */
bool host_key_get(const struct ssh_config *c, struct host_key *ret);

#endif
