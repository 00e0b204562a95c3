/*
 * The static server's own heap.  That of musl is up to 11 KB, for threads, and to catch what
 * a program does wrong with it; this one is for one thread.
 *
 *      | size, 16 bytes | bytes ...        | size | bytes ...         | size | bytes ...
 *      ^ a multiple of 16                  ^                          ^
 *
 * Small blocks have one of 36 sizes, four from a power of two to the next.  They are cut off
 * a region, which the kernel makes real page by page as it is touched; a freed one waits in
 * the list of its size for who wants that size again.  A large block is a mapping by itself,
 * and goes back to the system when it is freed.  The lowest bit of a size says that the block
 * is in use: a block that is freed twice ends the program.
 *
 * tests/unit/server has random traffic for it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	UNIT = 16, /* every size and address is a multiple of it */
	STEPS = 4,
	SMALL_MAX = 16 * 1024, /* with the head */
	SIZES = 9 * STEPS, /* 8 up to 128 bytes, 7 times 4 up to SMALL_MAX */
	REGION = 4 * SMALL_MAX,
	IN_USE = 1,
};

struct block {
	size_t size; /* with this head; | IN_USE */
	struct block *next; /* in its list, when it is free */
};

enum { HEAD = UNIT };
_Static_assert(sizeof(struct block) <= HEAD, "a head is a unit");

static struct block *lists[SIZES];
/* What is left of the region. */
static char *fresh;
static size_t fresh_len;

static char *
map(size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

/* The list of the small blocks that have room for this size; their own comes back. */
static struct block **
list_of(size_t *size)
{
	size_t steps = (*size - 1) / UNIT, shift = 0;
	while (steps >> shift >= 2 * STEPS)
		shift++;
	*size = ((steps >> shift) + 1) * UNIT << shift;
	return &lists[STEPS * shift + (steps >> shift)];
}

static struct block *
take_small(size_t *size)
{
	struct block **list = list_of(size), *b = *list;
	if (b) {
		*list = b->next;
		return b;
	}
	if (fresh_len < *size) {
		char *region = map(REGION);
		if (!region)
			return NULL;
		fresh = region;
		fresh_len = REGION;
	}
	fresh_len -= *size;
	return (struct block *)(void *)(fresh + fresh_len);
}

static void *
take(size_t len)
{
	if (len > PTRDIFF_MAX - REGION) {
		errno = ENOMEM;
		return NULL;
	}
	size_t size = (len + HEAD + UNIT - 1) & ~(size_t)(UNIT - 1);
	struct block *b = size <= SMALL_MAX ? take_small(&size) : (void *)map(size);
	if (!b)
		return NULL;
	b->size = size | IN_USE;
	return (char *)b + HEAD;
}

/* The block of these bytes, and its size. */
static struct block *
block_of(void *mem, size_t *ret_size)
{
	struct block *b = (struct block *)(void *)((char *)mem - HEAD);
	if (!(b->size & IN_USE))
		__builtin_trap();
	*ret_size = b->size & ~(size_t)IN_USE;
	return b;
}

void *
malloc(size_t len)
{
	return take(len);
}

void
free(void *mem)
{
	size_t size;
	if (!mem)
		return;
	struct block *b = block_of(mem, &size);
	if (size > SMALL_MAX) {
		munmap(b, size);
		return;
	}
	struct block **list = list_of(&size);
	*b = (struct block){ .size = size, .next = *list };
	*list = b;
}

void *
calloc(size_t n, size_t len)
{
	if (len && n > SIZE_MAX / len) {
		errno = ENOMEM;
		return NULL;
	}
	void *mem = take(n * len);
	if (mem && n * len <= SMALL_MAX) /* a mapping is zeros */
		memset(mem, 0, n * len);
	return mem;
}

/* A small block stays where it is as long as it is of the right size. */
void *
realloc(void *mem, size_t len)
{
	size_t size;
	if (!mem)
		return take(len);
	(void)block_of(mem, &size);
	if (len <= size - HEAD && (len > size / 2 || len < UNIT))
		return mem;
	void *moved = take(len);
	if (!moved)
		return NULL;
	memcpy(moved, mem, len < size - HEAD ? len : size - HEAD);
	free(mem);
	return moved;
}
