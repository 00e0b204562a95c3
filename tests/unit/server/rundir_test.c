#include "server/rundir.h"

#include "base/hex.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "test.h"

#include <errno.h>
#include <sys/stat.h>

enum { PLACE = 400 };

static const uint8_t here[ID_LEN] = { 1 }, elsewhere[ID_LEN] = { 2 };

static char home[] = "/tmp/belay-home.XXXXXX";

/* A home that hosts share: sockets of this one, or of another, in the place of its boot. */
static int
listen_at_home(bool other, const uint8_t id[ID_LEN], char ret_path[PLACE])
{
	uint8_t boot[ID_LEN];
	struct buf name;
	os_boot_id(boot);
	boot[0] ^= other;
	buf_init(&name, 100);
	CHECK_EQ(hex_put(&name, (struct span){ boot, 4 }), 0);
	snprintf(ret_path, PLACE, "%s/.local", home);
	mkdir(ret_path, 0700);
	snprintf(ret_path, PLACE, "%s/.local/state", home);
	mkdir(ret_path, 0700);
	snprintf(ret_path, PLACE, "%s/.local/state/belay", home);
	mkdir(ret_path, 0700);
	snprintf(ret_path, PLACE, "%s/.local/state/belay/%s", home, buf_str(&name));
	mkdir(ret_path, 0700);
	buf_putc(&name, '/');
	CHECK_EQ(hex_put(&name, (struct span){ id, ID_LEN }), 0);
	snprintf(ret_path, PLACE, "%s/.local/state/belay/%s", home, buf_str(&name));
	buf_finish(&name);
	int fd = sock_listen(ret_path);
	CHECK(fd >= 0);
	return fd;
}

static bool
count(void *owner, int fd)
{
	++*(int *)owner;
	close(fd);
	return true;
}

static int
sessions(void)
{
	int n = 0;
	rundir_each(count, &n);
	return n;
}

TEST(in_a_shared_home_each_host_has_its_own)
{
	char path[PLACE], other[PLACE];
	CHECK(mkdtemp(home));
	setenv("HOME", home, 1);
	unsetenv("BELAY_RUN_DIR");
	int before = sessions();
	int far = listen_at_home(true, elsewhere, other);
	CHECK_EQ(rundir_connect(elsewhere), -1);
	CHECK_EQ(sessions(), before);
	int near = listen_at_home(false, here, path);
	int fd = rundir_connect(here);
	CHECK(fd >= 0);
	CHECK_EQ(sessions(), before + 1);
	close(fd);
	close(near);
	close(far);
	unlink(path);
	unlink(other);
}

TEST(the_socket_of_a_holder_that_was_killed_makes_room)
{
	char dir[PLACE], path[SESSION_PATH_MAX];
	snprintf(dir, sizeof dir, "%s/run", home);
	setenv("BELAY_RUN_DIR", dir, 1);
	int fd = rundir_listen(here, path);
	CHECK(fd >= 0 && strncmp(path, dir, strlen(dir)) == 0);
	CHECK_EQ(rundir_listen(here, path), -1);
	CHECK_EQ(errno, EADDRINUSE);
	close(fd);
	fd = rundir_listen(here, path);
	CHECK(fd >= 0);
	/* The whole directory is gone. */
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
	close(fd);
	fd = rundir_listen(here, path);
	CHECK(fd >= 0 && access(path, F_OK) == 0);
	close(fd);
	unlink(path);
	char command[PLACE + 20];
	snprintf(command, sizeof command, "rm -rf %s", home);
	CHECK_EQ(system(command), 0);
}
