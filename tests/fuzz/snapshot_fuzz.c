/*
 * The law, for whatever bytes: a snapshot, written to a fresh model, gives an equal model.
 *
 * The input: rows, columns; then pieces, each after its length, which is a change of size
 * where it is 255.
 */
#include "fuzz.h"

#include "describe.h"

enum { ROWS_MAX = 12, COLS_MAX = 40, RESIZE = 255 };

static const struct term_limits ALL = { 0, SIZE_MAX, SIZE_MAX };

/* Wide characters of the history cannot be shown in one column. */
static int
take_cols(struct span *in)
{
	return 2 + (int)take_number(in, 1) % COLS_MAX;
}

static int
take_rows(struct span *in)
{
	return 1 + (int)take_number(in, 1) % ROWS_MAX;
}

static void
check_law(const struct term *t)
{
	struct term *again;
	struct buf snapshot, was, is;
	struct term_options o = { term_rows(t), term_cols(t), SIZE_MAX, SIZE_MAX, false };
	buf_init(&snapshot, SIZE_MAX / 2);
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	MUST(term_new(&o, &again) == 0);
	MUST(term_snapshot(t, &ALL, &snapshot) == 0);
	MUST(term_write(again, buf_bytes(&snapshot), snapshot.len) == 0);
	describe(&was, t);
	describe(&is, again);
	MUST(was.len == is.len && memcmp(buf_bytes(&was), buf_bytes(&is), was.len) == 0);
	buf_finish(&snapshot);
	buf_finish(&was);
	buf_finish(&is);
	term_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	struct term *t;
	struct term_options o = { 0, 0, SIZE_MAX, SIZE_MAX, false };
	o.rows = take_rows(&in);
	o.cols = take_cols(&in);
	MUST(term_new(&o, &t) == 0);
	while (in.n) {
		size_t n = take_number(&in, 1);
		if (n == RESIZE) {
			int rows = take_rows(&in);
			MUST(term_resize(t, rows, take_cols(&in)) == 0);
			continue;
		}
		struct span piece = take(&in, n);
		MUST(term_write(t, piece.p, piece.n) == 0);
	}
	check_law(t);
	term_free(t);
	return 0;
}
