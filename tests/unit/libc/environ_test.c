#define _GNU_SOURCE
#include "test.h"

/* Under names of their own, beside the C library's; what they take, nobody frees. */
int own_putenv(char *text);
int own_setenv(const char *name, const char *value, int overwrite);
int own_unsetenv(const char *name);

static char memory[4096];
static size_t taken;

static void *
take(size_t len)
{
	void *mem = memory + taken;
	if (len > sizeof memory - taken)
		return NULL;
	taken += (len + 15) & ~(size_t)15;
	return mem;
}

#define malloc take
#define putenv own_putenv
#define setenv own_setenv
#define unsetenv own_unsetenv
#include "libc/environ.c"

/* Does it in an environment of these variables, and looks which there are then. */
#define IN(wanted, doing, ...) \
	do { \
		char *with[] = { __VA_ARGS__, NULL }, **outer = environ, got[256] = ""; \
		taken = 0; \
		environ = with; \
		doing; \
		for (char **at = environ; *at; at++) { \
			strcat(got, *at); \
			strcat(got, " "); \
		} \
		environ = outer; \
		CHECK_STR(got, wanted); \
	} while (0)

static char a[] = "A=1", ab[] = "AB=2", b[] = "B=", again[] = "A=3";

TEST(setenv_adds_and_replaces)
{
	IN("A=1 AB=2 C=new ", CHECK_EQ(setenv("C", "new", 1), 0), a, ab);
	IN("A=new AB=2 ", CHECK_EQ(setenv("A", "new", 1), 0), a, ab);
	IN("A=1 AB=2 ", CHECK_EQ(setenv("A", "new", 0), 0), a, ab);
	IN("B= A= ", CHECK_EQ(setenv("A", "", 0), 0), b);
	IN("AB=2 A=x C=y=z ", setenv("A", "x", 1); setenv("C", "y=z", 1), ab);
}

TEST(putenv_takes_the_text_itself)
{
	IN("AB=2 A=1 ", CHECK_EQ(putenv(a), 0); CHECK(environ[1] == a), ab);
	IN("AB=2 A=3 B= ", CHECK_EQ(putenv(again), 0);
	    CHECK(environ[1] == again), ab, a, b);
}

TEST(unsetenv_takes_away_every_one)
{
	IN("AB=2 B= ", CHECK_EQ(unsetenv("A"), 0), a, ab, again, b);
	IN("AB=2 B= ", CHECK_EQ(unsetenv("C"), 0), ab, b);
	IN("", unsetenv("A"), a);
}

TEST(without_memory_all_stays)
{
	IN("AB=2 ", taken = sizeof memory; CHECK_EQ(setenv("A", "1", 1), -1), ab);
	IN("AB=2 ", taken = sizeof memory; CHECK_EQ(putenv(a), -1), ab);
}
