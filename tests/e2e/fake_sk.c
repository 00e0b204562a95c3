/*
 * A security key for ssh's SecurityKeyProvider (OpenSSH's PROTOCOL.u2f), which is asked to
 * sign, waits until it is touched, and then does not sign.
 *
 *     FAKE_SK_VERSION   of the interface
 *     FAKE_SK_SIGNS     is made when it is asked
 *     FAKE_SK_TOUCH     is there when it has been touched; not set: at once
 */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { FAILED = -1 };

uint32_t
sk_api_version(void)
{
	const char *version = getenv("FAKE_SK_VERSION");
	return version ? (uint32_t)strtoul(version, NULL, 0) : 0;
}

int
sk_sign(void)
{
	const char *signs = getenv("FAKE_SK_SIGNS"), *touch = getenv("FAKE_SK_TOUCH");
	if (signs)
		close(open(signs, O_CREAT | O_WRONLY, 0600));
	/* Who has asked may be gone, and with it what it reads. */
	struct pollfd asker = { .fd = STDOUT_FILENO };
	while (touch && access(touch, F_OK) && poll(&asker, 1, 20) == 0)
		continue;
	return FAILED;
}

int
sk_enroll(void)
{
	return FAILED;
}

int
sk_load_resident_keys(void)
{
	return FAILED;
}
