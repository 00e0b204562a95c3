/* A socket in the service manager's place (sd_notify(3)). */
#include "client/sd_notify.h"
#include "test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/belay-notify-XXXXXX";
static struct sockaddr_un place = { .sun_family = AF_UNIX };
static int manager;
static struct sd_notify n;
static struct forward_table forwards;
static struct report report;
static char said[4096];

static void
begin(const char *watchdog_us)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(place.sun_path, sizeof place.sun_path, "%s/notify", dir);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(manager >= 0);
	CHECK_EQ(bind(manager, (const struct sockaddr *)&place, sizeof place), 0);
	setenv("NOTIFY_SOCKET", place.sun_path, 1);
	if (watchdog_us)
		setenv("WATCHDOG_USEC", watchdog_us, 1);
	sd_notify_init(&n);
	report = (struct report){ .destination = "host",
		.state = POLICY_UP,
		.now_us = 1000 * 1000,
		.forwards = &forwards };
}

static void
end(void)
{
	close(manager);
	unlink(place.sun_path);
	rmdir(dir);
}

static const char *
hears(void)
{
	ssize_t len = recv(manager, said, sizeof said - 1, 0);
	said[len < 0 ? 0 : len] = 0;
	return said;
}

TEST(without_a_manager_nothing_is_said)
{
	unsetenv("NOTIFY_SOCKET");
	sd_notify_init(&n);
	CHECK_EQ(sd_notify_turn(&n, &report, true), 0);
}

TEST(children_are_not_meant)
{
	begin("1000000");
	CHECK(!getenv("NOTIFY_SOCKET") && !getenv("WATCHDOG_USEC"));
	end();
}

TEST(it_is_ready_once)
{
	begin(NULL);
	CHECK_EQ(sd_notify_turn(&n, &report, false), 0);
	CHECK(!strstr(hears(), "READY"));
	(void)sd_notify_turn(&n, &report, true);
	CHECK(strstr(hears(), "READY=1\n") && strstr(said, "STATUS=host: "));
	(void)sd_notify_turn(&n, &report, true);
	CHECK_STR(hears(), "");
	end();
}

TEST(what_has_changed_is_a_status)
{
	begin(NULL);
	(void)sd_notify_turn(&n, &report, true);
	(void)hears();
	report.state = POLICY_DOWN_WAIT;
	report.down_us = 1;
	(void)sd_notify_turn(&n, &report, false);
	CHECK(strncmp(hears(), "STATUS=host: ", 13) == 0 && !strstr(said, "READY"));
	end();
}

TEST(the_watchdog_hears_twice_in_its_time)
{
	begin("1000000");
	CHECK_EQ(sd_notify_turn(&n, &report, true), 1500 * 1000);
	CHECK(strstr(hears(), "WATCHDOG=1\n"));
	report.now_us += 499 * 1000;
	CHECK_EQ(sd_notify_turn(&n, &report, true), 1500 * 1000);
	CHECK_STR(hears(), "");
	report.now_us += 1000;
	CHECK_EQ(sd_notify_turn(&n, &report, true), 2000 * 1000);
	CHECK_STR(hears(), "WATCHDOG=1\n");
	end();
}

TEST(another_process_s_watchdog_is_not_ours)
{
	setenv("WATCHDOG_PID", "1", 1);
	begin("1000000");
	CHECK_EQ(n.watchdog_us, 0);
	CHECK_EQ(sd_notify_turn(&n, &report, true), 0);
	end();
}

TEST(plain_ssh_is_ready_and_not_watched)
{
	begin("1000000");
	sd_notify_last(&n, "host", "no server");
	CHECK_STR(hears(),
	    "READY=1\nWATCHDOG_USEC=0\nSTATUS=host: plain ssh: no server\n");
	end();
}

TEST(a_manager_that_is_gone_costs_nothing)
{
	begin(NULL);
	close(manager);
	unlink(place.sun_path);
	CHECK_EQ(sd_notify_turn(&n, &report, true), 0);
	CHECK(n.ready);
	manager = -1;
	rmdir(dir);
}
