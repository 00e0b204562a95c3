#include "ssh/ssh_errors.h"

#include <stddef.h>
#include <string.h>

/* The first that is found counts, both texts of it.  As OpenSSH has said it since 5.0, and
 * strerror and getaddrinfo of the systems. */
static const struct {
	const char *text, *also;
	enum ssh_errors meaning;
} signs[] = {
	{ "REMOTE HOST IDENTIFICATION HAS CHANGED", "", SSH_ERROR_HOST_KEY },
	{ "Host key verification failed", "", SSH_ERROR_HOST_KEY },
	{ "Permission denied (", "", SSH_ERROR_LOGIN },
	{ "Too many authentication failures", "", SSH_ERROR_LOGIN },
	{ "ssh: connect to host ", "Connection refused", SSH_ERROR_REFUSED },
	{ "ssh: connect to host ", "timed out", SSH_ERROR_SILENT },
	{ "ssh: connect to host ", "Network is unreachable", SSH_ERROR_NO_NETWORK },
	{ "ssh: connect to host ", "Network is down", SSH_ERROR_NO_NETWORK },
	{ "ssh: connect to host ", "No route to host", SSH_ERROR_NO_WAY },
	{ "ssh: connect to host ", "Host is down", SSH_ERROR_NO_WAY },
	{ "ssh: connect to host ", "", SSH_ERROR_UNREACHED },
	{ "ssh: Could not resolve hostname ", "", SSH_ERROR_NO_NAME },
	{ "banner exchange", "timed out", SSH_ERROR_SILENT },
	{ "kex_exchange_identification: ", "", SSH_ERROR_UNREACHED },
	{ "ssh_exchange_identification: ", "", SSH_ERROR_UNREACHED },
	{ "banner exchange", "", SSH_ERROR_UNREACHED },
	{ "channel 0: open failed: ", "", SSH_ERROR_NO_SESSION },
	{ " closed by remote host", "", SSH_ERROR_LOST },
	{ "client_loop: ", "", SSH_ERROR_LOST },
	{ "ssh_dispatch_run_fatal: ", "", SSH_ERROR_LOST },
	{ "packet_write_", "", SSH_ERROR_LOST },
	{ "Read from remote host ", "", SSH_ERROR_LOST },
	{ "Write failed: ", "", SSH_ERROR_LOST },
	{ "Timeout, server ", "", SSH_ERROR_LOST },
};

enum ssh_errors
ssh_errors(const char *said)
{
	for (size_t i = 0; said && i < sizeof signs / sizeof *signs; i++) {
		const char *at = strstr(said, signs[i].text);
		if (at && strstr(at, signs[i].also))
			return signs[i].meaning;
	}
	return SSH_ERROR_NONE;
}

/* The printable characters of a line from `text` on, at most n - 1 of them. */
static void
take_line(const char *text, char *ret, size_t n)
{
	size_t len = 0;
	while (len + 1 < n && text[len] > ' ' && text[len] <= '~')
		len++;
	memcpy(ret, text, len);
	ret[len] = 0;
}

/* sshconnect.c, warn_changed_key and check_host_key: "The fingerprint for the ED25519 key sent
 * by the remote host is\nSHA256:....\n", "Offending RSA key in FILE:LINE\n". */
void
ssh_errors_key(const char *said, struct ssh_errors_key *ret)
{
	static const char shown[] = "key sent by the remote host is",
			  known[] = "Offending ";
	*ret = (struct ssh_errors_key){ 0 };
	const char *at = said ? strstr(said, shown) : NULL;
	if (at) {
		at += strlen(shown);
		take_line(at + strspn(at, "\r\n"), ret->fingerprint,
		    sizeof ret->fingerprint);
		size_t len = strlen(ret->fingerprint);
		if (len && ret->fingerprint[len - 1] == '.')
			ret->fingerprint[len - 1] = 0;
	}
	at = said ? strstr(said, known) : NULL;
	size_t len = at ? strcspn(at, "\r\n") : 0;
	const char *from = at;
	for (size_t i = 0; i < len; i++)
		if (at[i] == '/' || at[i] == '\\')
			from = at + i + 1;
	if (from != at)
		take_line(from, ret->place, sizeof ret->place);
}

/* As the C libraries of Linux, macOS and the BSDs say it, behind the last colon. */
static const char *const no_way[] = { "Network is unreachable", "No route to host",
	"Network is down", "Host is down", "Connection timed out", "Operation timed out",
	"Temporary failure in name resolution", "Try again",
	"Can't assign requested address", "Cannot assign requested address" };

static bool
begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static bool
line_tells_no_way(const char *line, size_t len, bool online)
{
	static const char *const ours[] = { "ssh: connect to host ",
		"ssh: Could not resolve hostname " };
	const char *end = line + len, *colon = end;
	bool name = begins(line, ours[1]);
	if (!name && !begins(line, ours[0]))
		return false;
	while (colon > line && colon[-1] != ':')
		colon--;
	if (name && !online)
		return true;
	for (size_t i = 0; i < sizeof no_way / sizeof *no_way; i++)
		if (end - colon > 1 && begins(colon + 1, no_way[i]))
			return true;
	return false;
}

bool
ssh_errors_no_way(const char *said, bool online)
{
	while (said && *said) {
		size_t len = strcspn(said, "\r\n");
		if (line_tells_no_way(said, len, online))
			return true;
		said += len;
		said += strspn(said, "\r\n");
	}
	return false;
}
