#include "test.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Under names of its own, beside the C library's; and what it has of the system is counted. */
void *own_malloc(size_t len);
void *own_calloc(size_t n, size_t len);
void *own_realloc(void *mem, size_t len);
void own_free(void *mem);

static size_t mapped;
static bool full;

static void *
count_mmap(void *at, size_t len, int protection, int flags, int fd, off_t off)
{
	void *mem = full ? MAP_FAILED : __real_mmap(at, len, protection, flags, fd, off);
	if (full)
		errno = ENOMEM;
	if (mem != MAP_FAILED)
		mapped += len;
	return mem;
}

static int
count_munmap(void *mem, size_t len)
{
	mapped -= len;
	return __real_munmap(mem, len);
}

#define mmap count_mmap
#define munmap count_munmap
#define malloc own_malloc
#define calloc own_calloc
#define realloc own_realloc
#define free own_free
#include "libc/malloc.c"

enum { BLOCKS = 200, LARGE = 100 * 1000 };

static struct held {
	uint8_t *p;
	size_t len;
	uint8_t filled;
} held[BLOCKS];

/* Mostly small, at times of some pages. */
static size_t
some_len(void)
{
	return test_below(test_below(20) ? (size_t)1 << test_below(12) : LARGE);
}

static void
check_filled(const uint8_t *p, size_t len, uint8_t with)
{
	for (size_t i = 0; i < len; i++)
		CHECK_EQ(p[i], with);
}

static void
fill(struct held *h, size_t len)
{
	CHECK(h->p != NULL);
	CHECK_EQ((uintptr_t)h->p % 16, 0);
	*h = (struct held){ h->p, len, (uint8_t)test_below(256) };
	memset(h->p, h->filled, len);
}

static void
drop(struct held *h)
{
	check_filled(h->p, h->len, h->filled);
	free(h->p);
	*h = (struct held){ 0 };
}

static void
step(struct held *h)
{
	size_t len = some_len();
	if (h->p && test_below(2)) {
		size_t kept = len < h->len ? len : h->len;
		h->p = realloc(h->p, len);
		check_filled(h->p, kept, h->filled);
	} else {
		drop(h);
		h->p = test_below(2) ? malloc(len) : calloc(1, len);
	}
	fill(h, len);
}

static void
traffic(int steps)
{
	while (steps--)
		step(&held[test_below(BLOCKS)]);
	for (size_t i = 0; i < BLOCKS; i++)
		drop(&held[i]);
}

TEST(random_traffic)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		test_seed(seed);
		traffic(3000);
	}
}

TEST(what_was_freed_is_used_again)
{
	static void *many[1000];
	size_t first = 0;
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < 1000; i++)
			many[i] = malloc(i * 8);
		for (size_t i = 0; i < 1000; i++)
			free(many[i]);
		if (!round)
			first = mapped;
	}
	CHECK_EQ(mapped, first);
}

TEST(a_large_block_goes_back_to_the_system)
{
	size_t before = mapped;
	uint8_t *p = malloc(LARGE);
	memset(p, 1, LARGE);
	CHECK(mapped >= before + LARGE);
	p = realloc(p, 3 * LARGE);
	check_filled(p, LARGE, 1);
	CHECK(mapped < before + 4 * LARGE);
	free(p);
	CHECK_EQ(mapped, before);
}

TEST(every_size_has_room)
{
	for (size_t len = 0; len < 2 * SMALL_MAX; len++) {
		uint8_t *p = malloc(len), *q = malloc(len);
		memset(p, 1, len);
		memset(q, 2, len);
		check_filled(p, len, 1);
		free(p);
		check_filled(q, len, 2);
		free(q);
	}
}

TEST(calloc_clears_what_was_used)
{
	for (size_t len = 1; len < 2 * SMALL_MAX; len += 97) {
		uint8_t *p = malloc(len);
		memset(p, 1, len);
		free(p);
		p = calloc(len, 1);
		check_filled(p, len, 0);
		free(p);
	}
}

TEST(too_much_is_refused)
{
	static volatile size_t most = SIZE_MAX;
	void *p = malloc(10);
	CHECK(malloc(most) == NULL);
	CHECK_EQ(errno, ENOMEM);
	CHECK(malloc(most / 2) == NULL);
	CHECK(calloc(most / 2, 3) == NULL);
	CHECK(realloc(p, most) == NULL);
	free(p);
	free(NULL);
}

TEST(without_memory_what_there_is_stays)
{
	void *of_region[2 * REGION / SMALL_MAX] = { 0 };
	uint8_t *p = malloc(100), *large = malloc(LARGE);
	size_t n = 0;
	memset(p, 7, 100);
	memset(large, 8, LARGE);
	full = true;
	while ((of_region[n] = malloc(SMALL_MAX - HEAD)))
		n++;
	errno = 0;
	CHECK(malloc(LARGE) == NULL);
	CHECK_EQ(errno, ENOMEM);
	CHECK(realloc(p, LARGE) == NULL);
	CHECK(realloc(large, 2 * LARGE) == NULL);
	full = false;
	check_filled(p, 100, 7);
	check_filled(large, LARGE, 8);
	free(p);
	free(large);
	while (n)
		free(of_region[--n]);
}

TEST(freeing_twice_ends_the_program)
{
	int status = 0;
	pid_t pid = fork();
	if (!pid) {
		void *volatile p = malloc(100);
		free(p);
		free(p);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}
