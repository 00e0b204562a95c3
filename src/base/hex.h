/* Bytes as hexadecimal digits, for names and command lines. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/buf.h"

/* Appends two lower-case digits a byte; 0 or ERR_FULL, ERR_NOMEM. */
int hex_put(struct buf *out, struct span bytes);
/* Appends the bytes that the digits of a string stand for; ERR_MESSAGE if it is anything
 * but pairs of digits. */
int hex_get(const char *text, struct buf *out);
/* The 16 bytes of a UUID as text (RFC 4122, section 3), in either case; a character behind it
 * that is no digit ends it.  ERR_MESSAGE and zeros if it is anything else. */
int hex_uuid(const char *text, uint8_t ret_bytes[16]);

#endif
