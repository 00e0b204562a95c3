#include "link/seal.h"

#include "sys/sys.h"

#ifdef BELAY_BEARSSL /* the Makefile's */

#include <bearssl.h>
#include <string.h>

enum { ENCRYPT = 1, DECRYPT = 0, NUMBER = 4 /* where it stands in the head */ };

bool
seal_available(void)
{
	return true;
}

/*
 * ctmul multiplies 32 by 32 bits to 64, which takes the same time for all numbers but on a few
 * old processors (a 486, an XScale).  ctmul32 keeps the lower half only: it is larger and slower,
 * and made for the smallest ARMs, for which there is no server.  The tag is always that of the
 * encrypted bytes.
 */
static void
run(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_n,
    uint8_t *bytes, size_t n, uint8_t *ret_tag, int direction)
{
	br_poly1305_ctmul_run(key, nonce, bytes, n, aad, aad_n, ret_tag,
	    br_chacha20_ct_run, direction);
}

static void
run_head(const uint8_t *key, const uint8_t *head, uint8_t *bytes, size_t n,
    uint8_t *ret_tag, int direction)
{
	uint8_t nonce[SEAL_NONCE] = { 0 };
	memcpy(nonce + NUMBER, head + NUMBER, SEAL_HEAD - NUMBER);
	run(key, nonce, head, SEAL_HEAD, bytes, n, ret_tag, direction);
}

void
seal_close_with(const uint8_t key[SEAL_KEY], const uint8_t nonce[SEAL_NONCE],
    const void *aad, size_t aad_n, uint8_t *bytes, size_t n, uint8_t tag[SEAL_TAG])
{
	run(key, nonce, aad, aad_n, bytes, n, tag, ENCRYPT);
}

void
seal_close(const uint8_t key[SEAL_KEY], const uint8_t head[SEAL_HEAD], uint8_t *bytes,
    size_t n, uint8_t tag[SEAL_TAG])
{
	run_head(key, head, bytes, n, tag, ENCRYPT);
}

bool
seal_open(const uint8_t key[SEAL_KEY], const uint8_t head[SEAL_HEAD], uint8_t *bytes,
    size_t n, const uint8_t tag[SEAL_TAG])
{
	uint8_t wanted[SEAL_TAG];
	unsigned differ = 0;
	run_head(key, head, bytes, n, wanted, DECRYPT);
	for (size_t i = 0; i < SEAL_TAG; i++)
		differ |= wanted[i] ^ tag[i];
	return differ == 0;
}

#else

bool
seal_available(void)
{
	return false;
}

void
seal_close_with(const uint8_t key[SEAL_KEY], const uint8_t nonce[SEAL_NONCE],
    const void *aad, size_t aad_n, uint8_t *bytes, size_t n, uint8_t tag[SEAL_TAG])
{
	(void)key, (void)nonce, (void)aad, (void)aad_n, (void)bytes, (void)n, (void)tag;
}

void
seal_close(const uint8_t key[SEAL_KEY], const uint8_t head[SEAL_HEAD], uint8_t *bytes,
    size_t n, uint8_t tag[SEAL_TAG])
{
	(void)key, (void)head, (void)bytes, (void)n, (void)tag;
}

bool
seal_open(const uint8_t key[SEAL_KEY], const uint8_t head[SEAL_HEAD], uint8_t *bytes,
    size_t n, const uint8_t tag[SEAL_TAG])
{
	(void)key, (void)head, (void)bytes, (void)n, (void)tag;
	return false;
}

#endif

void
seal_wipe(void *bytes, size_t n)
{
	sys_wipe(bytes, n);
}
