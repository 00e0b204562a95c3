/*
 * Datagrams, sealed: ChaCha20-Poly1305 of RFC 8439, by BearSSL, which has neither a branch nor
 * an address that depends on a secret, and allocates nothing.
 *
 *     head: u32 id | u64 number         bytes ...           tag
 *     `---- authenticated ----'  `-- encrypted, in place --'
 *
 * The number is the nonce (four zero bytes before it): with one key none may come twice, which
 * is for the caller to see to.  Nothing fails; n is less than 256 GB.
 */
#ifndef LINK_SEAL_H
#define LINK_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAL_KEY = 32, SEAL_TAG = 16, SEAL_HEAD = 12, SEAL_NONCE = 12 };

/* This program was built with BearSSL.  Without it nothing below does anything, and nothing is
 * authentic. */
bool seal_available(void);
/* Encrypts n bytes in place.  The tag does not go behind them but to `tag`. */
void seal_close(const uint8_t key[SEAL_KEY], const uint8_t head[SEAL_HEAD],
    uint8_t *bytes, size_t n, uint8_t tag[SEAL_TAG]);
/* Compares the tag, in a time that tells nothing, and decrypts in place.  False: it is not
 * authentic; what is in `bytes` then is not to be used. */
bool seal_open(const uint8_t key[SEAL_KEY], const uint8_t head[SEAL_HEAD], uint8_t *bytes,
    size_t n, const uint8_t tag[SEAL_TAG]);
/* Forgets a key: sys_wipe. */
void seal_wipe(void *bytes, size_t n);

/* seal_close with the nonce outside of what is authenticated, as published examples have it:
 * for tests. */
void seal_close_with(const uint8_t key[SEAL_KEY], const uint8_t nonce[SEAL_NONCE],
    const void *aad, size_t aad_n, uint8_t *bytes, size_t n, uint8_t tag[SEAL_TAG]);

#endif
