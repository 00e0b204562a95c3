/*
 * libvterm as an independent oracle: what both model, both see alike.  It is looked for at
 * run time, so that nothing but this test needs it; without it nothing is tested, and said.
 *
 * Where they differ, and the traffic is kept from it:
 *
 *     CSI n b            libvterm (0.1) does not go on in the next row, nor joins marks
 *     SGR 53, 58, 4:4 .. not known to it; only text and the common attributes are compared
 *     marks              it keeps marks after any character, also after a move
 *     erasing            it erases in the pen's style; only text is compared of blanks
 *     ESC 7, ESC 8       one saved cursor for both screens; no waiting behind the last column
 *     wide characters    libvterm leaves half a character, here the other half is blanked;
 *                        and see left_out
 *     DECLRMM, DECOM     a different reading of the cursor outside of the margins
 */
#include "term/state.h"

#include "test.h"

#include <dlfcn.h>

enum { ROWS = 10, COLS = 30, SEEDS = 3000, STEPS = 80 };

/* ---- libvterm, as its header has it ---- */

typedef struct VTerm VTerm;
typedef struct VTermScreen VTermScreen;
typedef struct VTermState VTermState;
typedef struct {
	int row, col;
} VTermPos;

enum { CELL_CHARS = 6, CELL_BYTES = 64 };

/* The front of VTermScreenCell. */
struct oracle_cell {
	uint32_t chars[CELL_CHARS];
	char width;
	unsigned attrs;
	uint8_t rest[CELL_BYTES];
};

static struct {
	VTerm *(*new)(int rows, int cols);
	void (*free)(VTerm *vt);
	void (*set_utf8)(VTerm *vt, int on);
	size_t (*input_write)(VTerm *vt, const char *bytes, size_t n);
	VTermScreen *(*obtain_screen)(VTerm *vt);
	VTermState *(*obtain_state)(VTerm *vt);
	void (*screen_reset)(VTermScreen *s, int hard);
	void (*enable_altscreen)(VTermScreen *s, int on);
	int (*get_cell)(const VTermScreen *s, VTermPos pos, struct oracle_cell *cell);
	void (*get_cursor)(const VTermState *s, VTermPos *pos);
} vterm;

static void *
find(void *lib, const char *name)
{
	void *p = dlsym(lib, name);
	CHECK(p);
	return p;
}

#define FIND(field, name) (*(void **)&vterm.field = find(lib, name))

static bool
load_oracle(void)
{
	void *lib = dlopen("libvterm.so.0", RTLD_NOW);
	if (!lib)
		return false;
	FIND(new, "vterm_new");
	FIND(free, "vterm_free");
	FIND(set_utf8, "vterm_set_utf8");
	FIND(input_write, "vterm_input_write");
	FIND(obtain_screen, "vterm_obtain_screen");
	FIND(obtain_state, "vterm_obtain_state");
	FIND(screen_reset, "vterm_screen_reset");
	FIND(enable_altscreen, "vterm_screen_enable_altscreen");
	FIND(get_cell, "vterm_screen_get_cell");
	FIND(get_cursor, "vterm_state_get_cursorpos");
	return true;
}

/* ---- traffic that both understand ---- */

static const char *const pieces[] = { "hello", "a b", "中", "文字", "e\xcc\x81", "x",
	"\r\n", "\r\n", "\r", "\n", "\b", "\t",
	"0123456789012345678901234567890123456789", "\033[A", "\033[3B", "\033[4C",
	"\033[2D", "\033[E", "\033[2F", "\033[7G", "\033[5;9H", "\033[H", "\033[J",
	"\033[1J", "\033[2J", "\033[K", "\033[1K", "\033[2K", "\r\033[2L", "\r\033[M",
	"\033[3P", "\033[@", "\033[4X", "\033[S", "\033[T", "\033[12d", "\033[20`",
	"\033[1m", "\033[3m", "\033[4m", "\033[7m", "\033[m", "\033[22;24m", "\033M",
	"\033D", "\033E", "\033H", "\033[g", "\033[3;8r", "\033[r",
	"\033[?7l0123456789012345678901234567890123456789\033[?7h\r", "\033(0qx\033(B",
	"\033[?1049h", "\033[?1049l", "\033[?25l", "\033]2;t\a", "\033[Z", "\033[2I",
	"\033[38;5;9m", "\033[2a", "\033[e" };

/* ---- comparing ---- */

enum {
	VTERM_BOLD = 1, /* the bits of its attributes */
	VTERM_UNDERLINE_SHIFT = 1,
	VTERM_ITALIC = 8,
	VTERM_REVERSE = 32,
};

static void
compare_cell(const struct term *t, const VTermScreen *screen, int y, int x)
{
	const struct row *r = grid_row(&t->screen->grid, y);
	struct cell c = row_cell(r, x);
	struct oracle_cell theirs;
	uint8_t own[4], text[CELL_CHARS * 4];
	size_t n = 0;
	vterm.get_cell(screen, (VTermPos){ y, x }, &theirs);
	if (c.ch & CELL_TAIL) {
		if (theirs.chars[0] != UINT32_MAX)
			FAIL("row %d, column %d: no second half there", y, x);
		return;
	}
	/* It leaves halves of wide characters that were overwritten. */
	bool half = theirs.chars[0] == UINT32_MAX
	    || kind_width(char_kind(theirs.chars[0])) == 2;
	if (c.ch == ' ' && half)
		return;
	for (int i = 0; i < CELL_CHARS && theirs.chars[i]; i++)
		n += utf8_put(theirs.chars[i], text + n);
	if (n == 0)
		text[n++] = ' ';
	struct span ours = cell_text(t, c, own);
	if (ours.n != n || memcmp(ours.p, text, n) != 0)
		FAIL("row %d, column %d: \"%.*s\", there \"%.*s\"", y, x, (int)ours.n,
		    (const char *)ours.p, (int)n, (const char *)text);
	if (c.ch == ' ')
		return;
	struct style s = cell_style(t, c);
	CHECK_EQ(!!(s.attr & ATTR_BOLD), !!(theirs.attrs & VTERM_BOLD));
	CHECK_EQ((s.attr & ATTR_UNDERLINE) >> ATTR_UNDERLINE_SHIFT,
	    theirs.attrs >> VTERM_UNDERLINE_SHIFT & 3);
	CHECK_EQ(!!(s.attr & ATTR_ITALIC), !!(theirs.attrs & VTERM_ITALIC));
	CHECK_EQ(!!(s.attr & ATTR_INVERSE), !!(theirs.attrs & VTERM_REVERSE));
}

static void
compare(const struct term *t, VTerm *vt)
{
	VTermPos pos;
	int row, col;
	vterm.get_cursor(vterm.obtain_state(vt), &pos);
	term_cursor(t, &row, &col);
	CHECK_EQ(row, pos.row);
	CHECK_EQ(col, pos.col);
	for (int y = 0; y < ROWS; y++)
		for (int x = 0; x < COLS; x++)
			compare_cell(t, vterm.obtain_screen(vt), y, x);
}

static void
both(struct term *t, VTerm *vt, const char *bytes)
{
	if (getenv("TERM_SEED"))
		printf("step: %s%s\n", *bytes == 033 ? "ESC " : "",
		    *bytes == 033 ? bytes + 1 : bytes);
	CHECK_EQ(term_write(t, bytes, strlen(bytes)), 0);
	vterm.input_write(vt, bytes, strlen(bytes));
}

/* Vertical moves heed margins here, as on a VT510, and not there; characters are inserted
 * and deleted outside of them here, as in xterm, and not there: either, or. */
static bool
left_out(const struct term *t, const char *piece, bool margins)
{
	bool there = term_on_alternate(t);
	/* A tab to the last column makes it wait there. */
	if (strchr("I\t", piece[strlen(piece) - 1]) && t->col >= COLS - 2 * TAB_WIDTH)
		return true;
	/* It does not insert or delete more than there is room for. */
	if (strchr("@P", piece[strlen(piece) - 1]) && t->col >= COLS - 3)
		return true;
	if (strcmp(piece, there ? "\033[?1049h" : "\033[?1049l") == 0)
		return true;
	char final = piece[strlen(piece) - 1];
	/* In the last column it waits on the first half of a wide character; it does not clear
	 * that column when one does not fit. */
	if (piece[0] & 0x80 && t->col >= COLS - 5)
		return true;
	/* A character with a mark does not stay in the last column. */
	if (piece[0] == 'e' && t->col == COLS - 1)
		return true;
	/* There erasing does not end the waiting behind the last column. */
	if (t->pending && strchr("JKX@PLMST", final))
		return true;
	if (piece[0] != 033 || piece[1] != '[')
		return false;
	return margins ? strchr("ABEFe@P", final) != NULL : final == 'r';
}

static void
random_steps(uint64_t seed)
{
	struct term *t;
	struct term_options o = { ROWS, COLS, 0, 0, false };
	VTerm *vt = vterm.new(ROWS, COLS);
	test_seed(seed);
	vterm.set_utf8(vt, 1);
	vterm.enable_altscreen(vterm.obtain_screen(vt), 1);
	vterm.screen_reset(vterm.obtain_screen(vt), 1);
	CHECK_EQ(term_new(&o, &t), 0);
	for (int i = 0; i < STEPS; i++) {
		const char *piece = pieces[test_below(sizeof pieces / sizeof *pieces)];
		if (left_out(t, piece, seed % 2))
			continue;
		both(t, vt, piece);
		compare(t, vt);
	}
	vterm.free(vt);
	term_free(t);
}

TEST(libvterm_sees_the_same)
{
	const char *one = getenv("TERM_SEED");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	if (!load_oracle()) {
		printf("libvterm is not there: nothing to compare with\n");
		return;
	}
	for (uint64_t seed = first; seed < first + (one ? 1 : SEEDS); seed++)
		random_steps(seed);
}
