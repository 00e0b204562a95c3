/*
 * A bounded byte queue: bytes are put at the tail and dropped from the head.
 *
 *      mem            mem + head             mem + head + len        mem + cap
 *       |  free         |  bytes, contiguous    |  free                |
 *
 * The bytes are always contiguous, so that a reader needs no second span.  Free
 * room in front is reclaimed by moving the bytes when they fit into it (else there is
 * twice the room from then on), so every byte is moved at most about once.  An emptied
 * buffer keeps its memory for what comes next, unless that is very much; buf_trim gives
 * it back.
 *
 * Full: buf_put and buf_room return ERR_FULL beyond `max`, and change nothing.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *mem;
	size_t head, len, cap;
	size_t max; /* the most bytes it may hold */
	/* a buf_print or buf_putc found no room; for builders to check once */
	bool failed;
};

/* A view of bytes that somebody else owns. */
struct span {
	const uint8_t *p;
	size_t n;
};

void buf_init(struct buf *b, size_t max);
/* Frees the memory; takes a zeroed one; the buffer may be used again, empty. */
void buf_finish(struct buf *b);

/* Makes room for n more bytes; on success *ret_room points at them (valid until the
 * next call) and buf_added tells how many were filled. */
int buf_room(struct buf *b, size_t n, uint8_t **ret_room);
void buf_added(struct buf *b, size_t n);
int buf_put(struct buf *b, const void *bytes, size_t n);
/* Text, without its NUL.  For building: an error is kept in b->failed. */
__attribute__((format(printf, 2, 3))) void buf_print(struct buf *b, const char *fmt, ...);
void buf_putc(struct buf *b, char c);

/* The bytes; valid until the next call that changes the buffer. */
static inline uint8_t *
buf_bytes(const struct buf *b)
{
	return b->mem ? b->mem + b->head : NULL;
}

static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->mem ? b->mem + b->head : (const uint8_t *)"", b->len };
}

/* Drops the first n bytes (n <= len). */
void buf_drop(struct buf *b, size_t n);
/* Gives the memory back, if the buffer is empty. */
void buf_trim(struct buf *b);
/* Whether that would be worth the while. */
bool buf_spare(const struct buf *b);
/* The bytes as a string, NUL-terminated; valid until the buffer changes; NULL if there
 * is no memory. */
const char *buf_str(struct buf *b);

#endif
