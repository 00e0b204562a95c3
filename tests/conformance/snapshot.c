/* What the terminal model makes of the bytes of stdin, for a new terminal: snapshot ROWS COLS */
#include "term/term.h"

#include <stdio.h>
#include <stdlib.h>

enum { BYTES_MAX = 4 << 20, HISTORY_ROWS = 10000 };

int
main(int argc, char **argv)
{
	static uint8_t bytes[BYTES_MAX];
	struct term *t;
	struct buf out;
	if (argc != 3)
		return 2;
	struct term_options o = { .rows = atoi(argv[1]),
		.cols = atoi(argv[2]),
		.history_rows = HISTORY_ROWS,
		.history_bytes = BYTES_MAX };
	struct term_limits all = { .rows_max = HISTORY_ROWS, .bytes_max = BYTES_MAX };
	size_t n = fread(bytes, 1, sizeof bytes, stdin);
	buf_init(&out, 4 * BYTES_MAX);
	if (term_new(&o, &t) || term_write(t, bytes, n) || term_snapshot(t, &all, &out))
		return 1;
	fwrite(buf_bytes(&out), 1, out.len, stdout);
	buf_finish(&out);
	term_free(t);
	return 0;
}
