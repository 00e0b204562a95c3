#include "client/terminfo.h"

#include "base/err.h"
#include "sys/sys.h"
#include "sys/terminfo.h"

/* term(5): a head of six numbers; names, booleans, numbers, offsets of strings, strings.  Behind
 * them, if anything, the same of extended capabilities, whose head has five. */
enum {
	MAGIC = 0432,
	MAGIC_32 = 01036, /* numbers have four bytes */
	HEAD = 6,
	EXTENDED_HEAD = 5,
	MOST = 32767,
};

struct reader {
	struct span in;
	size_t at;
	bool wide; /* four bytes a number */
	struct buf *out;
	int err;
};

static unsigned
get(const struct reader *r, size_t at)
{
	return r->in.p[at] | (unsigned)r->in.p[at + 1] << 8;
}

static void
put(struct reader *r, unsigned value)
{
	const uint8_t bytes[] = { (uint8_t)value, (uint8_t)(value >> 8) };
	if (!r->err)
		r->err = buf_put(r->out, bytes, sizeof bytes);
}

static bool
has(struct reader *r, size_t n)
{
	if (!r->err && r->in.n - r->at < n)
		r->err = ERR_MESSAGE;
	return !r->err;
}

static void
copy(struct reader *r, size_t n)
{
	if (!has(r, n))
		return;
	r->err = buf_put(r->out, r->in.p + r->at, n);
	r->at += n;
}

/* Numbers begin at even places; of both formats what stands before them is as long. */
static void
copy_to_even(struct reader *r)
{
	if (r->at % 2)
		copy(r, 1);
}

static void
copy_numbers(struct reader *r, size_t n)
{
	if (!r->wide) {
		copy(r, 2 * n);
		return;
	}
	if (!has(r, 4 * n))
		return;
	for (size_t i = 0; i < n; i++, r->at += 4) {
		uint32_t value = get(r, r->at) | (uint32_t)get(r, r->at + 2) << 16;
		/* -1 and -2 say that there is none. */
		bool fits = value <= MOST || value >= (uint32_t)-2;
		put(r, fits ? value & 0xffff : MOST);
	}
}

static void
copy_head(struct reader *r, size_t n, unsigned ret_counts[HEAD])
{
	if (!has(r, 2 * n))
		return;
	for (size_t i = 0; i < n; i++, r->at += 2) {
		ret_counts[i] = get(r, r->at);
		put(r,
		    ret_counts[i] == MAGIC_32 && i == 0 && n == HEAD ? MAGIC
								     : ret_counts[i]);
	}
}

int
terminfo_traditional(struct span compiled, struct buf *out)
{
	struct reader r = { .in = compiled, .out = out };
	unsigned head[HEAD] = { 0 }, more[HEAD] = { 0 };
	copy_head(&r, HEAD, head);
	if (!r.err && head[0] != MAGIC && head[0] != MAGIC_32)
		r.err = ERR_MESSAGE;
	r.wide = head[0] == MAGIC_32;
	copy(&r, (size_t)head[1] + head[2]);
	copy_to_even(&r);
	copy_numbers(&r, head[3]);
	copy(&r, (size_t)2 * head[4] + head[5]);
	if (r.err || compiled.n - r.at < 2)
		return r.err;
	copy_to_even(&r);
	copy_head(&r, EXTENDED_HEAD, more);
	copy(&r, more[0]);
	copy_to_even(&r);
	copy_numbers(&r, more[1]);
	/* Offsets of the values, and of all names, which stand behind them. */
	copy(&r, (size_t)2 * ((size_t)more[2] + more[0] + more[1] + more[2]) + more[4]);
	return r.err;
}

bool
terminfo_read(struct span term, struct buf *out)
{
	char name[TERMINFO_NAME_MAX], path[TERMINFO_PATH_MAX];
	struct buf compiled, traditional;
	if (!terminfo_name(term, name) || !terminfo_find(name, path))
		return false;
	buf_init(&compiled, TERMINFO_MAX);
	buf_init(&traditional, TERMINFO_MAX);
	bool good = sys_read_file(path, &compiled) == 0
	    && terminfo_traditional(buf_span(&compiled), &traditional) == 0
	    && buf_put(out, buf_bytes(&traditional), traditional.len) == 0;
	buf_finish(&compiled);
	buf_finish(&traditional);
	return good;
}
