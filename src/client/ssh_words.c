#include "client/ssh_words.h"

#include <stddef.h>
#include <string.h>

/* The first that is found counts.  As OpenSSH has said it since 5.0. */
static const struct {
	const char *text;
	enum ssh_words meaning;
} signs[] = {
	{ "REMOTE HOST IDENTIFICATION HAS CHANGED", SSH_WORDS_HOST_KEY },
	{ "Host key verification failed", SSH_WORDS_HOST_KEY },
	{ "Permission denied (", SSH_WORDS_LOGIN },
	{ "Too many authentication failures", SSH_WORDS_LOGIN },
	{ "ssh: connect to host ", SSH_WORDS_UNREACHED },
	{ "ssh: Could not resolve hostname ", SSH_WORDS_UNREACHED },
	{ "kex_exchange_identification: ", SSH_WORDS_UNREACHED },
	{ "ssh_exchange_identification: ", SSH_WORDS_UNREACHED },
	{ "banner exchange", SSH_WORDS_UNREACHED },
	{ "channel 0: open failed: ", SSH_WORDS_NO_SESSION },
	{ " closed by remote host", SSH_WORDS_LOST },
	{ "client_loop: ", SSH_WORDS_LOST },
	{ "ssh_dispatch_run_fatal: ", SSH_WORDS_LOST },
	{ "packet_write_", SSH_WORDS_LOST },
	{ "Read from remote host ", SSH_WORDS_LOST },
	{ "Write failed: ", SSH_WORDS_LOST },
	{ "Timeout, server ", SSH_WORDS_LOST },
};

enum ssh_words
ssh_words(const char *said)
{
	for (size_t i = 0; said && i < sizeof signs / sizeof *signs; i++)
		if (strstr(said, signs[i].text))
			return signs[i].meaning;
	return SSH_WORDS_NONE;
}
