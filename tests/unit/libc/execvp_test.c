#define _GNU_SOURCE
#include "test.h"

#include <sys/wait.h>

/* Under a name of its own, beside the C library's. */
int own_execvp(const char *file, char *const argv[]);
#define execvp own_execvp
#include "libc/execvp.c"
#undef execvp

/* How a child ends that becomes this program: by itself, or with errno. */
static int
outcome(int (*become)(const char *file, char *const argv[]), const char *path,
    const char *file)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "exit 123" },
		NULL };
	int status = 0;
	pid_t pid = fork();
	if (!pid) {
		if (path)
			setenv("PATH", path, 1);
		else
			unsetenv("PATH");
		become(file, argv);
		_exit(errno);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define SAME(path, file, wanted) \
	do { \
		CHECK_EQ(outcome(own_execvp, path, file), wanted); \
		CHECK_EQ(outcome(execvp, path, file), wanted); \
	} while (0)

TEST(a_program_is_looked_for_along_the_path)
{
	SAME("/nowhere:/bin:/usr/bin", "sh", 123);
	SAME("/etc/passwd:/bin", "sh", 123);
	SAME("/bin", "/bin/sh", 123);
	SAME("", "/bin/sh", 123);
	SAME(NULL, "sh", 123);
}

TEST(an_empty_place_is_where_we_are)
{
	CHECK_EQ(chdir("/bin"), 0);
	SAME("", "sh", 123);
	SAME("/nowhere:", "sh", 123);
	SAME(":/nowhere", "sh", 123);
}

TEST(why_not)
{
	SAME("/nowhere:/bin", "no-such-program", ENOENT);
	SAME("/", "etc", EACCES);
	SAME("/:/nowhere", "etc", EACCES);
	SAME("/bin", "/etc/passwd", EACCES);
	SAME("/bin", "", ENOENT);
}

TEST(a_place_too_long_is_passed_by)
{
	char path[PATH_MAX + sizeof ":/bin"];
	memset(path, 'x', PATH_MAX);
	strcpy(path + PATH_MAX, ":/bin");
	CHECK_EQ(outcome(own_execvp, path, "sh"), 123);
}
