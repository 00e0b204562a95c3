/*
 * Output on its way to the terminals of clients that come, go and stall, as the session has it:
 * what the program writes goes into the streams and the host's model, what a stream delivers
 * to a terminal (another model), and every window changes its size when it likes.
 */
#include "server/clients.h"

#include "term/line.h"
#include "test.h"

enum { SEEDS = 2000, LINE_MAX_LEN = 130, ROOM = 16 * 1024 * 1024 };

static struct loop loop;
static struct clients clients;
static struct client *client;
static struct link wire; /* of no kind: only that it is there */
static struct term *terminal;
static unsigned lines; /* that were written */
static bool starves; /* the host has no memory now and then */
static bool
    fits; /* others' windows are smaller now and then, and the session fits them */

static void
random_size(struct tty_size *size)
{
	*size = (struct tty_size){ .rows = (uint16_t)(1 + test_below(30)),
		.cols = (uint16_t)(12 + test_below(100)) };
}

static void
begin(const struct tty_size *size)
{
	static const uint8_t id[ID_LEN] = { 1 };
	struct term_options o = { size->rows, size->cols, 1000 * 1000, SIZE_MAX, false };
	CHECK_EQ(clients_init(&clients, &loop, true, size), 0);
	client = clients_add(&clients, id, ROLE_OWNER, false);
	CHECK(client);
	CHECK_EQ(term_new(&o, &terminal), 0);
	link_init(&wire, 1);
	lines = 0;
}

static void
end(void)
{
	if (client_here(client))
		engine_remove(&client->engine, &wire);
	clients_finish(&clients);
	link_finish(&wire);
	term_free(terminal);
}

/* ---- the way to the terminal ---- */

/* At most so many bytes arrive, are shown and acknowledged. */
static void
deliver(size_t max)
{
	struct stream *s = client->main;
	const uint8_t *bytes;
	bool at_end;
	s->out_limit = UINT64_MAX;
	while (max) {
		size_t n = stream_next(s, max, &bytes, &at_end);
		if (!n)
			break;
		CHECK_EQ(term_write(terminal, bytes, n), 0);
		stream_sent(s, n);
		CHECK_EQ(stream_on_ack(s, s->out_next, UINT64_MAX), 0);
		max -= n;
	}
}

static void
turn(void)
{
	loop.now_us += 1000 * 1000;
	(void)clients_catch_up(&clients, loop.now_us);
}

/* ---- the program ---- */

static void
write_bytes(const struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		uint8_t *room;
		bool again = clients.retry_us; /* it is not for long */
		test_memory = starves && !again && test_below(4) == 0 ? NO_MEMORY
								      : MEMORY;
		size_t n = clients_space(&clients, false, 1 + test_below(4096), &room);
		if (!n) { /* it waits */
			test_memory = MEMORY;
			deliver(1 + test_below(3000));
			turn();
			continue;
		}
		n = n < b->len - at ? n : b->len - at;
		memcpy(room, buf_bytes(b) + at, n);
		/* The model has its own tests without memory. */
		test_memory = test_memory ? NO_PAGES : MEMORY;
		clients_wrote(&clients, false, n);
		test_memory = MEMORY;
		at += n;
	}
}

/* A line has its number at both ends, and so cannot be taken for two. */
static void
put_line(struct buf *b, unsigned number)
{
	static const char *const colours[] = { "", "", "\033[31m", "\033[44m",
		"\033[7m" };
	const char *colour = colours[test_below(5)];
	buf_print(b, "%s<%u:", colour, number);
	for (size_t n = test_below(4) ? test_below(40) : test_below(LINE_MAX_LEN); n; n--)
		buf_putc(b, 'x');
	buf_print(b, ":%u>%s\r\n", number, *colour ? "\033[m" : "");
}

static void
write_something(void)
{
	struct buf b;
	buf_init(&b, ROOM);
	switch (test_below(8)) {
	case 0: /* what is redrawn in its line */
		for (size_t n = test_below(30); n; n--)
			buf_print(&b, "\r%zu%%\033[K", n);
		buf_print(&b, "\r\033[K");
		break;
	case 1: /* a program on the other screen */
		buf_print(&b, "\033[?1049h\033[H\033[2J");
		for (size_t n = test_below(100); n; n--)
			buf_print(&b, "\033[%zu;%zuH~", 1 + test_below(30),
			    test_below(80));
		buf_print(&b, "\033[?1049l");
		break;
	case 2: /* a prompt, which asks the terminal something */
		buf_print(&b, "\033[6n\033[?2004h$ ls\033[?2004l\r\n");
		break;
	default:
		for (size_t n = 1 + test_below(60); n; n--)
			put_line(&b, lines++);
	}
	write_bytes(&b);
	buf_finish(&b);
}

/* ---- the client ---- */

static void
goes(void)
{
	if (client_here(client))
		engine_remove(&client->engine, &wire);
}

static void
tell_size(void)
{
	CHECK_EQ(term_resize(clients.term, term_rows(terminal), term_cols(terminal)), 0);
}

static void
comes(void)
{
	if (client_here(client))
		return;
	CHECK_EQ(engine_add(&client->engine, &wire), 0);
	tell_size();
}

static void
window_changes(void)
{
	struct tty_size size;
	random_size(&size);
	/* Between CR and LF any terminal loses the rest of a line that is broken then. */
	while (
	    terminal->col == 0 && term_row(terminal)->used && stream_unsent(client->main))
		deliver(1);
	CHECK_EQ(term_resize(terminal, size.rows, size.cols), 0);
}

/* Another's window, which is smaller mostly, comes or goes. */
static void
frame_changes(void)
{
	struct tty_size size;
	random_size(&size);
	clients.fit = !clients.fit;
	client->size = (struct tty_size){ .rows = (uint16_t)term_rows(terminal),
		.cols = (uint16_t)term_cols(terminal) };
	if (clients.fit)
		CHECK_EQ(term_resize(clients.term, 1 + size.rows / 2, 2 + size.cols / 2),
		    0);
	else
		tell_size();
}

static void
settle(void)
{
	clients.fit = false;
	comes();
	tell_size();
	for (int i = 0; i < 4; i++) {
		deliver(SIZE_MAX);
		turn();
	}
	CHECK(!client->behind && !stream_unacked(client->main));
}

/* ---- what is seen in the end ---- */

static void
put_text(struct buf *out, const struct row *r)
{
	uint8_t own[4];
	for (int x = 0; x < r->used; x++) {
		struct span text = cell_text(terminal, r->cells[x], own);
		if (!(r->cells[x].ch & CELL_TAIL) && *text.p != ' ')
			(void)buf_put(out, text.p, text.n);
	}
}

static void
seen(struct buf *out)
{
	struct line_reader r;
	struct line_cell c;
	for (uint64_t i = terminal->history.first; i < terminal->history.next; i++) {
		line_read(&r, history_get(&terminal->history, i).text);
		while (line_next(&r, &c))
			if (*c.text.p != ' ')
				(void)buf_put(out, c.text.p, c.text.n);
	}
	for (int y = 0; y < term_rows(terminal); y++)
		put_text(out, grid_row(&terminal->main.grid, y));
}

/* Returns the next one whole; UINT32_MAX: there is none. */
static unsigned
next_line(const char **at)
{
	unsigned number, again;
	const char *p = strchr(*at, '<');
	if (!p || sscanf(p, "<%u:", &number) != 1)
		return UINT32_MAX;
	for (p = strchr(p, ':') + 1; *p == 'x';)
		p++;
	if (sscanf(p, ":%u>", &again) != 1 || again != number)
		FAIL("line %u is torn: %.60s", number, *at);
	*at = strchr(p, '>') + 1;
	return number;
}

/* Of those that could not be kept the terminal is told. */
static void
check_every_line_once(void)
{
	struct buf b;
	buf_init(&b, ROOM);
	seen(&b);
	const char *at = buf_str(&b);
	if (getenv("TERM_SEED"))
		printf("%s\n", at);
	unsigned number = 0, got;
	bool lost = strstr(at, "couldnotbekept");
	CHECK(starves || !lost);
	for (; (got = next_line(&at)) != UINT32_MAX; number++) {
		if (lost && got > number)
			number = got;
		CHECK_EQ(got, number);
	}
	CHECK(lost || number == lines);
	buf_finish(&b);
}

static void
for_seeds(void (*check)(void), uint64_t seeds)
{
	const char *one = getenv("TERM_SEED");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	for (uint64_t seed = first; seed < first + (one ? 1 : seeds); seed++) {
		test_seed(seed);
		check();
	}
}

static void
live(void)
{
	struct tty_size size;
	random_size(&size);
	begin(&size);
	clients.retained_max = 200 + test_below(20000);
	for (int steps = 40; steps; steps--) {
		if (fits && test_below(5) == 0)
			frame_changes();
		switch (test_below(10)) {
		case 0:
			goes();
			break;
		case 1:
			comes();
			break;
		case 2:
			window_changes();
			break;
		case 3:
			if (client_here(client))
				tell_size();
			break;
		case 4: /* another's window counts now */
			random_size(&size);
			CHECK_EQ(term_resize(clients.term, size.rows, size.cols), 0);
			break;
		case 5:
			if (client_here(client))
				deliver(test_below(30000));
			break;
		default:
			write_something();
		}
		turn();
	}
	settle();
	check_every_line_once();
	end();
}

TEST(every_line_is_shown_once_whatever_the_sizes)
{
	starves = false;
	for_seeds(live, SEEDS);
}

TEST(no_line_is_shown_twice_without_memory)
{
	starves = true;
	for_seeds(live, SEEDS);
}

TEST(every_line_is_shown_once_behind_frames)
{
	starves = false;
	fits = true;
	for_seeds(live, SEEDS / 2);
	starves = true;
	for_seeds(live, SEEDS / 4);
	fits = starves = false;
}

/* ---- whose window counts ---- */

TEST(the_smallest_window_counts_while_somebody_wants_it_to_fit)
{
	struct tty_size now = { 24, 80, 0, 0 }, size;
	static struct link other_wire;
	static const uint8_t id[ID_LEN] = { 2 };
	begin(&now);
	CHECK_EQ(engine_add(&client->engine, &wire), 0);
	client->size = (struct tty_size){ 50, 70, 700, 1000 };
	struct client *other = clients_add(&clients, id, ROLE_SHARER, true);
	link_init(&other_wire, 1);
	CHECK_EQ(engine_add(&other->engine, &other_wire), 0);
	other->size = (struct tty_size){ 20, 90, 900, 400 };
	CHECK(!clients_size(&clients, &now, &size)); /* nobody wants it */
	other->fits = true;
	CHECK(clients_size(&clients, &now, &size) && clients.fit);
	CHECK(size.rows == 20 && size.cols == 70 && size.xpixel == 700
	    && size.ypixel == 400);
	CHECK(!clients_size(&clients, &size, &now)); /* it is so */
	CHECK_EQ(term_resize(clients.term, 20, 70), 0);
	turn();
	CHECK(client->framed && other->framed); /* each is larger one way */
	other->role = ROLE_READER;
	CHECK(clients_size(&clients, &size, &now) && !clients.fit);
	CHECK(now.rows == 50 && now.cols == 70); /* of who is here */
	other->role = ROLE_SHARER;
	other->size = (struct tty_size){ 0 }; /* it has none */
	CHECK(!clients_size(&clients, &size, &now) && !clients.fit);
	engine_remove(&other->engine, &other_wire);
	clients_remove(&clients, other);
	link_finish(&other_wire);
	end();
}

/* Who comes has the focus; colours may be others there. */
TEST(a_new_terminal_reports_what_the_program_wants_to_hear_of)
{
	struct tty_size size = { 24, 80, 0, 0 };
	static const uint8_t ids[2][ID_LEN] = { { 2 }, { 3 } };
	static const enum role roles[2] = { ROLE_SHARER, ROLE_READER };
	static const char modes[] = "\033[?1004h\033[?2031h";
	static struct link wires[2];
	struct client *others[2];
	struct buf b, answers;
	begin(&size);
	buf_init(&b, ROOM);
	buf_init(&answers, ROOM);
	CHECK_EQ(engine_add(&client->engine, &wire), 0);
	buf_print(&b, modes);
	write_bytes(&b);
	for (int i = 0; i < 2; i++) {
		others[i] = clients_add(&clients, ids[i], roles[i], true);
		link_init(&wires[i], 1);
		CHECK_EQ(engine_add(&others[i]->engine, &wires[i]), 0);
	}
	turn();
	CHECK(!others[0]->behind && !others[1]->behind);
	struct span told = clients_input(&clients);
	CHECK(told.n == 3 && memcmp(told.p, "\033[I", 3) == 0);
	clients_took(&clients, told.n);
	CHECK_EQ(clients_input(&clients).n, 0);
	for (int i = 0; i < 2; i++) {
		term_free(terminal);
		struct term_options o = { 24, 80, 100, SIZE_MAX, false };
		static const uint16_t white[3] = { 0xffff, 0xffff, 0xffff };
		const uint8_t *bytes;
		bool at_end;
		CHECK_EQ(term_new(&o, &terminal), 0);
		CHECK_EQ(term_colour_is(terminal, 11, white), 0);
		buf_drop(&answers, answers.len);
		term_answer_to(terminal, &answers);
		others[i]->main->out_limit = UINT64_MAX;
		size_t n = stream_next(others[i]->main, SIZE_MAX, &bytes, &at_end);
		CHECK_EQ(term_write(terminal, bytes, n), 0);
		CHECK(term_wants_focus(terminal) && term_wants_scheme(terminal));
		CHECK_STR(buf_str(&answers), i ? "" : "\033[?997;2n");
		engine_remove(&others[i]->engine, &wires[i]);
		clients_remove(&clients, others[i]);
		link_finish(&wires[i]);
	}
	buf_finish(&answers);
	buf_finish(&b);
	end();
}

/* Nobody waits for one, nor does it get what is for another size. */
TEST(one_in_a_frame_gets_pictures_only)
{
	struct tty_size size = { 24, 80, 0, 0 };
	uint8_t *room;
	begin(&size);
	CHECK_EQ(engine_add(&client->engine, &wire), 0);
	client->size = size;
	clients.fit = true;
	CHECK_EQ(term_resize(clients.term, 5, 20), 0);
	turn();
	CHECK(client->framed && client->behind);
	for (int i = 0; i < 100; i++) {
		CHECK(clients_space(&clients, false, 4096, &room) == 4096);
		memset(room, 'x', 4096);
		clients_wrote(&clients, false, 4096);
		turn();
	}
	CHECK(stream_unacked(client->main) < 2000);
	deliver(SIZE_MAX);
	turn();
	deliver(SIZE_MAX);
	CHECK(term_on_alternate(terminal));
	CHECK(grid_row(&terminal->alternate.grid, 4)->cells[19].ch == 'x');
	CHECK(grid_row(&terminal->alternate.grid, 4)->cells[20].ch == '|');
	size_t had = stream_written(client->main);
	turn(); /* nothing has changed */
	CHECK_EQ(stream_written(client->main), had);
	/* The program ends: all of it is for the window. */
	clients_exit(&clients, &(struct msg_exit){ EXIT_STATUS, 0 });
	for (int i = 0; i < 4; i++) {
		turn();
		deliver(SIZE_MAX);
	}
	CHECK(!client->framed && !client->behind && !term_on_alternate(terminal));
	CHECK(client->main->out_ended);
	end();
}

/* ---- a return to the window where it was left ---- */

/* The next line that is whole, with what was cut off passed over. */
static unsigned
next_whole(const char **at)
{
	for (const char *p; (p = strchr(*at, '<')); *at = p + 1) {
		unsigned number, again;
		int n = 0;
		if (sscanf(p, "<%u:", &number) != 1)
			continue;
		const char *end = strchr(p, ':') + 1;
		end += strspn(end, "x");
		if (sscanf(end, ":%u>%n", &again, &n) == 1 && n && again == number) {
			*at = end + n;
			return number;
		}
	}
	return UINT32_MAX;
}

static unsigned
first_on_screen(void)
{
	struct buf b;
	struct term *shows = terminal;
	buf_init(&b, ROOM);
	terminal = clients.term;
	for (int y = 0; y < term_rows(clients.term); y++)
		put_text(&b, grid_row(&clients.term->main.grid, y));
	terminal = shows;
	buf_putc(&b, 0);
	const char *at = buf_str(&b);
	unsigned first = next_whole(&at);
	buf_finish(&b);
	return first;
}

static void
local_shell_speaks(void)
{
	static const char local[] = "\r\n=local=\r\n";
	struct buf b;
	buf_init(&b, ROOM);
	buf_putc(&b, 0x18);
	CHECK_EQ(term_undo(terminal, &b), 0);
	CHECK_EQ(term_write(terminal, buf_bytes(&b), b.len), 0);
	CHECK_EQ(term_write(terminal, local, sizeof local - 1), 0);
	buf_finish(&b);
}

/* Returns the first line that it may show a second time, where all was shown before. */
static unsigned
leave_and_return(bool all)
{
	static uint8_t id[ID_LEN];
	if (all)
		settle();
	struct msg_seen m = { .offset = client->main->out_acked };
	memcpy(m.client, client->id, ID_LEN);
	unsigned first = lines, on_screen;
	goes();
	clients_remove(&clients, client);
	local_shell_speaks();
	for (size_t n = test_below(4); n; n--)
		write_something();
	memset(id, (int)(1 + test_below(250)), 1);
	id[1]++;
	client = clients_add(&clients, id, ROLE_OWNER, true);
	CHECK(client);
	client->history_rows = UINT32_MAX;
	clients_return(&clients, client, &m);
	comes();
	on_screen = first_on_screen();
	return on_screen < first ? on_screen : first;
}

static void
returns(void)
{
	struct tty_size size;
	struct buf b;
	uint8_t shown[4096] = { 0 };
	random_size(&size);
	begin(&size);
	clients.retained_max = 200 + test_below(20000);
	for (int times = 3; times; times--) {
		for (size_t n = test_below(8); n; n--) {
			write_something();
			if (test_below(2))
				deliver(test_below(3000));
			turn();
		}
		bool all = test_below(2);
		unsigned first = leave_and_return(all);
		settle();
		buf_init(&b, ROOM);
		seen(&b);
		buf_putc(&b, 0);
		const char *at = buf_str(&b), *local = at;
		for (const char *p = at; (p = strstr(p, "=local=")); local = ++p)
			;
		unsigned again = next_whole(&local);
		if (all && again < first)
			FAIL("line %u is shown again, %u is the first that may", again,
			    first);
		buf_finish(&b);
	}
	buf_init(&b, ROOM);
	seen(&b);
	buf_putc(&b, 0);
	const char *at = buf_str(&b);
	for (unsigned number; (number = next_whole(&at)) != UINT32_MAX;)
		shown[number % sizeof shown] = 1;
	CHECK(lines < sizeof shown);
	for (unsigned i = 0; i < lines; i++)
		if (!shown[i])
			FAIL("line %u is lost", i);
	buf_finish(&b);
	end();
}

TEST(a_return_to_the_window_shows_what_is_new_and_loses_nothing)
{
	starves = false;
	for_seeds(returns, SEEDS / 4);
}

/* Nor does the program wait for ever, as long as there is the room of the last time. */
TEST(a_client_without_memory_is_left_behind)
{
	struct tty_size size = { 24, 80, 0, 0 };
	uint8_t *room;
	begin(&size);
	CHECK(clients_space(&clients, false, 4096, &room) > 6);
	memcpy(room, "half a", 6);
	clients_wrote(&clients, false, 6);
	stream_wrote(client->main, 8192); /* of what was reserved */
	test_memory = NO_PAGES;
	for (int i = 0; i < 2 && !client->behind; i++) {
		CHECK(clients_space(&clients, false, 1, &room));
		CHECK_EQ(clients_space(&clients, false, 4096, &room) > 0, i > 0);
		CHECK_EQ(clients_space(&clients, false, 1, &room), i > 0);
		turn();
	}
	CHECK(client->behind);
	test_memory = MEMORY;
	end();
}

/* ---- a silent outage ---- */

/* Writes until the program waits. */
static void
fill(void)
{
	uint8_t *room;
	for (size_t n; (n = clients_space(&clients, false, 4096, &room));) {
		memset(room, 'x', n);
		clients_wrote(&clients, false, n);
		CHECK(stream_unacked(client->main) < 1024 * 1024);
	}
}

static void
check_waits_until(uint64_t us)
{
	uint8_t *room;
	fill();
	CHECK_EQ(clients_catch_up(&clients, loop.now_us), us);
	loop.now_us = us - 1;
	CHECK_EQ(clients_space(&clients, false, 4096, &room), 0);
	loop.now_us = us;
	CHECK(clients_space(&clients, false, 4096, &room));
}

TEST(the_program_goes_on_after_a_while_without_an_answer)
{
	struct tty_size size = { 24, 80, 0, 0 };
	begin(&size);
	loop.now_us = 1000;
	CHECK_EQ(engine_add(&client->engine, &wire), 0);
	fill();
	uint8_t *room;
	loop.now_us += 1000ull * 1000
	    * 1000; /* nothing was sent: as long as that takes */
	CHECK_EQ(clients_space(&clients, false, 4096, &room), 0);
	link_asked(&wire, loop.now_us);
	check_waits_until(loop.now_us + 5 * 1000 * 1000);
	link_heard(&wire, false, loop.now_us); /* it answers again */
	fill();
	wire.srtt_us = 700 * 1000;
	link_asked(&wire, loop.now_us);
	check_waits_until(loop.now_us + 7 * 1000 * 1000);
	end();
}

/* ---- the end ---- */

TEST(how_the_program_ended_is_told_when_there_is_memory)
{
	static const uint8_t id[ID_LEN] = { 1 };
	const struct tty_size size = { 24, 80, 0, 0 };
	const struct msg_exit m = { EXIT_STATUS, 3 };
	for (int pty = 0; pty < 2; pty++) {
		CHECK_EQ(clients_init(&clients, &loop, pty, &size), 0);
		client = clients_add(&clients, id, ROLE_OWNER, false);
		CHECK(client);
		test_memory = NO_MEMORY;
		clients_exit(&clients, &m);
		CHECK(clients_forward(&clients, 1) > 1);
		CHECK_EQ(stream_written(client->control), 0);
		CHECK(!client->control->out_ended && !client->main->out_ended);
		test_memory = MEMORY;
		(void)clients_forward(&clients, 2);
		CHECK(stream_written(client->control) > 0);
		CHECK(client->control->out_ended && client->main->out_ended);
		(void)clients_forward(&clients, 3);
		clients_finish(&clients);
	}
}
