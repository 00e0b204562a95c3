/*
 * What a byte and a key cost on their way, to be counted by instructions (tests/count/run):
 * no system call is made, nothing is printed.
 *
 *    hot_path bulk MEGABYTES     a command's output, from one engine to the other
 *    hot_path screen MEGABYTES   a terminal's: the same, and the model on both sides
 *    hot_path key KEYS           a key to the host, and its echo back
 */
#include "stream/engine.h"
#include "term/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MB = 1024 * 1024, ROOM = 128 * 1024, PIECE = 16 * 1024, OUT_MAX = 4 * MB };

static struct end {
	struct engine engine;
	struct link link;
	struct stream *control, *main;
	struct term *term;
} client, server;
static struct buf wire;
static uint64_t now_us = 1000000;

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
begin(struct end *e, bool is_client, bool screen)
{
	struct term_options o = { .rows = 24, .cols = 80, .unknown = is_client };
	engine_init(&e->engine, is_client);
	e->control = engine_open(&e->engine, STREAM_CONTROL, RANK_CONTROL, ROOM, ROOM);
	e->main = engine_open(&e->engine, STREAM_MAIN, screen ? RANK_TERMINAL : RANK_BULK,
	    OUT_MAX, MB);
	check(e->control && e->main);
	check(!screen || term_new(&o, &e->term) == 0);
}

static void
meet(struct end *from, struct end *to)
{
	struct buf positions;
	buf_init(&positions, ROOM);
	check(engine_positions(&from->engine, &positions) == 0);
	check(engine_set_positions(&to->engine, buf_span(&positions)) == 0);
	buf_finish(&positions);
	link_init(&from->link, now_us);
	check(engine_add(&from->engine, &from->link) == 0);
}

/* Everything that one end has to send now, as the loop does it. */
static void
carry(struct end *from, struct end *to)
{
	struct frame f;
	long len;
	bool more = true;
	while (more) {
		struct span behind;
		more = engine_fill_in_place(&from->engine, &from->link, &wire, ROOM, now_us,
		    &behind);
		check(link_received(&to->link, buf_span(&wire)) == 0);
		check(!behind.n || link_received(&to->link, behind) == 0);
		buf_drop(&wire, wire.len);
		while ((len = link_frame(&to->link, &f)) > 0) {
			check(engine_frame(&to->engine, &to->link, &f, now_us) == 0);
			link_drop(&to->link, len);
		}
		check(len == 0);
	}
}

static void
turn(void)
{
	now_us += 1000;
	carry(&server, &client);
	carry(&client, &server);
}

/* Lines with colours, as a log has them. */
static size_t
lines(char *text, size_t max)
{
	size_t len = 0;
	for (unsigned n = 0; len + 100 < max; n++)
		len += (size_t)snprintf(text + len, max - len,
		    "\033[3%um%08u\033[0m the quick brown fox jumps over the lazy dog\r\n",
		    n % 8, n);
	return len;
}

static void
output(size_t megabytes, bool screen)
{
	static char text[PIECE];
	size_t len = lines(text, sizeof text), total = megabytes * MB;
	while (total) {
		size_t n = len < total ? len : total;
		n = stream_write(server.main, text, n);
		if (screen)
			check(term_write(server.term, (const uint8_t *)text, n) == 0);
		turn();
		struct span held = stream_held(client.main);
		if (screen)
			check(term_write(client.term, held.p, held.n) == 0);
		stream_take(client.main, held.n);
		total -= n;
	}
}

static void
keys(size_t n)
{
	while (n--) {
		check(stream_write(client.main, "x", 1) == 1);
		turn();
		check(stream_held(server.main).n == 1);
		stream_take(server.main, 1);
		check(stream_write(server.main, "x", 1) == 1);
		check(term_write(server.term, (const uint8_t *)"x", 1) == 0);
		turn();
		check(stream_held(client.main).n == 1);
		check(term_write(client.term, (const uint8_t *)"x", 1) == 0);
		stream_take(client.main, 1);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	bool bulk = strcmp(argv[1], "bulk") == 0;
	size_t n = strtoul(argv[2], NULL, 10);
	buf_init(&wire, 4 * ROOM);
	begin(&client, true, !bulk);
	begin(&server, false, !bulk);
	meet(&client, &server);
	meet(&server, &client);
	if (strcmp(argv[1], "key") == 0)
		keys(n);
	else
		output(n, !bulk);
	return 0;
}
