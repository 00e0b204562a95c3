/*
 * Bytes from a hostile program, in any pieces, with changes of size: the model keeps within
 * its bounds of memory and of work, what it left switched on is undone by what it says, and
 * the pieces do not matter.
 *
 * The input: rows, columns, pieces; then the bytes.
 */
#include "fuzz.h"

#include "describe.h"

enum { ROWS_MAX = 24, COLS_MAX = 80, MEMORY_MAX = 8 << 20, WORK_BYTES = 16 };

static struct term *
fresh(int rows, int cols)
{
	struct term *t;
	struct term_options o = { rows, cols, 200, 256 * 1024, false };
	MUST(term_new(&o, &t) == 0);
	return t;
}

/* No byte costs more than a look at the rows and some of the cells; only what moves columns
 * here and there, which takes four bytes, may touch all of them. */
static void
must_be_worth_it(const struct term *t, uint64_t before, size_t n)
{
	int rows = term_rows(t), cols = term_cols(t);
	int byte = 64 + 2 * (rows * ROW_WORK + cols) + rows * (cols + 2 * ROW_WORK) / 4;
	MUST(term_work(t) - before <= (n + WORK_BYTES) * (uint64_t)byte);
}

static void
must_be_equal(const struct term *a, const struct term *b)
{
	struct buf was, is;
	buf_init(&was, SIZE_MAX / 2);
	buf_init(&is, SIZE_MAX / 2);
	describe(&was, a);
	describe(&is, b);
	MUST(was.len == is.len && memcmp(buf_bytes(&was), buf_bytes(&is), was.len) == 0);
	buf_finish(&was);
	buf_finish(&is);
}

static void
check_undo(struct term *t)
{
	struct buf undo;
	buf_init(&undo, SIZE_MAX / 2);
	MUST(term_undo(t, &undo) == 0);
	MUST(term_write(t, buf_bytes(&undo), undo.len) == 0);
	buf_drop(&undo, undo.len);
	MUST(term_undo(t, &undo) == 0);
	MUST(undo.len == 0);
	MUST(t->modes == MODES_AT_FIRST && !term_on_alternate(t) && term_at_rest(t));
	buf_finish(&undo);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size };
	struct buf answers;
	int rows = 1 + (int)take_number(&in, 1) % ROWS_MAX;
	int cols = 1 + (int)take_number(&in, 1) % COLS_MAX;
	size_t piece = 1 + take_number(&in, 1);
	struct term *whole = fresh(rows, cols), *pieces = fresh(rows, cols);
	buf_init(&answers, 4096);
	term_answer_to(whole, &answers);
	uint64_t before = term_work(whole);
	MUST(term_write(whole, in.p, in.n) == 0);
	must_be_worth_it(whole, before, in.n);
	while (in.n) {
		struct span s = take(&in, piece);
		MUST(term_write(pieces, s.p, s.n) == 0);
	}
	/* Of a sequence that is too long, pieces keep other bytes. */
	MUST(term_write(whole, "\030", 1) == 0);
	MUST(term_write(pieces, "\030", 1) == 0);
	must_be_equal(whole, pieces);
	MUST(term_memory(whole) < MEMORY_MAX);
	MUST(term_resize(pieces, cols % ROWS_MAX + 1, rows * 2) == 0);
	check_undo(whole);
	check_undo(pieces);
	buf_finish(&answers);
	term_free(whole);
	term_free(pieces);
	return 0;
}
