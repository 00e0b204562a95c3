/*
 * Datagrams sealed for tests/seal/run, which compares them with another's, and looks whether a
 * secret decides where the program goes.
 *
 *    seal_probe answer          reads (key, head, u16 n, n bytes) until the end; writes of each
 *                               the sealed bytes, the tag, whether it is authentic (0 or 1) and
 *                               the bytes opened again
 *    seal_probe secret          below valgrind: seals and opens with key and bytes undefined, so
 *                               that it reports each branch and each address made of them
 *    seal_probe branch          the same, and one branch: it has to be seen
 *
 * Exit status 77: it cannot be tried here.
 */
#include "link/seal.h"
#include "wire/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#endif

enum { CANNOT = 77, BYTES_MAX = 65535, SECRET_MAX = 300 };

static uint8_t key[SEAL_KEY], head[SEAL_HEAD], bytes[BYTES_MAX], tag[SEAL_TAG];

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static int
answer(void)
{
	uint8_t len[2];
	while (fread(key, sizeof key, 1, stdin) == 1) {
		check(fread(head, sizeof head, 1, stdin) == 1);
		check(fread(len, sizeof len, 1, stdin) == 1);
		size_t n = get_be(len, sizeof len);
		check(fread(bytes, 1, n, stdin) == n);
		seal_close(key, head, bytes, n, tag);
		check(fwrite(bytes, 1, n, stdout) == n);
		check(fwrite(tag, sizeof tag, 1, stdout) == 1);
		putchar(seal_open(key, head, bytes, n, tag));
		check(fwrite(bytes, 1, n, stdout) == n);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

/* Whether it is authentic is no secret. */
static bool
opens(size_t n)
{
	bool ok = seal_open(key, head, bytes, n, tag);
	VALGRIND_MAKE_MEM_DEFINED(&ok, sizeof ok);
	return ok;
}

static int
secret(bool branch)
{
	volatile int seen = 0;
	if (!RUNNING_ON_VALGRIND)
		return CANNOT;
	for (size_t n = 0; n < SECRET_MAX; n++) {
		VALGRIND_MAKE_MEM_UNDEFINED(key, sizeof key);
		VALGRIND_MAKE_MEM_UNDEFINED(bytes, n);
		if (branch && key[0])
			seen++;
		seal_close(key, head, bytes, n, tag);
		check(opens(n));
		VALGRIND_MAKE_MEM_DEFINED(tag, sizeof tag);
		tag[n % SEAL_TAG] ^= 1;
		VALGRIND_MAKE_MEM_UNDEFINED(tag, sizeof tag);
		check(!opens(n));
		seal_wipe(key, sizeof key);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	if (!seal_available())
		return CANNOT;
	if (strcmp(what, "answer") == 0)
		return answer();
	if (strcmp(what, "secret") == 0 || strcmp(what, "branch") == 0)
		return secret(*what == 'b');
	return 2;
}
