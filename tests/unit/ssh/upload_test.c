#include "ssh/upload.h"

#include "base/err.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/upload-test-XXXXXX";
static const struct programs_kept kept = { .fd = -1 };
static const struct programs_kept kept;
static struct bootstrap bootstrap;
static struct buf out;

static void
put_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void
begin(const char *machine)
{
	static const uint8_t random[BOOTSTRAP_MARK_LEN / 2];
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir) && setenv("BELAY_SERVERS", dir, 1) == 0);
	put_file("Belayix-m1", "the program");
	put_file("Belayix-m1.gz", "packed");
	bootstrap_init(&bootstrap, "build", random);
	strcpy(bootstrap.os, "Belayix");
	strcpy(bootstrap.machine, machine);
	buf_init(&out, 16 * 1024);
}

static void
end(void)
{
	static const char *const names[] = { "Belayix-m1", "Belayix-m1.gz" };
	char path[128];
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		CHECK_EQ(unlink(path), 0);
	}
	CHECK_EQ(rmdir(dir), 0);
	buf_finish(&out);
}

TEST(the_script_knows_both_sizes)
{
	char text[BOOTSTRAP_TEXT_MAX];
	begin("m1");
	CHECK_EQ(upload_script(&kept, &bootstrap, &out, text), 0);
	CHECK(strstr(buf_str(&out), "v=build z=6 r=11\n") == buf_str(&out));
	end();
}

TEST(the_program_goes_as_the_host_wants_it)
{
	char text[BOOTSTRAP_TEXT_MAX];
	begin("m1");
	CHECK_EQ(upload_server(&kept, &bootstrap, &out, text), 0);
	CHECK_BYTES(buf_bytes(&out), out.len, "the program");
	bootstrap.gz = true;
	buf_drop(&out, out.len);
	CHECK_EQ(upload_server(&kept, &bootstrap, &out, text), 0);
	CHECK_BYTES(buf_bytes(&out), out.len, "packed");
	end();
}

TEST(a_machine_without_a_server_is_named)
{
	char text[BOOTSTRAP_TEXT_MAX];
	begin("m2");
	CHECK(upload_script(&kept, &bootstrap, &out, text) < 0);
	CHECK(strstr(text, "for Belayix on m2"));
	CHECK(upload_server(&kept, &bootstrap, &out, text) < 0);
	CHECK_EQ(out.len, 0);
	end();
}

TEST(no_memory_is_told)
{
	char text[BOOTSTRAP_TEXT_MAX];
	begin("m1");
	out.max = 10;
	CHECK_EQ(upload_script(&kept, &bootstrap, &out, text), ERR_NOMEM);
	end();
}
