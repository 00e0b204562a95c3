#include "ssh/mux.h"

#include "base/err.h"

#include <string.h>

enum { VERSION = 4, WIDTH = 4, HEAD = 3 * WIDTH };

/* mux.c of OpenSSH. */
enum {
	HELLO = 0x00000001,
	ALIVE_CHECK = 0x10000004,
	TERMINATE = 0x10000005,
	OPEN_FWD = 0x10000006,
	CLOSE_FWD = 0x10000007,
	STOP_LISTENING = 0x10000009,
	OK = 0x80000001,
	FAILURE = 0x80000003,
	IS_ALIVE = 0x80000005,
	REMOTE_PORT = 0x80000007,
};

static const struct {
	uint32_t number;
	enum mux_type type;
} types[] = { { HELLO, MUX_HELLO }, { ALIVE_CHECK, MUX_CHECK }, { TERMINATE, MUX_EXIT },
	{ STOP_LISTENING, MUX_STOP }, { OPEN_FWD, MUX_FORWARD },
	{ CLOSE_FWD, MUX_CANCEL } };

static uint32_t
number_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Takes a number off the head; without one, what is left is of no use. */
static uint32_t
take_number(struct span *in, bool *ok)
{
	*ok &= in->n >= WIDTH;
	if (!*ok)
		return 0;
	uint32_t n = number_at(in->p);
	in->p += WIDTH;
	in->n -= WIDTH;
	return n;
}

static struct span
take_text(struct span *in, bool *ok)
{
	uint32_t n = take_number(in, ok);
	*ok &= n <= in->n;
	if (!*ok)
		return (struct span){ 0 };
	struct span text = { in->p, n };
	*ok = !memchr(text.p, 0, text.n);
	in->p += n;
	in->n -= n;
	return text;
}

static struct mux_end
take_end(struct span *in, bool *ok)
{
	struct mux_end end = { .host = take_text(in, ok) };
	end.port = (int32_t)take_number(in, ok);
	*ok &= end.port == MUX_PATH ? end.host.n > 0 : end.port >= 0 && end.port < 65536;
	return end;
}

static bool
take_forward(struct span in, struct mux_request *ret)
{
	bool ok = true;
	uint32_t kind = take_number(&in, &ok);
	ret->listen = take_end(&in, &ok);
	ret->connect = take_end(&in, &ok);
	ret->kind = (enum mux_forward)kind;
	return ok && kind >= MUX_LOCAL && kind <= MUX_DYNAMIC;
}

long
mux_length(struct span in)
{
	if (in.n < WIDTH)
		return 0;
	uint32_t n = number_at(in.p);
	if (n < WIDTH || n > MUX_FRAME_MAX - WIDTH)
		return ERR_MESSAGE;
	return in.n - WIDTH < n ? 0 : (long)n + WIDTH;
}

static enum mux_type
type_of(uint32_t number)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].number == number)
			return types[i].type;
	return MUX_OTHER;
}

long
mux_look(struct span in, struct mux_request *ret)
{
	*ret = (struct mux_request){ 0 };
	long n = mux_length(in);
	if (n < 0 || (n && n < HEAD))
		return ERR_MESSAGE;
	if (in.n < HEAD)
		return 0;
	ret->type = type_of(number_at(in.p + WIDTH));
	ret->number = number_at(in.p + 2 * (size_t)WIDTH); /* of a hello, its version */
	if (ret->type == MUX_OTHER)
		return HEAD; /* its end need not have come */
	if (!n)
		return 0;
	if (ret->type == MUX_HELLO && ret->number != VERSION)
		return ERR_MESSAGE;
	bool forward = ret->type == MUX_FORWARD || ret->type == MUX_CANCEL;
	if (forward && !take_forward((struct span){ in.p + HEAD, (size_t)n - HEAD }, ret))
		return ERR_MESSAGE;
	return n;
}

/* ---- the answers ---- */

static void
put_number(struct buf *out, uint32_t n)
{
	uint8_t bytes[WIDTH] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n };
	if (buf_put(out, bytes, sizeof bytes))
		out->failed = true;
}

static void
put_answer(struct buf *out, uint32_t type, uint32_t number, size_t more)
{
	put_number(out, 2 * WIDTH + (uint32_t)more);
	put_number(out, type);
	put_number(out, number);
}

void
mux_put_hello(struct buf *out)
{
	put_answer(out, HELLO, VERSION, 0);
}

void
mux_put_ok(struct buf *out, uint32_t number)
{
	put_answer(out, OK, number, 0);
}

void
mux_put_alive(struct buf *out, uint32_t number, uint32_t pid)
{
	put_answer(out, IS_ALIVE, number, WIDTH);
	put_number(out, pid);
}

void
mux_put_port(struct buf *out, uint32_t number, uint32_t port)
{
	put_answer(out, REMOTE_PORT, number, WIDTH);
	put_number(out, port);
}

void
mux_put_failure(struct buf *out, uint32_t number, const char *why)
{
	size_t n = strlen(why);
	put_answer(out, FAILURE, number, WIDTH + n);
	put_number(out, (uint32_t)n);
	if (buf_put(out, why, n))
		out->failed = true;
}
