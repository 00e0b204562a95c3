/*
 * What a byte and a key cost on their way, to be counted by instructions (tests/count/run):
 * no system call is made, nothing is printed.
 *
 *    hot_path bulk MEGABYTES     a command's output, from one engine to the other
 *    hot_path screen MEGABYTES   a terminal's: the same, and the model on both sides
 *    hot_path key KEYS           a key to the host, and its echo back
 *    hot_path typed KEYS         a key and its echo on the client's screen, without prediction
 *    hot_path foreseen KEYS      the same with it: drawn, and seen to be right
 */
#include "screen/display.h"
#include "screen/predictions.h"
#include "stream/engine.h"
#include "term/term.h"

#include <fcntl.h>
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
		more = engine_fill_in_place(&from->engine, &from->link, &wire, ROOM,
		    now_us, &behind);
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

/* ---- the client's screen ---- */

enum { LINE = 40, EVERY_US = 200 * 1000, AWAY_US = 100 * 1000 };

static struct screen {
	struct loop loop;
	struct display display;
	struct stream stream;
	struct predictions predictions;
	uint64_t typed, told;
} screen;

static void
shows(const char *text)
{
	struct span bytes = { (const uint8_t *)text, strlen(text) };
	check(stream_on_data(&screen.stream, screen.told, bytes, 1) == 0);
	screen.told += bytes.n;
	screen.stream.in_promised = screen.told + ROOM;
	(void)predictions_turn(&screen.predictions);
	check(display_turn(&screen.display) && stream_held(&screen.stream).n == 0);
}

static void
types(const char *key)
{
	struct span bytes = { (const uint8_t *)key, strlen(key) };
	predictions_keys(&screen.predictions, bytes, screen.typed);
	screen.typed += bytes.n;
	(void)predictions_turn(&screen.predictions);
	check(display_turn(&screen.display));
}

static void
typing(size_t n, bool foreseen)
{
	struct term_options o = { .rows = 24, .cols = 80 };
	struct msg_echoed told = { .erase = 0x7f, .group = 1 };
	uint64_t drawn = 0;
	screen.loop.now_us = EVERY_US;
	stream_init(&screen.stream, STREAM_MAIN, RANK_TERMINAL, ROOM, ROOM);
	screen.stream.in_promised = ROOM;
	display_open(&screen.display, &screen.loop, open("/dev/null", O_WRONLY),
	    &screen.stream);
	check(term_new(&o, &screen.display.model) == 0);
	predictions_open(&screen.predictions, &screen.display, &screen.loop,
	    foreseen ? PREDICT_ALWAYS : PREDICT_NEVER);
	predictions_link(&screen.predictions, AWAY_US, false);
	for (size_t i = 0; i < n; i++) {
		if (i % LINE == 0)
			shows("\r\n\033[K$ ");
		screen.loop.now_us += EVERY_US - AWAY_US;
		types("x");
		drawn += screen.predictions.drawn != 0;
		screen.loop.now_us += AWAY_US;
		told.input = screen.typed;
		told.output = screen.told + 1;
		predictions_hint(&screen.predictions, &told);
		shows("x");
	}
	check(!foreseen || drawn > n * 9 / 10);
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	bool bulk = strcmp(argv[1], "bulk") == 0;
	size_t n = strtoul(argv[2], NULL, 10);
	bool foreseen = strcmp(argv[1], "foreseen") == 0;
	if (foreseen || strcmp(argv[1], "typed") == 0) {
		typing(n, foreseen);
		return 0;
	}
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
