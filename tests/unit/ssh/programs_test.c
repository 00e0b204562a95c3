/* Which ssh is run, and which server is carried, in a directory of the test's. */
#include "ssh/programs.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/belay-programs-XXXXXX", path[256];

static void
begin(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	unsetenv("BELAY_SSH");
	unsetenv("BELAY_TRIED");
	unsetenv("BELAY_DEPTH");
	setenv("BELAY_SERVERS", dir, 1);
}

static void
end(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", dir);
	setenv("PATH", "/usr/bin:/bin", 1);
	CHECK_EQ(system(command), 0);
	unsetenv("BELAY_SERVERS");
	unsetenv("BELAY_TRIED");
	unsetenv("BELAY_DEPTH");
}

static void
file(const char *name, const char *text, mode_t mode)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	CHECK_EQ(chmod(path, mode), 0);
}

static void
folder(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	CHECK_EQ(mkdir(path, 0700), 0);
}

/* PATH is these folders of the directory. */
static void
search(const char *first, const char *second)
{
	char value[512];
	snprintf(value, sizeof value, "%s/%s:%s/%s", dir, first, dir, second);
	setenv("PATH", value, 1);
}

static const char *
found(void)
{
	static char ret[PROGRAM_PATH_MAX];
	bool in_place;
	return programs_ssh(ret, &in_place) ? NULL : ret + strlen(dir);
}

TEST(the_first_ssh_on_the_path_that_can_run)
{
	begin();
	folder("a");
	folder("b");
	search("a", "b");
	CHECK(!found());
	file("a/ssh", "x", 0600); /* no program */
	file("b/ssh", "x", 0700);
	CHECK_STR(found(), "/b/ssh");
	end();
}

TEST(never_belay_itself_under_that_name)
{
	char self[PROGRAM_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		SKIP("no /proc");
	self[n] = 0;
	begin();
	folder("a");
	folder("b");
	search("a", "b");
	snprintf(path, sizeof path, "%s/a/ssh", dir);
	CHECK_EQ(symlink(self, path), 0);
	CHECK(!found());
	file("b/ssh", "x", 0700);
	CHECK_STR(found(), "/b/ssh");
	end();
}

TEST(the_one_that_the_user_names_or_none)
{
	begin();
	folder("a");
	folder("b");
	search("a", "b");
	file("a/ssh", "x", 0700);
	file("b/mine", "x", 0700);
	setenv("BELAY_SSH", path, 1);
	CHECK_STR(found(), "/b/mine");
	setenv("BELAY_SSH", "/no/such/ssh", 1);
	CHECK(!found());
	unsetenv("BELAY_SSH");
	end();
}

/* An ssh of ours may run belay again, as its ProxyCommand does, but not for ever. */
TEST(belays_below_each_other_are_few)
{
	int n = 0;
	begin();
	folder("a");
	folder("b");
	search("a", "b");
	file("a/ssh", "x", 0700);
	while (n < 10 && found())
		n++;
	CHECK_EQ(n, 4);
	end();
}

/* ---- servers ---- */

static struct buf raw, gz;

static int
server(const struct programs_kept *k, const char *os, const char *machine)
{
	buf_init(&raw, 256 * 1024);
	buf_init(&gz, 256 * 1024);
	return programs_server(k, os, machine, &raw, &gz);
}

static void
server_end(void)
{
	buf_finish(&raw);
	buf_finish(&gz);
}

TEST(a_server_goes_by_what_uname_says)
{
	begin();
	file("Linux-x86_64", "the server", 0600);
	CHECK_EQ(server(NULL, "Linux", "x86_64"), 0);
	CHECK_BYTES(buf_bytes(&raw), raw.len, "the server");
	server_end();
	file("Linux-i386", "of old", 0600);
	CHECK_EQ(server(NULL, "Linux", "i686"), 0);
	CHECK_BYTES(buf_bytes(&raw), raw.len, "of old");
	server_end();
	CHECK(server(NULL, "Linux", "vax") < 0);
	server_end();
	end();
}

/* The host says it. */
TEST(no_name_leads_out_of_the_directory)
{
	static const char *const bad[] = { "", "..", ".", "../x", "a/b", "/etc/passwd" };
	begin();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(server(NULL, bad[i], "x86_64") < 0);
		server_end();
		CHECK(server(NULL, "Linux", bad[i]) < 0);
		server_end();
	}
	end();
}

TEST(what_is_kept_outlives_its_file)
{
	struct programs_kept k = { 0 };
	begin();
	file("Linux-x86_64", "the server", 0600);
	programs_keep(&k, "Linux", "x86_64");
	CHECK(k.fd > 0 && !k.packed);
	unlink(path);
	CHECK(server(NULL, "Linux", "x86_64") < 0);
	server_end();
	CHECK_EQ(server(&k, "Linux", "x86_64"), 0);
	CHECK_BYTES(buf_bytes(&raw), raw.len, "the server");
	server_end();
	CHECK(server(&k, "Linux", "aarch64") < 0); /* it is for another machine */
	server_end();
	programs_drop(&k);
	CHECK_EQ(k.fd, 0);
	programs_drop(&k);
	end();
}

TEST(nothing_is_kept_where_there_is_none)
{
	struct programs_kept k = { 0 };
	begin();
	programs_keep(&k, "Linux", "x86_64");
	CHECK_EQ(k.fd, 0);
	end();
}
