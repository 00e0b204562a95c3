#include "server/remains.h"

#include "base/hex.h"
#include "server/machine.h"
#include "sys/os.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000 };

static char home[] = "/tmp/belay-remains.XXXXXX";
static char place[600], path[700];

static const uint8_t one[ID_LEN] = { 0xab, 1 }, two[ID_LEN] = { 0xab, 2 };

static void
begin(void)
{
	struct buf name;
	memcpy(strrchr(home, '.') + 1, "XXXXXX", 6);
	CHECK(mkdtemp(home));
	CHECK_EQ(setenv("HOME", home, 1), 0);
	CHECK_EQ(setenv("BELAY_RUN_DIR", home, 1), 0);
	CHECK_EQ(unsetenv("XDG_STATE_HOME"), 0);
	buf_init(&name, 100);
	if (!machine_name(&name))
		test_skip("this machine has no number");
	snprintf(place, sizeof place, "%s/.local/state/belay/remains/%s", home,
	    buf_str(&name));
	buf_drop(&name, name.len);
	CHECK_EQ(hex_put(&name, (struct span){ one, ID_LEN }), 0);
	snprintf(path, sizeof path, "%s/%s", place, buf_str(&name));
	buf_finish(&name);
}

static void
end(void)
{
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", home);
	CHECK_EQ(system(command), 0);
}

static struct span
text(const char *s)
{
	return (struct span){ (const uint8_t *)s, strlen(s) };
}

static struct remains
shell(const uint8_t id[ID_LEN], const char *name)
{
	struct remains r = { 0 };
	struct msg_hello hello = { .kind = KIND_PTY, .name = text(name) };
	memcpy(hello.session, id, ID_LEN);
	remains_begin(&r, &hello);
	return r;
}

/* As the session writes it; `behind`: what else the INFO has of later versions. */
static void
write_all(struct remains *r, const uint8_t id[ID_LEN], const char *name,
    const char *directory, const struct term *t, struct span behind)
{
	int status;
	if (remains_fork(r, SECOND)) {
		struct buf info, more;
		struct msg_remains m = { .boot = { 9 },
			.directory = text(directory),
			.running = text("make") };
		struct msg_info i = { .kind = KIND_PTY, .name = text(name) };
		buf_init(&info, FRAME_MAX);
		buf_init(&more, FRAME_MAX / 2);
		(void)buf_put(&more, behind.p, behind.n);
		(void)msg_put(&more, MSG_REMAINS, &m);
		memcpy(i.session, id, ID_LEN);
		i.more = buf_span(&more);
		(void)msg_put(&info, MSG_INFO, &i);
		remains_write(r, buf_span(&info), t);
	}
	pid_t pid = waitpid(r->child, &status, 0);
	CHECK_EQ(pid, r->child);
	remains_reap(r, pid);
	CHECK_EQ(r->child, 0);
}

static void
write_one(const uint8_t id[ID_LEN], const char *name, const char *directory)
{
	struct remains r = shell(id, "");
	write_all(&r, id, name, directory, NULL, (struct span){ 0 });
	remains_finish(&r);
}

static void
forget(struct remains *r)
{
	remains_forget(r);
	while (wait(NULL) > 0)
		;
}

TEST(a_session_finds_what_is_left_of_the_one_before)
{
	struct msg_remains told;
	struct buf frame;
	union msg m;
	begin();
	write_one(one, "work", "/usr");
	struct remains r = shell(one, "");
	CHECK(remains_any(&r));
	CHECK_STR(r.directory, "/usr");
	CHECK_EQ(r.was.name.n, 4);
	buf_init(&frame, FRAME_MAX);
	CHECK_EQ(remains_tell(&r, &frame), 0);
	CHECK(msg_find(buf_span(&frame), MSG_REMAINS, &m));
	told = m.remains;
	CHECK(told.there && told.boot[0] == 9 && told.at_s > 1000 * 1000 * 1000);
	CHECK(told.directory.n == 4 && told.running.n == 4);
	buf_finish(&frame);
	remains_finish(&r);
	r = shell(two, "other");
	CHECK(!remains_any(&r));
	CHECK_EQ(remains_tell(&r, &frame), 0);
	remains_finish(&r);
	r = shell(two, "work"); /* by its name, under a new id */
	CHECK(remains_any(&r));
	CHECK_STR(r.from, path);
	write_all(&r, two, "work", "/usr", NULL, (struct span){ 0 });
	CHECK(access(path, F_OK) < 0); /* that is another's now */
	CHECK_EQ(access(r.path, F_OK), 0);
	remains_finish(&r);
	end();
}

TEST(nobody_else_can_read_it)
{
	struct stat st;
	begin();
	mode_t before = umask(0);
	write_one(one, "", "/");
	(void)umask(before);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(stat(place, &st) == 0 && (st.st_mode & 07777) == 0700);
	*strrchr(place, '/') = 0;
	CHECK(stat(place, &st) == 0 && (st.st_mode & 07777) == 0700);
	end();
}

TEST(commands_and_those_who_look_on_leave_nothing)
{
	struct remains r = { 0 };
	struct msg_hello hello = { .kind = KIND_PTY, .command = text("make") };
	begin();
	remains_begin(&r, &hello);
	CHECK_STR(r.path, "");
	hello = (struct msg_hello){ .kind = KIND_PIPES };
	remains_begin(&r, &hello);
	CHECK_STR(r.path, "");
	uint64_t at = 0;
	CHECK(!remains_due(&r, true, 100, true, SECOND, &at) && !at);
	CHECK(access(place, F_OK) < 0);
	end();
}

static void
put_file(const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK_EQ(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

TEST(what_is_no_such_file_is_not_there)
{
	struct buf file;
	char aside[720];
	begin();
	write_one(one, "work", "/usr");
	buf_init(&file, FRAME_MAX);
	int fd = open(path, O_RDONLY);
	uint8_t *room;
	CHECK_EQ(buf_room(&file, 4096, &room), 0);
	size_t len = (size_t)read(fd, room, 4096);
	buf_added(&file, len);
	close(fd);
	for (size_t n = 0; n < len; n++) { /* cut short anywhere */
		put_file((char *)buf_bytes(&file), n);
		struct remains r = shell(one, "work");
		CHECK(!remains_any(&r) && !r.directory[0]);
		remains_finish(&r);
	}
	for (size_t i = 0; i < 5; i++) { /* another version, or nonsense */
		((uint8_t *)buf_bytes(&file))[i] ^= 0x55;
		put_file((char *)buf_bytes(&file), len);
		struct remains r = shell(one, "");
		CHECK(!remains_any(&r));
		remains_finish(&r);
		((uint8_t *)buf_bytes(&file))[i] ^= 0x55;
	}
	put_file((char *)buf_bytes(&file), len);
	snprintf(aside, sizeof aside, "%s.aside", path);
	CHECK_EQ(rename(path, aside), 0);
	CHECK_EQ(symlink(aside, path), 0); /* a link, wherever it leads */
	struct remains r = shell(one, "");
	CHECK(!remains_any(&r));
	remains_finish(&r);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(mkfifo(path, 0600), 0);
	r = shell(one, "");
	CHECK(!remains_any(&r));
	remains_finish(&r);
	buf_finish(&file);
	end();
}

TEST(a_link_is_not_written_through)
{
	char aside[720], fresh[720];
	struct stat st;
	begin();
	write_one(two, "", "/");
	snprintf(aside, sizeof aside, "%s/aside", home);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	close(open(aside, O_WRONLY | O_CREAT, 0600));
	CHECK_EQ(symlink(aside, path), 0);
	CHECK_EQ(symlink(aside, fresh), 0);
	write_one(one, "", "/");
	CHECK(stat(aside, &st) == 0 && st.st_size == 0);
	CHECK(lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0);
	CHECK(lstat(fresh, &st) < 0);
	end();
}

TEST(a_directory_that_others_can_write_to_is_none)
{
	begin();
	write_one(one, "", "/");
	CHECK_EQ(chmod(place, 0777), 0);
	struct remains r = shell(one, "");
	CHECK(!remains_any(&r));
	CHECK_STR(r.path, "");
	remains_finish(&r);
	end();
}

TEST(what_later_versions_add_is_skipped)
{
	static const uint8_t later[] = { 0, 0, 0, 3, 250, 1, 2 };
	begin();
	struct remains r = shell(one, "");
	write_all(&r, one, "", "/usr", NULL, (struct span){ later, sizeof later });
	remains_finish(&r);
	r = shell(one, "");
	CHECK_STR(r.directory, "/usr");
	remains_finish(&r);
	end();
}

TEST(it_is_written_a_moment_after_something_has_happened_and_seldom)
{
	begin();
	struct remains r = shell(one, "");
	uint64_t now = 100 * (uint64_t)SECOND, at = 0;
	CHECK(!remains_due(&r, true, 0, true, now, &at) && !at);
	CHECK(!remains_due(&r, false, 10, true, now, &at) && !at); /* it does not live */
	CHECK(!remains_due(&r, true, 10, true, now, &at));
	CHECK_EQ(at, now + REMAINS_SETTLE_US);
	CHECK(!remains_due(&r, true, 20, true, now + SECOND, &at));
	CHECK_EQ(at, now + REMAINS_SETTLE_US); /* not put off */
	now = at;
	CHECK(remains_due(&r, true, 20, true, now, &at));
	r.due_us = 0; /* as remains_fork does */
	r.written_us = now;
	r.child = 77;
	at = 0;
	CHECK(!remains_due(&r, true, 30, true, now + SECOND, &at) && !at);
	CHECK(!remains_due(&r, true, 30, true, now + 99 * (uint64_t)SECOND, &at) && !at);
	remains_reap(&r, 76);
	CHECK(r.child);
	remains_reap(&r, 77);
	CHECK(!remains_due(&r, true, 30, true, now + 2 * SECOND, &at));
	CHECK_EQ(at, now + REMAINS_EVERY_US);
	/* but when the client goes */
	at = 0;
	CHECK(!remains_due(&r, true, 30, false, now + 2 * SECOND, &at));
	CHECK_EQ(at, now + 2 * SECOND + REMAINS_GONE_US);
	r.due_us = 0;
	at = 0;
	CHECK(!remains_due(&r, true, 30, false, now + 99 * (uint64_t)SECOND, &at));
	CHECK_EQ(at, 0); /* while nothing happens nothing is due */
	remains_finish(&r);
	end();
}

TEST(a_session_that_ends_leaves_nothing)
{
	begin();
	write_one(one, "work", "/");
	write_one(two, "", "/");
	struct remains r = shell(one, "");
	forget(&r);
	CHECK(access(path, F_OK) < 0);
	CHECK_STR(r.path, "");
	forget(&r); /* once more is no harm */
	remains_finish(&r);
	r = shell(two, "");
	CHECK(remains_any(&r)); /* another's stays */
	remains_finish(&r);
	end();
}

/* As one that waits for its disk, which nobody waits for. */
TEST(a_child_that_hangs_holds_nobody_up)
{
	begin();
	write_one(one, "", "/usr");
	struct remains r = shell(one, "");
	uint64_t at = 0, now = 1000 * (uint64_t)SECOND;
	if (remains_fork(&r, now)) {
		raise(SIGSTOP);
		_exit(0);
	}
	for (int i = 0; i < 100; i++)
		CHECK(!remains_due(&r, true, (uint64_t)i, i % 2, now += SECOND, &at));
	CHECK_EQ(at, 0);
	CHECK(r.due_us); /* when it has ended */
	forget(&r);
	CHECK(access(path, F_OK) < 0);
	remains_finish(&r);
	end();
}

static bool
count(void *owner, const char *file, const struct msg_info *m)
{
	CHECK(m->kind == KIND_PTY && file[0] == '/');
	++*(int *)owner;
	return true;
}

TEST(what_nobody_has_come_for_goes)
{
	struct timespec old[2] = { { .tv_sec = time(NULL) - 31 * 24 * 3600 },
		{ .tv_sec = time(NULL) - 31 * 24 * 3600 } };
	char unfinished[720];
	int n = 0;
	begin();
	write_one(one, "", "/");
	write_one(two, "", "/");
	remains_each(count, &n);
	CHECK_EQ(n, 2);
	snprintf(unfinished, sizeof unfinished, "%s.new", path);
	close(open(unfinished, O_WRONLY | O_CREAT, 0600));
	CHECK_EQ(utimensat(AT_FDCWD, path, old, 0), 0);
	CHECK_EQ(utimensat(AT_FDCWD, unfinished, old, 0), 0);
	n = 0;
	remains_each(count, &n);
	CHECK_EQ(n, 1);
	CHECK(access(path, F_OK) < 0 && access(unfinished, F_OK) < 0);
	end();
}

TEST(there_are_not_more_than_so_many)
{
	begin();
	for (int i = 0; i < REMAINS_MAX; i++) {
		uint8_t id[ID_LEN] = { 1, (uint8_t)(i >> 8), (uint8_t)i };
		write_one(id, "", "/");
	}
	write_one(one, "", "/");
	CHECK(access(path, F_OK) < 0);
	end();
}

/* What is there, whole; -1: nothing. */
static int
whole(void)
{
	struct remains r = shell(one, "");
	int is = !remains_any(&r) ? -1 : strcmp(r.directory, "/usr") == 0 ? 0 : 1;
	CHECK(is < 0 || is == 0 || strcmp(r.directory, "/var") == 0);
	remains_finish(&r);
	return is;
}

/* The child, and with it all that is of the session, as by a loss of power. */
TEST(who_is_killed_while_writing_leaves_it_whole)
{
	struct term_options options = { .rows = 24,
		.cols = 80,
		.history_rows = 5000,
		.history_bytes = 1000000 };
	struct term *t;
	int found[2] = { 0 };
	begin();
	CHECK_EQ(term_new(&options, &t), 0);
	for (int i = 0; i < 5000; i++)
		CHECK_EQ(term_write(t, "a line of what was shown\r\n", 26), 0);
	struct remains first = shell(one, "");
	first.keep_max = 1024 * 1024;
	write_all(&first, one, "", "/usr", t, (struct span){ 0 });
	remains_finish(&first);
	for (int i = 0; i < 400 && !(found[1] > 5 && i > 200); i++) {
		struct remains r = shell(one, "");
		int status;
		r.keep_max = 1024 * 1024;
		pid_t pid = fork();
		(void)setpgid(pid, pid);
		if (pid == 0) {
			write_all(&r, one, "", i % 2 ? "/usr" : "/var", t,
			    (struct span){ 0 });
			_exit(0);
		}
		usleep((useconds_t)(i * 50));
		(void)kill(-pid, SIGKILL);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		remains_finish(&r);
		int is = whole();
		CHECK(is >= 0);
		if (is >= 0)
			found[is]++;
	}
	CHECK(found[0]);
	term_free(t);
	end();
}

TEST(a_full_disk_leaves_what_was_there)
{
	struct stat st;
	char unfinished[720];
	begin();
	write_one(one, "", "/usr");
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = { 10, 10 };
		signal(SIGXFSZ, SIG_IGN);
		CHECK_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
		write_one(one, "", "/var");
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(whole(), 0);
	snprintf(unfinished, sizeof unfinished, "%s.new", path);
	CHECK(lstat(unfinished, &st) < 0 || st.st_size <= 10);
	end();
}

TEST(what_was_shown_comes_back_as_history)
{
	struct term_options options = { .rows = 4,
		.cols = 20,
		.history_rows = 100,
		.history_bytes = 100000 };
	struct term_limits all = { .rows_max = 100, .bytes_max = 100000 };
	struct term *t, *fresh;
	struct buf out;
	static const char before[] =
	    "\033[?2004h\033[1;31mfirst\033[m\r\n2\r\n3\r\n4\r\n5\r\nready$ ";
	begin();
	CHECK_EQ(term_new(&options, &t), 0);
	CHECK_EQ(term_new(&options, &fresh), 0);
	CHECK_EQ(term_write(t, before, sizeof before - 1), 0);
	struct remains r = shell(one, "");
	r.keep_max = 1024 * 1024;
	write_all(&r, one, "", "/", t, (struct span){ 0 });
	remains_finish(&r);
	r = shell(one, "");
	CHECK(remains_show(&r, fresh));
	CHECK(!remains_show(&r, NULL));
	int row, col;
	term_cursor(fresh, &row, &col);
	CHECK(row == 0 && col == 0);
	for (int i = 0; i < 4; i++)
		CHECK(term_row_blank(fresh, i));
	buf_init(&out, 1024 * 1024);
	CHECK_EQ(term_snapshot(fresh, &all, &out), 0);
	CHECK(strstr(buf_str(&out), "first") && strstr(buf_str(&out), "ready$"));
	CHECK(!strstr(buf_str(&out), "2004h")); /* the program that wanted it is gone */
	buf_finish(&out);
	remains_finish(&r);
	/* Without being asked for nothing of it is on the disk. */
	r = shell(one, "");
	write_all(&r, one, "", "/", t, (struct span){ 0 });
	remains_finish(&r);
	r = shell(one, "");
	CHECK(remains_any(&r) && !remains_show(&r, fresh));
	/* A small bound: the latest rows. */
	r.keep_max = 300;
	write_all(&r, one, "", "/", t, (struct span){ 0 });
	remains_finish(&r);
	struct stat st;
	CHECK(stat(path, &st) == 0 && st.st_size < 600);
	term_free(t);
	term_free(fresh);
	end();
}
