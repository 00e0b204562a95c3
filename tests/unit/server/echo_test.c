/* What clients are told of the echo: what is new, and once. */
#include "server/echo.h"

#include <pty.h>
#include <unistd.h>

#include "test.h"

static struct loop loop;
static struct clients clients;
static struct client *client;
static struct echo echo;
static int master, slave;

static void
begin(void)
{
	static const uint8_t id[ID_LEN] = { 1 };
	struct tty_size size = { .rows = 24, .cols = 80 };
	loop.now_us = 1000 * 1000;
	CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
	CHECK_EQ(clients_init(&clients, &loop, true, &size), 0);
	client = clients_add(&clients, id, ROLE_OWNER, false);
	CHECK(client);
	echo = (struct echo){ 0 };
	client->taken = client->predicts = true;
}

static void
end(void)
{
	clients_finish(&clients);
	close(slave);
	close(master);
}

static uint64_t
told(void)
{
	return stream_written(engine_stream(&client->engine, STREAM_CONTROL));
}

static void
set_echo(bool on)
{
	struct termios t;
	CHECK_EQ(tcgetattr(slave, &t), 0);
	t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
	CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
}

TEST(settings_are_told_when_they_change)
{
	begin();
	echo_shows(client, true, master);
	uint64_t before = told();
	CHECK(before > 0);
	echo_read(&echo, &clients, master, loop.now_us);
	CHECK_EQ(told(), before);
	set_echo(false);
	echo_read(&echo, &clients, master, loop.now_us);
	uint64_t changed = told();
	CHECK(changed > before);
	echo_read(&echo, &clients, master, loop.now_us);
	CHECK_EQ(told(), changed);
	end();
}

TEST(who_shows_nothing_is_told_nothing)
{
	begin();
	echo_shows(client, true, master);
	echo_shows(client, false, master);
	uint64_t before = told();
	set_echo(false);
	echo_read(&echo, &clients, master, loop.now_us);
	CHECK_EQ(told(), before);
	end();
}

TEST(a_change_behind_the_output_is_told_by_itself)
{
	uint64_t at;
	begin();
	echo_shows(client, true, master);
	echo_read(&echo, &clients, master, loop.now_us);
	uint64_t before = told();
	at = echo_turn(&echo, &clients, master, loop.now_us);
	CHECK(at && at <= loop.now_us + 100 * 1000);
	set_echo(false);
	(void)echo_turn(&echo, &clients, master, at);
	CHECK(told() > before);
	end();
}

TEST(a_terminal_at_rest_is_left_alone)
{
	uint64_t at = 0;
	unsigned looks = 0;
	begin();
	echo_shows(client, true, master);
	echo_read(&echo, &clients, master, loop.now_us);
	uint64_t before = told();
	while ((at = echo_turn(&echo, &clients, master, at)))
		CHECK(++looks < 10);
	CHECK(looks > 1);
	CHECK_EQ(told(), before);
	end();
}
