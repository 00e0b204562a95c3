#include "client/settings.h"

#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct options o;
static struct settings s;
static char *words[20];
static char line[200];
static const struct settings_facts facts = { "web1.example.org", "web1", "deploy", "me" };

static void
begin(const char *arguments)
{
	int argc = 0;
	snprintf(line, sizeof line, "belay %s web1", arguments);
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		words[argc++] = word;
	words[argc] = NULL;
	CHECK_EQ(options_parse(&o, argc, words), 0);
	s = (struct settings){ 0 };
}

static void
end(void)
{
	options_finish(&o);
	settings_finish(&s);
}

static bool
reads(const char *text)
{
	static char copies[8][1000];
	static unsigned n;
	char *copy = copies[n++ % 8];
	snprintf(copy, sizeof copies[0], "%s", text);
	return settings_read_text(&s, &o, &facts, "config", copy);
}

TEST(patterns_are_as_sshs)
{
	static const struct {
		const char *patterns, *name;
		bool matches;
	} cases[] = {
		{ "web1", "web1", true },
		{ "WEB1", "web1", true },
		{ "web?", "web1", true },
		{ "web?", "web", false },
		{ "*", "web1", true },
		{ "*", "", true },
		{ "", "web1", false },
		{ "*.example.org", "web1.example.org", true },
		{ "*.example.org", "example.org", false },
		{ "db*,web*", "web1", true },
		{ "!web1,*", "web1", false },
		{ "*,!web1", "web1", false },
		{ "!web2", "web1", false },
		{ "*,!web2", "web1", true },
		{ "*b*1*", "web1", true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (settings_matches(cases[i].patterns, ',', cases[i].name)
		    != cases[i].matches)
			FAIL("%s and %s", cases[i].patterns, cases[i].name);
}

TEST(the_first_value_counts)
{
	begin("");
	CHECK(reads("# mine\n\n"
		    "Host web*\n  HistoryTime 7 # enough\n  history-time 8\n"
		    "Host *\n\tHistory = 200\n  linger=3d\n history 1\n"));
	CHECK_EQ(o.history_time_s, 7);
	CHECK_EQ(o.history, 200);
	CHECK_EQ(o.linger_s, 3 * 24 * 3600);
	CHECK_EQ(s.n, 3);
	CHECK_STR(s.list[0].source, "config:4");
	end();
}

TEST(the_command_line_comes_first)
{
	begin("--history=5 --return=auto");
	CHECK(reads("History 200\nReturn never\nPredict never\n"));
	CHECK_EQ(o.history, 5);
	CHECK_EQ(o.returns, RETURN_AUTO);
	CHECK(o.has_predict && s.n == 1);
	end();
}

TEST(what_does_not_match_sets_nothing)
{
	static const char *const never[] = { "Host db*\n", "Host web* !web1\n",
		"Match host db1\n", "Match originalhost web1 user root\n",
		"Match !localuser me\n", "Match user deploy !host *.org\n" };
	static const char *const always[] = { "", "Host db1 web1\n", "Match all\n",
		"Match host *.example.org user deploy\n",
		"Match !user root localuser me\n", "Host \"web1\"\n" };
	char text[200];
	for (size_t i = 0; i < 6; i++)
		for (int on = 0; on < 2; on++) {
			begin("");
			snprintf(text, sizeof text, "%sHistory 5\n",
			    on ? always[i] : never[i]);
			CHECK(reads(text));
			if (o.has_history != on)
				FAIL("%s", text);
			end();
		}
}

TEST(flags_are_yes_or_no)
{
	begin("");
	CHECK(reads("Wait no\nWait yes\nAlone yes\n"));
	CHECK(!o.wait && o.alone);
	end();
}

TEST(a_value_may_be_quoted)
{
	begin("");
	CHECK(reads("OnLost \"notify-send lost # really\"\n"));
	CHECK_STR(o.on_lost, "notify-send lost # really");
	end();
}

TEST(a_mistake_is_named_with_its_place)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "\nHistori 5\n",
		    "config:2: Histori: no such setting; belay_config(5) has them" },
		{ "Host db1\nKill 5\n",
		    "config:2: Kill: no such setting; belay_config(5) has them" },
		{ "History\n",
		    "config:1: History: the value is missing: a number, or all" },
		{ "History many\n", "config:1: History many: allowed: a number, or all" },
		{ "Predict maybe\n",
		    "config:1: Predict maybe: allowed: never|adaptive|always|experimental" },
		{ "Wait perhaps\n", "config:1: Wait perhaps: allowed: yes or no" },
		{ "OnLost a b\n", "config:1: OnLost: more than one value; quote it" },
		{ "Host\n", "config:1: Host: the pattern is missing" },
		{ "Match\n", "config:1: Match: what it is to match is missing" },
		{ "Match host\n", "config:1: Match host: the pattern is missing" },
		{ "Match exec true\n",
		    "config:1: Match exec: only host, originalhost, user, localuser and all are "
		    "known here" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin("");
		CHECK(!reads(cases[i].text));
		CHECK_STR(s.error, cases[i].error);
		end();
	}
}

TEST(the_environment_comes_before_the_files)
{
	begin("--linger=9");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	setenv("BELAY_HISTORY_TIME", "4", 1);
	setenv("BELAY_LINGER", "5", 1);
	setenv("BELAY_RETURN", "sometimes", 1);
	setenv("BELAY_ON_LOST", "variable", 1);
	setenv("BELAY_ON_BACK", "", 1);
	CHECK(settings_read(&s, &o, &(struct ssh_config){ 0 }));
	CHECK(reads("HistoryTime 8\n"));
	CHECK_EQ(o.history_time_s, 4);
	CHECK_EQ(o.linger_s, 9);
	CHECK_EQ(o.returns, RETURN_AUTO);
	CHECK_STR(o.on_lost, "variable");
	CHECK(!o.on_back);
	unsetenv("BELAY_ON_LOST");
	unsetenv("BELAY_ON_BACK");
	unsetenv("BELAY_HISTORY_TIME");
	unsetenv("BELAY_LINGER");
	unsetenv("BELAY_RETURN");
	end();
}

TEST(a_file_that_others_can_write_to_is_refused)
{
	char path[] = "/tmp/belay-settings-XXXXXX";
	int fd = mkstemp(path);
	CHECK(fd >= 0 && write(fd, "History 5\n", 10) == 10 && close(fd) == 0);
	static const mode_t modes[] = { 0600, 0644, 0664, 0602 };
	for (size_t i = 0; i < 4; i++) {
		begin("");
		CHECK_EQ(chmod(path, modes[i]), 0);
		bool ok = settings_read_file(&s, &o, &facts, path);
		CHECK_EQ(ok, i < 2);
		CHECK_EQ(o.has_history, i < 2);
		CHECK_EQ(s.error[0] != 0, i >= 2);
		end();
	}
	unlink(path);
	begin("");
	CHECK(settings_read_file(&s, &o, &facts, path)); /* there is none */
	end();
}

/* Whatever stands there: a mistake, or not. */
TEST(any_text_is_taken_or_named)
{
	static const char *const pieces[] = { "Host", "Match", " ", "\n", "\"", "=",
		"history", "5", "all", "*", "!", "web1", "#", "\t", "host", "\r\n",
		"on-lost", "x" };
	for (unsigned seed = 1; seed < 20000; seed++) {
		char text[400] = "";
		test_seed(seed);
		for (size_t n = test_below(30), at = 0; n; n--)
			at += (size_t)snprintf(text + at, sizeof text - at, "%s",
			    pieces[test_below(sizeof pieces / sizeof *pieces)]);
		begin("");
		bool ok = reads(text);
		CHECK_EQ(ok, !s.error[0]);
		end();
	}
}
