#include "test.h"
#include "tunnel/forward.h"

static struct forward f;

static bool
config(enum forward_kind kind, bool dynamic, const char *line)
{
	return forward_from_config(&f, kind, dynamic, false,
	    (struct span){ (const uint8_t *)line, strlen(line) });
}

/* "listen > connect" */
static const char *
shown(void)
{
	static char text[2 * TARGET_MAX + 40];
	char to[TARGET_MAX + 16];
	forward_text(&f.listen, text, sizeof text);
	forward_text(&f.connect, to, sizeof to);
	strcat(strcat(text, " > "), to);
	return text;
}

#define IS(text) CHECK_STR(shown(), text)

TEST(as_ssh_tells_the_configuration)
{
	CHECK(config(FORWARD_LOCAL, false, "8080 [example.org]:80"));
	IS("localhost:8080 > example.org:80");
	CHECK(config(FORWARD_LOCAL, false, "[127.0.0.2]:8080 [::1]:80"));
	IS("127.0.0.2:8080 > [::1]:80");
	CHECK(config(FORWARD_LOCAL, false, "[*]:8080 [fe80::1%eth0]:80"));
	IS("*:8080 > [fe80::1%eth0]:80");
	CHECK(config(FORWARD_LOCAL, false, "[]:8080 /run/x.sock"));
	IS("*:8080 > /run/x.sock");
	CHECK(config(FORWARD_LOCAL, false, "/tmp/a /tmp/b"));
	IS("/tmp/a > /tmp/b");
	CHECK(config(FORWARD_LOCAL, true, "1080"));
	IS("localhost:1080 > SOCKS");
	CHECK(config(FORWARD_REMOTE, false, "1080 [socks]:0"));
	IS("localhost:1080 > SOCKS");
	CHECK(config(FORWARD_REMOTE, false, "0 [localhost]:22"));
	IS("localhost:0 > localhost:22");
	CHECK_EQ(f.kind, FORWARD_REMOTE);
}

TEST(gateway_ports_are_for_who_listens_here)
{
	const char *line = "80 [x]:80";
	struct span span = { (const uint8_t *)line, strlen(line) };
	CHECK(forward_from_config(&f, FORWARD_LOCAL, false, true, span));
	IS("*:80 > x:80");
	CHECK(forward_from_config(&f, FORWARD_REMOTE, false, true, span));
	IS("localhost:80 > x:80");
}

TEST(nonsense_in_the_configuration)
{
	static const char *const lines[] = { "", " ", "x", "80", "80 ", "80 80",
		"80 x:80", "80 [x]", "80 [x]:", "80 [x]:y", "80 [x]:70000", "80 [x:80",
		"70000 [x]:80", "[x:80 [x]:80", "[x]80 [x]:80", "123456 [x]:80" };
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		CHECK(!config(FORWARD_LOCAL, false, lines[i]));
	char line[TARGET_MAX + 20] = "80 [";
	memset(line + 4, 'x', TARGET_MAX);
	strcpy(line + 4 + TARGET_MAX, "]:80");
	CHECK(!config(FORWARD_LOCAL, false, line));
}

TEST(as_typed)
{
	static const struct {
		char letter;
		const char *value, *shown;
	} good[] = {
		{ 'L', "8080:example.org:80", "localhost:8080 > example.org:80" },
		{ 'L', "127.0.0.1:8080:example.org:80",
		    "127.0.0.1:8080 > example.org:80" },
		{ 'L', "*:8080:x:80", "*:8080 > x:80" },
		{ 'L', ":8080:x:80", "*:8080 > x:80" },
		{ 'L', "[::1]:8080:[::2]:80", "[::1]:8080 > [::2]:80" },
		{ 'L', "8080:[::2]:80", "localhost:8080 > [::2]:80" },
		{ 'L', "/tmp/a:/tmp/b", "/tmp/a > /tmp/b" },
		{ 'L', "/tmp/a:x:80", "/tmp/a > x:80" },
		{ 'L', "80:/tmp/b", "localhost:80 > /tmp/b" },
		{ 'L', "localhost:80:/tmp/b", "localhost:80 > /tmp/b" },
		{ 'R', "0:x:80", "localhost:0 > x:80" },
		{ 'R', "1080", "localhost:1080 > SOCKS" },
		{ 'R', "*:1080", "*:1080 > SOCKS" },
		{ 'D', "1080", "localhost:1080 > SOCKS" },
		{ 'D', "[::1]:1080", "[::1]:1080 > SOCKS" },
	};
	static const struct {
		char letter;
		const char *value;
	} bad[] = { { 'L', "" }, { 'L', "80" }, { 'L', "80:x" }, { 'L', "80:x:y" },
		{ 'L', "80::80" }, { 'L', "a:b:c:d:e" }, { 'L', "x:y:z:80" },
		{ 'L', "[::1:80:x:80" }, { 'L', "[::1]x:80:x:80" }, { 'L', "65536:x:80" },
		{ 'D', "80:x:80" }, { 'D', "x" }, { 'R', "" }, { 'R', "x:y:z" },
		{ 'L', "/tmp/a:80:x:80" } };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK(forward_from_option(&f, good[i].letter, false, good[i].value));
		IS(good[i].shown);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!forward_from_option(&f, bad[i].letter, false, bad[i].value));
}
