#include "ssh/shared_login.h"
#include "test.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char place[] = "/tmp/shared-login-XXXXXX";
static struct shared_login s, t;

static const char usual[] = "host h\nuser u\nhostname h\nport 22\nforwardagent no\n";

static struct ssh_config
config_of(const char *text)
{
	struct ssh_config c = { 0 };
	struct buf answer;
	buf_init(&answer, 64 * 1024);
	CHECK_EQ(buf_put(&answer, text, strlen(text)), 0);
	ssh_config_read(&c, &answer);
	return c;
}

static void
begin(void)
{
	strcpy(place + sizeof place - 7, "XXXXXX");
	CHECK(mkdtemp(place));
	setenv("XDG_RUNTIME_DIR", place, 1);
	setenv("SSH_AUTH_SOCK", "/agent", 1);
	s = t = (struct shared_login){ 0 };
}

static void
end(void)
{
	char command[128];
	shared_login_close(&s);
	shared_login_close(&t);
	snprintf(command, sizeof command, "rm -r %s", place);
	CHECK_EQ(system(command), 0);
}

/* Whether a window with this configuration comes to the board of the usual one. */
static bool
is_shared(const char *text, const char *ssh)
{
	struct ssh_config a = config_of(usual), b = config_of(text);
	CHECK(shared_login_open(&s, &a, "/usr/bin/ssh"));
	CHECK(shared_login_open(&t, &b, ssh));
	bool same = s.key == t.key;
	ssh_config_finish(&a);
	ssh_config_finish(&b);
	return same;
}

TEST(all_that_ssh_says_has_to_be_equal_but_what_belay_carries)
{
	static const struct {
		const char *text;
		bool same;
	} cases[] = { { "", true }, { "localforward 1 [h]:2\n", true },
		{ "requesttty force\n", true }, { "escapechar %\n", true },
		{ "remotecommand ls\n", true }, { "forwardx11 yes\n", true },
		{ "compression yes\n", false }, { "hostkeyalias x\n", false },
		{ "identityfile ~/.ssh/other\n", false }, { "bindaddress ::1\n", false },
		{ "addressfamily inet\n", false }, { "setenv A=b\n", false },
		{ "keywordofnextyear 1\n", false } };
	begin();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[256];
		snprintf(text, sizeof text, "%s%s", usual, cases[i].text);
		CHECK_EQ(is_shared(text, "/usr/bin/ssh"), cases[i].same);
	}
	CHECK(!is_shared("host h\nuser u\nhostname h\nport 22\nforwardagent yes\n",
	    "/usr/bin/ssh"));
	CHECK(!is_shared("host h\nuser v\nhostname h\nport 22\nforwardagent no\n",
	    "/usr/bin/ssh"));
	CHECK(!is_shared(usual, "/opt/ssh"));
	end();
}

TEST(another_agent_is_another_login)
{
	begin();
	struct ssh_config c = config_of(usual);
	CHECK(shared_login_open(&s, &c, "/ssh"));
	setenv("SSH_AUTH_SOCK", "/other", 1);
	CHECK(shared_login_open(&t, &c, "/ssh"));
	CHECK(s.key != t.key);
	ssh_config_finish(&c);
	c = config_of("host h\nhostname h\nforwardagent $MY_AGENT\n");
	setenv("MY_AGENT", "/a", 1);
	CHECK(shared_login_open(&s, &c, "/ssh"));
	setenv("MY_AGENT", "/b", 1);
	CHECK(shared_login_open(&t, &c, "/ssh"));
	CHECK(s.key != t.key);
	ssh_config_finish(&c);
	end();
}

TEST(what_one_window_has_alone_is_not_shared)
{
	static const char *const texts[] = { "hostname h\ncontrolpath /x\n",
		"hostname h\nproxycommand nc %h %p\n", "hostname h\nproxyjump j\n",
		"hostname h\npermitlocalcommand yes\nlocalcommand ls\n",
		"hostname h\ntunnel yes\n" };
	struct ssh_config c = config_of("hostname h\nproxycommand none\n"
					"controlpath none\nlocalcommand ls\n");
	CHECK(shared_login_may(&c));
	ssh_config_finish(&c);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		c = config_of(texts[i]);
		CHECK(!shared_login_may(&c));
		ssh_config_finish(&c);
	}
	c = (struct ssh_config){ 0 }; /* ssh -G has not answered */
	CHECK(!shared_login_may(&c));
}

/* The name of the file is only a hash. */
TEST(a_board_of_another_login_is_none)
{
	struct login_board b;
	const char *name = "m1";
	char path[256];
	begin();
	struct ssh_config c = config_of(usual);
	CHECK(shared_login_open(&s, &c, "/ssh"));
	snprintf(path, sizeof path, "%s/belay/login-%016llx", place,
	    (unsigned long long)s.key);
	int fd = open(path, O_RDWR);
	CHECK(fd >= 0 && pwrite(fd, "S", 1, LOGIN_TEXT_MAX) == 1);
	close(fd);
	CHECK(shared_login_take(&s, &b));
	login_board_ride(&b, (long)getpid(), &name, 1);
	shared_login_put(&s, &b);
	CHECK(!shared_login_open(&t, &c, "/ssh") && !t.open);
	ssh_config_finish(&c);
	end();
}

TEST(a_damaged_board_begins_anew_once_nobody_uses_it)
{
	static const struct {
		off_t at;
		off_t size;
		const char *bytes;
	} damages[] = { { 0, LOGIN_TEXT_MAX, "x" }, { 0, 100000, "x" }, { 0, 10, "x" },
		{ LOGIN_TEXT_MAX + 3, 0, "?" },
		{ 0, 0, "link 134217727 m1\nleader 134217727 7 1\n" },
		{ 0, LOGIN_TEXT_MAX, "link 134217727 m1\nleader 134217727 7 1\n" } };
	struct login_board b;
	char path[256];
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		begin();
		struct ssh_config c = config_of(usual);
		CHECK(shared_login_open(&s, &c, "/ssh"));
		snprintf(path, sizeof path, "%s/belay/login-%016llx", place,
		    (unsigned long long)s.key);
		shared_login_close(&s);
		int fd = open(path, O_RDWR);
		CHECK(fd >= 0);
		CHECK(!damages[i].size || ftruncate(fd, damages[i].size) == 0);
		CHECK(
		    pwrite(fd, damages[i].bytes, strlen(damages[i].bytes), damages[i].at)
		    > 0);
		close(fd);
		CHECK(shared_login_open(&s, &c, "/ssh"));
		CHECK(shared_login_open(&t, &c, "/ssh"));
		CHECK(shared_login_read(&t, &b));
		CHECK(b.n_riders == 0 && !b.leader);
		ssh_config_finish(&c);
		end();
	}
}

TEST(what_one_writes_another_reads)
{
	struct login_board b;
	const char *name = "m1";
	struct stat st;
	begin();
	struct ssh_config c = config_of(usual);
	CHECK(shared_login_open(&s, &c, "/ssh") && shared_login_open(&t, &c, "/ssh"));
	CHECK(stat(s.dir, &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(shared_login_take(&s, &b));
	struct login_board other;
	CHECK(!shared_login_take(&t, &other)); /* and it is not waited for long */
	login_board_publish(&b, name, true);
	login_board_ride(&b, (long)getpid(), &name, 1);
	shared_login_put(&s, &b);
	CHECK(shared_login_take(&t, &other));
	CHECK_STR(other.master, name);
	CHECK_EQ(other.n_riders, 1);
	login_board_ride(&other, 0x7ffffff, &name, 1); /* no such process */
	shared_login_put(&t, &other);
	CHECK(shared_login_read(&s, &b));
	CHECK_EQ(b.n_riders, 1);
	shared_login_close(&t);
	CHECK(shared_login_read(&s, &b));
	CHECK_EQ(b.n_riders, 0);
	ssh_config_finish(&c);
	end();
}

TEST(a_master_is_there_while_it_listens)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[LOGIN_NAME_MAX], path[SHARED_LOGIN_PATH_MAX], got[64];
	begin();
	struct ssh_config c = config_of(usual);
	CHECK(shared_login_open(&s, &c, "/ssh"));
	shared_login_name(name);
	shared_login_path(&s, name, path);
	CHECK(!shared_login_listens(&s, name));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(a.sun_path, path);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
	CHECK(!shared_login_listens(&s, name));
	CHECK_EQ(listen(fd, 4), 0);
	CHECK(shared_login_listens(&s, name));
	/* Of PROTOCOL.mux: MUX_MSG_HELLO of version 4, MUX_C_TERMINATE. */
	shared_login_end(&s, name);
	close(accept(fd, NULL, NULL));
	int master = accept(fd, NULL, NULL);
	CHECK_EQ(read(master, got, sizeof got), 24);
	CHECK(
	    memcmp(got, "\0\0\0\10\0\0\0\1\0\0\0\4\0\0\0\10\20\0\0\5\0\0\0\0", 24) == 0);
	close(master);
	close(fd);
	ssh_config_finish(&c);
	end();
}
