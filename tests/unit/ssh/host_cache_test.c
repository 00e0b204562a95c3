/* With a cache and known_hosts files of its own, and the real ssh-keygen. */
#include "ssh/host_cache.h"
#include "sys/sys.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_ONE \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBRODNcwz7tNBzE9M3UoB0qpFZRy0r4mB3b6hd5Ccmt\n"
#define KEY_TWO \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKpUL9Kpd6QvE2rNpSUYkGm4ihr4ap2p2Vwyn5sVvyfo\n"

static char dir[64], known_hosts[96];

static void
put_file(const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	CHECK_EQ(sys_replace_file(path,
		     (struct span){ (const uint8_t *)text, strlen(text) }),
	    0);
}

static void
begin(void)
{
	snprintf(dir, sizeof dir, "/tmp/belay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(known_hosts, sizeof known_hosts, "%s/known", dir);
	CHECK_EQ(setenv("XDG_CACHE_HOME", dir, 1), 0);
	put_file("known", "host " KEY_ONE);
}

static void
end(void)
{
	static const char *const names[] = { "known", "known.old", "belay/plain-hosts",
		"belay/foreign-hosts", "belay/serving-hosts", "belay/key-known-hosts" };
	char path[160];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	snprintf(path, sizeof path, "%s/belay", dir);
	(void)rmdir(path);
	CHECK_EQ(rmdir(dir), 0);
}

/* What `ssh -G` says of the account `user`, and of what does not matter. */
static struct ssh_config *
config(const char *user, const char *compression)
{
	static struct ssh_config c;
	static char text[512];
	static const struct options o;
	int n = snprintf(text, sizeof text,
	    "user %s\nhostname host\nport 22\ncompression %s\nidentityfile ~/.ssh/a\n"
	    "userknownhostsfile %s %s2\n",
	    user, compression, known_hosts, known_hosts);
	ssh_config_from_options(&c, &o);
	ssh_config_parse(&c, (struct span){ (const uint8_t *)text, (size_t)n });
	return &c;
}

static bool
has(enum host_cache which, const char *user)
{
	return host_cache_has(which, config(user, "no"), NULL);
}

TEST(it_is_known_by_account_and_keys_whatever_else_is_set)
{
	char word[HOST_CACHE_WORD_MAX];
	begin();
	CHECK(!has(HOST_CACHE_PLAIN, "me"));
	host_cache_remember(HOST_CACHE_PLAIN, config("me", "no"), "tmux");
	CHECK(host_cache_has(HOST_CACHE_PLAIN, config("me", "yes"), word));
	CHECK_STR(word, "tmux");
	CHECK(!has(HOST_CACHE_PLAIN, "you"));
	CHECK(!has(HOST_CACHE_FOREIGN, "me"));
	end();
}

TEST(as_long_as_the_host_has_the_same_key)
{
	begin();
	host_cache_remember(HOST_CACHE_SERVES, config("me", "no"), "-");
	put_file("known", "other " KEY_TWO "host " KEY_ONE);
	CHECK(has(HOST_CACHE_SERVES, "me"));
	CHECK(has(HOST_CACHE_SERVES, "me")); /* the files as they are have been noted */
	put_file("known", "host " KEY_TWO);
	CHECK(!has(HOST_CACHE_SERVES, "me"));
	put_file("known", "");
	CHECK(!has(HOST_CACHE_SERVES, "me"));
	put_file("known", "host " KEY_ONE);
	CHECK(has(HOST_CACHE_SERVES, "me"));
	end();
}

TEST(what_is_forgotten_is_not_known_and_others_are)
{
	begin();
	for (enum host_cache which = HOST_CACHE_PLAIN; which <= HOST_CACHE_SERVES;
	     which++) {
		host_cache_remember(which, config("me", "no"), "-");
		host_cache_remember(which, config("you", "no"), "-");
	}
	CHECK(host_cache_forget(config("me", "no")));
	for (enum host_cache which = HOST_CACHE_PLAIN; which <= HOST_CACHE_SERVES;
	     which++)
		CHECK(!has(which, "me") && has(which, "you"));
	end();
}

TEST(without_a_configuration_nothing_is_known)
{
	struct ssh_config none = { 0 };
	begin();
	host_cache_remember(HOST_CACHE_FOREIGN, &none, "-");
	CHECK(!host_cache_has(HOST_CACHE_FOREIGN, &none, NULL));
	end();
}

/* Of this account, so many seconds ago. */
static void
write_line(const char *name, const char *file, const char *word, long ago_s)
{
	char path[160], text[160];
	struct buf b;
	unsigned long long key, files, digest;
	snprintf(path, sizeof path, "%s/belay/%s", dir, file);
	buf_init(&b, 64 * 1024);
	CHECK_EQ(sys_read_file(path, &b), 0);
	CHECK_EQ(sscanf(buf_str(&b), "%llx %*d %*s %llx %llx", &key, &files, &digest), 3);
	snprintf(text, sizeof text, "%016llx %lld %s %llx %llx\n", key,
	    (long long)sys_wall_s() - ago_s, word, files, digest);
	buf_finish(&b);
	put_file(name, text);
}

TEST(what_may_have_been_a_want_of_the_moment_counts_for_a_week)
{
	enum { DAY = 24 * 3600 };
	static const char name[] = "belay/foreign-hosts";
	begin();
	host_cache_remember(HOST_CACHE_FOREIGN, config("me", "no"), "-");
	write_line(name, "foreign-hosts", "-", 1000L * DAY);
	CHECK(has(HOST_CACHE_FOREIGN, "me"));
	write_line(name, "foreign-hosts", HOST_CACHE_PERHAPS, 6L * DAY);
	CHECK(has(HOST_CACHE_FOREIGN, "me"));
	write_line(name, "foreign-hosts", HOST_CACHE_PERHAPS, 8L * DAY);
	CHECK(!has(HOST_CACHE_FOREIGN, "me"));
	end();
}

TEST(the_oldest_go_where_there_are_too_many)
{
	enum { MANY = 1200, MOST = 1000 };
	static char text[MANY * 64];
	size_t len = 0, lines = 0;
	char path[160];
	struct buf b;
	begin();
	for (unsigned i = 0; i < MANY; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%016x 1 - 1 1\n",
		    i + 1);
	put_file("belay/serving-hosts", text);
	host_cache_remember(HOST_CACHE_SERVES, config("me", "no"), "-");
	snprintf(path, sizeof path, "%s/belay/serving-hosts", dir);
	buf_init(&b, sizeof text);
	CHECK_EQ(sys_read_file(path, &b), 0);
	for (const char *at = buf_str(&b); (at = strchr(at, '\n')); at++)
		lines++;
	CHECK(lines <= MOST);
	CHECK(!strstr(buf_str(&b), "0000000000000001 ") && strstr(buf_str(&b), "04b0 "));
	buf_finish(&b);
	CHECK(has(HOST_CACHE_SERVES, "me"));
	end();
}
