#include "ssh/ssh_errors.h"

#include <stddef.h>
#include <string.h>

/* The first that is found counts.  As OpenSSH has said it since 5.0. */
static const struct {
	const char *text;
	enum ssh_errors meaning;
} signs[] = {
	{ "REMOTE HOST IDENTIFICATION HAS CHANGED", SSH_ERROR_HOST_KEY },
	{ "Host key verification failed", SSH_ERROR_HOST_KEY },
	{ "Permission denied (", SSH_ERROR_LOGIN },
	{ "Too many authentication failures", SSH_ERROR_LOGIN },
	{ "ssh: connect to host ", SSH_ERROR_UNREACHED },
	{ "ssh: Could not resolve hostname ", SSH_ERROR_UNREACHED },
	{ "kex_exchange_identification: ", SSH_ERROR_UNREACHED },
	{ "ssh_exchange_identification: ", SSH_ERROR_UNREACHED },
	{ "banner exchange", SSH_ERROR_UNREACHED },
	{ "channel 0: open failed: ", SSH_ERROR_NO_SESSION },
	{ " closed by remote host", SSH_ERROR_LOST },
	{ "client_loop: ", SSH_ERROR_LOST },
	{ "ssh_dispatch_run_fatal: ", SSH_ERROR_LOST },
	{ "packet_write_", SSH_ERROR_LOST },
	{ "Read from remote host ", SSH_ERROR_LOST },
	{ "Write failed: ", SSH_ERROR_LOST },
	{ "Timeout, server ", SSH_ERROR_LOST },
};

enum ssh_errors
ssh_errors(const char *said)
{
	for (size_t i = 0; said && i < sizeof signs / sizeof *signs; i++)
		if (strstr(said, signs[i].text))
			return signs[i].meaning;
	return SSH_ERROR_NONE;
}
