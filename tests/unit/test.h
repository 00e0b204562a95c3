/*
 * What a unit test needs, without a library.  A test is one program a module:
 *
 *     TEST(what_it_shows)
 *     {
 *             CHECK_EQ(got, wanted);
 *     }
 *
 * Every TEST of the file runs, in its order; arguments name the ones to run instead.  The
 * first check that fails ends its test; so does SKIP, for what cannot be tried here.  At the
 * end there is one line, "N passed, N failed, N skipped", and the exit status is 1 if any
 * failed.
 *
 * The allocator is ours (the linker wraps it): a test that leaves memory behind fails,
 * and test_fail_malloc makes an allocation fail.
 */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif
#include <sys/mman.h>
#include <unistd.h>

enum { TESTS_MAX = 64 };
enum { TEST_PASSED, TEST_FAILED, TEST_SKIPPED }; /* how one ends */

static struct test {
	const char *name;
	void (*fn)(void);
} test_table[TESTS_MAX];
static size_t test_count;
static jmp_buf test_end;
static uint64_t test_seed_now;

static inline void
test_add(const char *name, void (*fn)(void))
{
	if (test_count == TESTS_MAX)
		abort();
	test_table[test_count++] = (struct test){ name, fn };
}

#define TEST(name) \
	static void name(void); \
	__attribute__((constructor)) static void add_##name(void) \
	{ \
		test_add(#name, name); \
	} \
	static void name(void)

/* ---- checks ---- */

__attribute__((noreturn, format(printf, 3, 4))) static inline void
test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	printf("%s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (test_seed_now)
		printf(" (seed %llu)", (unsigned long long)test_seed_now);
	printf("\n");
	longjmp(test_end, TEST_FAILED);
}

static inline void
test_equal(const char *file, int line, const char *what, long long a, long long b)
{
	if (a != b)
		test_fail(file, line, "%s is %lld, not %lld", what, a, b);
}

static inline void
test_same_text(const char *file, int line, const char *what, const char *a, const char *b)
{
	if (!a || !b || strcmp(a, b) != 0)
		test_fail(file, line, "%s is \"%s\", not \"%s\"", what, a ? a : "(null)",
		    b ? b : "(null)");
}

static inline void
test_same_bytes(const char *file, int line, const char *what, const void *a, size_t a_len,
    const void *b, size_t b_len)
{
	if (a_len == b_len && (!a_len || memcmp(a, b, a_len) == 0))
		return;
	size_t at = 0;
	while (at < a_len && at < b_len
	    && ((const uint8_t *)a)[at] == ((const uint8_t *)b)[at])
		at++;
	test_fail(file, line, "%s: %zu bytes, not %zu, or others from the %zu. on", what,
	    a_len, b_len, at + 1);
}

__attribute__((noreturn)) static inline void
test_skip(const char *why)
{
	printf("skipped: %s\n", why);
	longjmp(test_end, TEST_SKIPPED);
}

#define SKIP(why) test_skip(why)
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond) ((cond) ? (void)0 : FAIL("not so: %s", #cond))
#define CHECK_EQ(a, b) test_equal(__FILE__, __LINE__, #a, (long long)(a), (long long)(b))
#define CHECK_STR(a, b) test_same_text(__FILE__, __LINE__, #a, a, b)
/* The n bytes at p are those of the string literal. */
#define CHECK_BYTES(p, n, literal) \
	test_same_bytes(__FILE__, __LINE__, #p, p, n, literal, sizeof(literal) - 1)

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t test_random_state;

static inline void
test_seed(uint64_t seed)
{
	test_seed_now = test_random_state = seed;
}

static inline uint64_t
test_random(void)
{
	uint64_t z = (test_random_state += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline size_t
test_below(size_t n)
{
	return (size_t)(test_random() % n);
}

/* ---- memory ---- */

/* Apple's linker wraps nothing: there no allocation fails, and none is counted. */
#ifdef __APPLE__
#define __real_malloc malloc
#define __real_calloc calloc
#define __real_free free
#define __real_mmap mmap
#define __real_munmap munmap
#else
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);
/* Of memory only, as ring.c has it. */
void *__real_mmap(void *p, size_t n, int prot, int flags, int fd, off_t off);
int __real_munmap(void *p, size_t n);
#endif
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *p, size_t n);

static long test_blocks; /* allocated and not freed */
static long test_fail_in; /* this many allocations from now, one fails; 0: none does */
static bool test_failed_one;
/* All of them fail, or only those of pages, as ring.c has them. */
static enum { MEMORY, NO_PAGES, NO_MEMORY } test_memory;
static bool test_in_malloc; /* some C libraries' malloc() calls mmap() by that name */

/* The n-th allocation from now on fails, once; 0: none. */
static inline void
test_fail_malloc(long n)
{
#ifdef __APPLE__
	if (n)
		test_skip("allocations are not wrapped here");
#endif
	test_fail_in = n;
	test_failed_one = false;
}

/* Whether it has come to that; no further one fails. */
static inline bool
test_malloc_failed(void)
{
	test_fail_in = 0;
	return test_failed_one;
}

static inline bool
test_fails_now(void)
{
	if (test_fail_in && --test_fail_in == 0)
		test_failed_one = true;
	else
		return test_memory == NO_MEMORY;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	test_in_malloc = true;
	void *p = test_fails_now() ? NULL : __real_malloc(n);
	test_in_malloc = false;
	test_blocks += p != NULL;
	return p;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void *p = test_fails_now() ? NULL : __real_calloc(n, size);
	test_blocks += p != NULL;
	return p;
}

void
__wrap_free(void *p)
{
	test_blocks -= p != NULL;
	test_in_malloc = true;
	__real_free(p);
	test_in_malloc = false;
}

void *
__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t off)
{
	if (test_in_malloc)
		return __real_mmap(p, n, prot, flags, fd, off);
	if (test_fails_now() || test_memory == NO_PAGES)
		return MAP_FAILED;
	p = __real_mmap(p, n, prot, flags, fd, off);
	test_blocks += p != MAP_FAILED;
	return p;
}

int
__wrap_munmap(void *p, size_t n)
{
	int err = __real_munmap(p, n);
	test_blocks -= err == 0 && !test_in_malloc;
	return err;
}

/* ---- processes ---- */

/* In a child of the test's: it ends with the test, also with one that failed. */
static inline void
test_ends_too(void)
{
#ifdef __linux__
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

/* ---- running ---- */

static inline int
test_run(const struct test *t)
{
	test_seed(0);
	test_fail_malloc(0);
	test_memory = MEMORY;
	test_blocks = 0;
	int end = setjmp(test_end);
	if (end) {
		printf("%s %s\n", end == TEST_FAILED ? "FAILED" : "SKIPPED", t->name);
		return end;
	}
	t->fn();
	if (test_blocks) {
		printf("FAILED %s: %ld blocks were not freed\n", t->name, test_blocks);
		return TEST_FAILED;
	}
	return TEST_PASSED;
}

static inline bool
test_wanted(const struct test *t, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], t->name) == 0)
			return true;
	return argc < 2;
}

int
main(int argc, char **argv)
{
	int count[3] = { 0 };
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < test_count; i++)
		if (test_wanted(&test_table[i], argc, argv))
			count[test_run(&test_table[i])]++;
	printf("%d passed, %d failed, %d skipped\n", count[TEST_PASSED],
	    count[TEST_FAILED], count[TEST_SKIPPED]);
	if (count[TEST_FAILED])
		_exit(1); /* tests that were left early have leaked: that is no news */
	return 0;
}

#endif
