/*
 * What archives that were compiled with _FORTIFY_SOURCE for another C library call in memcpy's
 * and memset's place; musl has no such thing.  It is left out where none does.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memset_chk(void *to, int byte, size_t n, size_t room);

void *
__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memcpy(to, from, n);
}

void *
__memset_chk(void *to, int byte, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memset(to, byte, n);
}
