/*
 * The law of snapshots with what programs wrote (see `record`), after every piece of it;
 * and every model along the way has its lines broken anew and back.
 */
#include "describe.h"

#include "test.h"

#include <dirent.h>

enum { ROWS = 24, COLS = 80, FILE_MOST = 1 << 20 };

static const struct term_limits ALL = { 0, SIZE_MAX, SIZE_MAX };

static struct term *
fresh(int rows, int cols)
{
	struct term *t;
	struct term_options o = { rows, cols, SIZE_MAX, SIZE_MAX, false };
	CHECK_EQ(term_new(&o, &t), 0);
	return t;
}

static void
snapshot_to(const struct term *t, struct term *again)
{
	struct buf snapshot;
	buf_init(&snapshot, SIZE_MAX / 2);
	CHECK_EQ(term_snapshot(t, &ALL, &snapshot), 0);
	CHECK_EQ(term_write(again, buf_bytes(&snapshot), snapshot.len), 0);
	buf_finish(&snapshot);
}

static void
check_equal(const struct term *a, const struct term *b)
{
	struct buf was, is;
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	describe(&was, a);
	describe(&is, b);
	CHECK_EQ(is.len, was.len);
	CHECK(memcmp(buf_bytes(&was), buf_bytes(&is), was.len) == 0);
	buf_finish(&was);
	buf_finish(&is);
}

static void
check_law(const struct term *t)
{
	struct term *again = fresh(term_rows(t), term_cols(t));
	snapshot_to(t, again);
	check_equal(t, again);
	term_free(again);
}

/* The copy goes through other sizes; the law holds there as well. */
static void
check_sizes(const struct term *t)
{
	struct term *copy = fresh(ROWS, COLS);
	snapshot_to(t, copy);
	CHECK_EQ(term_resize(copy, 10 + (int)test_below(30), 20 + (int)test_below(100)),
	    0);
	check_law(copy);
	CHECK_EQ(term_resize(copy, ROWS, COLS), 0);
	check_law(copy);
	term_free(copy);
}

static size_t
read_recording(const char *path, uint8_t *bytes)
{
	char command[600];
	snprintf(command, sizeof command, "gzip -dc '%s'", path);
	FILE *f = popen(command, "r");
	CHECK(f);
	size_t n = fread(bytes, 1, FILE_MOST, f);
	CHECK_EQ(pclose(f), 0);
	return n;
}

static void
play(const char *path)
{
	static uint8_t bytes[FILE_MOST];
	size_t n = read_recording(path, bytes);
	struct term *t = fresh(ROWS, COLS);
	CHECK(n > 1000);
	test_seed(n);
	for (size_t at = 0; at < n;) {
		size_t piece = 1 + test_below(200);
		piece = piece < n - at ? piece : n - at;
		CHECK_EQ(term_write(t, bytes + at, piece), 0);
		at += piece;
		check_law(t);
		if (test_below(10) == 0)
			check_sizes(t);
	}
	term_free(t);
}

TEST(recordings)
{
	static const char folder[] = "tests/unit/term/recordings";
	int count = 0;
	DIR *dir = opendir(folder);
	CHECK(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		char path[512];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		play(path);
		count++;
	}
	closedir(dir);
	CHECK(count >= 6);
}
