/* Text that a peer may have written, made harmless for a terminal. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Puts '?' in the place of each character that does more than stand there: controls (C0,
 * DEL, C1), line separators, those that turn the direction of writing, invisible ones, and
 * of each byte that is not UTF-8.  With `utf8` false, for terminals that may read bytes in
 * another way, of everything but ASCII.  In place; the text does not become longer.
 */
void text_printable(char *text, bool utf8);

#endif
