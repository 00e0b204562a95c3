#include "ssh/control_master.h"
#include "test.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/master-test-XXXXXX", path[64];
static struct ssh_config config;

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

static void
begin(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/socket", dir);
	config = (struct ssh_config){ .control_path = text_span(path) };
}

static void
end(void)
{
	unlink(path);
	CHECK_EQ(rmdir(dir), 0);
}

static int
listener(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(a.sun_path, path);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
	CHECK_EQ(listen(fd, 1), 0);
	return fd;
}

TEST(without_a_path_nothing_is_shared)
{
	config = (struct ssh_config){ .control_persist = true };
	CHECK(!control_master_shares(&config) && !control_master_listens(&config));
}

TEST(a_path_where_nothing_is_is_not_shared_unless_it_is_to_stay)
{
	begin();
	CHECK(!control_master_shares(&config) && !control_master_listens(&config));
	config.control_persist = true;
	CHECK(control_master_shares(&config) && !control_master_listens(&config));
	end();
}

TEST(a_master_is_seen_while_it_listens)
{
	begin();
	int fd = listener();
	CHECK(control_master_shares(&config) && control_master_listens(&config));
	close(fd);
	/* what it leaves may be there for ssh, but does not answer */
	CHECK(control_master_shares(&config) && !control_master_listens(&config));
	end();
}

TEST(a_master_whose_queue_is_full_listens)
{
	int waiting[8], n = 0;
	begin();
	int fd = listener();
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, path);
	for (bool room = true; room && n < 8; n++) {
		waiting[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
		room = connect(waiting[n], (struct sockaddr *)&a, sizeof a) == 0;
	}
	CHECK(n < 8);
	CHECK(control_master_listens(&config));
	while (n)
		close(waiting[--n]);
	close(fd);
	end();
}

TEST(a_path_that_cannot_be_looked_at_is_left_to_ssh)
{
	static char much[300];
	memset(much, 'x', sizeof much - 1);
	much[0] = '/';
	config = (struct ssh_config){ .control_path = text_span(much) };
	CHECK(control_master_shares(&config) && !control_master_listens(&config));
	config.control_path = text_span("relative");
	CHECK(control_master_shares(&config) && !control_master_listens(&config));
}
