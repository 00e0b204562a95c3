#include "server/rundir.h"

#include "base/hex.h"
#include "sys/os.h"
#include "sys/sock.h"
#include "sys/sys.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

/* ---- places that are not ours ---- */

/* Takes all that may wait in the queue of a socket nobody accepts from. */
static int
fill(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), n = 0, fd;
	snprintf(addr.sun_path, sizeof addr.sun_path, "%.100s", path);
	CHECK_EQ(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
	CHECK_EQ(listen(listener, 0), 0);
	while ((fd = sock_connect_any(path)) >= 0 && n < 100)
		n++; /* kept open by this process */
	CHECK_EQ(errno, EAGAIN);
	return listener;
}

static void
in_run(const uint8_t id[ID_LEN], char ret_dir[PLACE], char ret_path[2 * PLACE])
{
	struct buf name;
	snprintf(ret_dir, PLACE, "%s/run2", home);
	buf_init(&name, 100);
	CHECK_EQ(hex_put(&name, (struct span){ id, ID_LEN }), 0);
	snprintf(ret_path, 2 * PLACE, "%s/%s", ret_dir, buf_str(&name));
	buf_finish(&name);
	setenv("BELAY_RUN_DIR", ret_dir, 1);
	mkdir(home, 0700);
	mkdir(ret_dir, 0700);
}

TEST(a_full_queue_is_not_waited_for_for_ever)
{
	char dir[PLACE], path[2 * PLACE];
	in_run(here, dir, path);
	int listener = fill(path);
	uint64_t before_us = sys_now_us();
	CHECK_EQ(rundir_connect(here), -1);
	CHECK(sys_now_us() - before_us < 5 * 1000000);
	/* It is somebody's, and busy: not one that was left behind. */
	char made[SESSION_PATH_MAX];
	CHECK_EQ(rundir_listen(here, made), -1);
	CHECK_EQ(errno, EADDRINUSE);
	CHECK_EQ(access(path, F_OK), 0);
	/* In a directory that others can write to, it is not even tried. */
	chmod(dir, 0777);
	before_us = sys_now_us();
	CHECK_EQ(rundir_connect(here), -1);
	CHECK(sys_now_us() - before_us < 1000000);
	close(listener);
	unlink(path);
	rmdir(dir);
}

TEST(a_directory_that_is_not_ours_alone_is_passed_over)
{
	char dir[PLACE], path[2 * PLACE], real[PLACE + 10];
	in_run(here, dir, path);
	int listener = sock_listen(path), fd = rundir_connect(here);
	CHECK(listener >= 0 && fd >= 0);
	int before = sessions();
	close(fd);
	/* Writable by others; a link. */
	chmod(dir, 0702);
	CHECK_EQ(rundir_connect(here), -1);
	CHECK_EQ(sessions(), before - 1);
	chmod(dir, 0720);
	CHECK_EQ(rundir_connect(here), -1);
	chmod(dir, 0700);
	snprintf(real, sizeof real, "%s.real", dir);
	CHECK(rename(dir, real) == 0 && symlink(real, dir) == 0);
	CHECK_EQ(rundir_connect(here), -1);
	CHECK_EQ(sessions(), before - 1);
	CHECK(unlink(dir) == 0 && rename(real, dir) == 0);
	if (geteuid() == 0) { /* another user's, as good as it may look */
		CHECK_EQ(chown(dir, 65533, (gid_t)-1), 0);
		CHECK_EQ(rundir_connect(here), -1);
		CHECK_EQ(sessions(), before - 1);
		CHECK_EQ(chown(dir, 0, (gid_t)-1), 0);
	}
	fd = rundir_connect(here);
	CHECK(fd >= 0);
	close(fd);
	close(listener);
	unlink(path);
	rmdir(dir);
}

static void
make_old(const char *path)
{
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	CHECK_EQ(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

TEST(what_killed_holders_have_left_goes)
{
	char dir[PLACE], path[2 * PLACE], agent[2 * PLACE + 10], made[SESSION_PATH_MAX];
	static const uint8_t alike[ID_LEN] = { 1, 2, 3 };
	in_run(here, dir, path);
	snprintf(agent, sizeof agent, "%s.agent", path);
	for (int by_list = 0; by_list < 2; by_list++) {
		close(sock_listen(path));
		close(sock_listen(agent));
		(void)sessions();
		CHECK_EQ(access(path, F_OK), 0); /* it may listen in a moment */
		make_old(path);
		int fd = -1;
		if (by_list)
			(void)sessions();
		else
			fd = rundir_listen(alike, made);
		CHECK(access(path, F_OK) < 0 && access(agent, F_OK) < 0);
		if (fd >= 0) {
			close(fd);
			unlink(made);
		}
	}
	/* One that listens stays, however old. */
	int listener = sock_listen(path);
	make_old(path);
	(void)sessions();
	CHECK_EQ(access(path, F_OK), 0);
	close(listener);
	unlink(path);
	rmdir(dir);
}

TEST(what_programs_are_told_of_cannot_be_made_anew_by_others)
{
	char path[SESSION_PATH_MAX], want[PLACE];
	setenv("HOME", home, 1);
	/* In our home it stays beside the session's. */
	snprintf(want, sizeof want, "%s/run2", home);
	mkdir(want, 0700);
	snprintf(want, sizeof want, "%s/run2/abc", home);
	CHECK(rundir_kept(want, path, sizeof path));
	CHECK(strncmp(path, home, strlen(home)) == 0 && strstr(path, "/run2/abc.agent"));
	/* In /tmp it would not. */
	CHECK(rundir_kept("/tmp/belay-1/abc", path, sizeof path));
	CHECK(strncmp(path, home, strlen(home)) == 0 && strstr(path, "/abc.agent"));
	CHECK(sys_way_is_ours(path));
	CHECK(!sys_way_is_ours("/tmp/belay-1/abc") && !sys_way_is_ours("relative"));
	chmod(home, 0770);
	CHECK(!sys_way_is_ours(path));
	CHECK(!rundir_kept("/tmp/belay-1/abc", path, sizeof path));
	chmod(home, 0700);
	setenv("HOME", "nowhere", 1);
	CHECK(!rundir_kept("/tmp/belay-1/abc", path, sizeof path));
	setenv("HOME", home, 1);
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
