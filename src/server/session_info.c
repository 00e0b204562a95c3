#include "server/session_info.h"

#include "sys/sys.h"
#include "term/read.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 };

static void
copy_text(char *ret_text, size_t len, struct span text)
{
	size_t n = text.n < len - 1 ? text.n : len - 1;
	memcpy(ret_text, text.p, n);
	ret_text[n] = 0;
}

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

void
session_info_begin(struct session_info *a, const struct msg_hello *hello)
{
	memcpy(a->id, hello->session, ID_LEN);
	copy_text(a->name, sizeof a->name, hello->name);
	copy_text(a->command, sizeof a->command, hello->command);
	a->kind = hello->kind;
	a->begun_ms = sys_wall_ms();
	session_info_used(a);
}

void
session_info_rename(struct session_info *a, struct span name)
{
	copy_text(a->name, sizeof a->name, name);
}

void
session_info_used(struct session_info *a)
{
	a->used_s = sys_wall_s();
}

bool
session_info_at_home(struct span *path)
{
	const char *home = getenv("HOME");
	size_t n = home ? strlen(home) : 0;
	if (n < 2 || path->n < n || memcmp(path->p, home, n) != 0
	    || (path->n > n && path->p[n] != '/'))
		return false;
	path->p += n;
	path->n -= n;
	return true;
}

/* The last row that is not blank, without the blanks at its end. */
static void
last_line(const struct term *t, struct buf *out)
{
	int row = t ? term_rows(t) - 1 : -1;
	while (row >= 0 && term_row_blank(t, row))
		row--;
	for (int x = 0, blanks = 0; row >= 0 && x < term_cols(t); x++) {
		uint8_t text[64];
		size_t n = term_cell_text(t, row, x, text, sizeof text);
		bool blank = n == 1 && text[0] == ' ';
		blanks += blank;
		for (; n && !blank && blanks; blanks--)
			buf_putc(out, ' ');
		if (!blank)
			(void)buf_put(out, text, n);
	}
}

int
session_info_put(const struct session_info *a, size_t clients, int pid,
    const struct session_shows *shows, struct buf *out)
{
	struct buf line, more;
	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&more, FRAME_MAX / 2);
	last_line(shows->term, &line);
	struct msg_about about = { .flags = (uint8_t)shows->flags,
		.directory = text_span(shows->directory),
		.title = text_span(shows->title),
		.last_line = buf_span(&line) };
	if (about.title.n > LINE_MAX_BYTES)
		about.title.n = LINE_MAX_BYTES;
	(void)msg_put(&more, MSG_ABOUT, &about);
	(void)buf_put(&more, shows->more.p, shows->more.n);
	struct msg_info m = { .name = text_span(a->name),
		.kind = a->kind,
		.command = text_span(a->command),
		.running = text_span(shows->running),
		.begun_s = (uint64_t)a->begun_ms / 1000,
		.used_s = (uint64_t)a->used_s,
		.clients = (uint16_t)clients,
		.rows = a->size.rows,
		.cols = a->size.cols,
		.pid = (uint32_t)pid,
		.more = buf_span(&more) };
	memcpy(m.session, a->id, ID_LEN);
	int err = msg_put(out, MSG_INFO, &m);
	buf_finish(&line);
	buf_finish(&more);
	return err;
}
