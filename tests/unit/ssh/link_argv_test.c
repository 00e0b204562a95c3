#include "ssh/link_argv.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static struct ssh_config wanted;
static char joined[16 * 1024]; /* a word a line, with a line's end before the first */

/* Of this line, for a first link that is known and shares what the user's does. */
static struct carrier_plan
plan_of(struct options *o, const char *text)
{
	static char line[128], *words[16];
	int argc = 0;
	snprintf(line, sizeof line, "%s", text);
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		words[argc++] = word;
	words[argc] = NULL;
	CHECK_EQ(options_parse(o, argc, words), 0);
	return (struct carrier_plan){ .options = o,
		.wanted = &wanted,
		.ssh = "/ssh",
		.first = true,
		.known = true };
}

static const char *local; /* the program of LocalCommand */

static void
make(const struct carrier_plan *plan)
{
	struct link_argv a;
	size_t len = 0;
	CHECK_EQ(link_argv_make(&a, plan, "COMMAND", "MARK", NULL, local), 0);
	joined[len++] = '\n';
	for (char **word = a.words; *word; word++)
		len += (size_t)snprintf(joined + len, sizeof joined - len, "%s\n", *word);
	link_argv_finish(&a);
}

static const char *
at(const char *word)
{
	char whole[256];
	snprintf(whole, sizeof whole, "\n%s\n", word);
	return strstr(joined, whole);
}

TEST(a_later_link_shares_no_connection_whatever_the_line_says)
{
	static const char *const lines[] = {
		"belay -S /path host",
		"belay -S/path host",
		"belay host -S /path",
		"belay -M -4S /path host -MM",
		"belay -oControlPath=/path -oControlMaster=yes host",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct options o;
		struct carrier_plan plan = plan_of(&o, lines[i]);
		make(&plan);
		CHECK(strstr(joined, "/path\n") && !at("-Snone"));
		for (int alone = 0; alone < 2; alone++) {
			plan.first = plan.alone = alone;
			make(&plan);
			CHECK(at("-Snone") && at("-oControlMaster=no"));
			CHECK(!at("-M") && !at("-S"));
			CHECK(at("-4") || i != 3);
		}
		options_finish(&o);
	}
}

TEST(values_that_look_like_options_are_values)
{
	struct options o;
	struct carrier_plan plan = plan_of(&o, "belay -i -S -l -M host");
	plan.first = false;
	make(&plan);
	CHECK(strstr(joined, "\n-i\n-S\n") && strstr(joined, "\n-l\n-M\n"));
	options_finish(&o);
}

/* Also where a connection that is shared did not answer. */
TEST(on_a_host_that_is_not_known_ssh_tells_that_it_is_in)
{
	struct options o;
	struct carrier_plan plan = plan_of(&o, "belay host");
	for (int alone = 0; alone < 2; alone++) {
		plan.known = false;
		plan.alone = alone;
		make(&plan);
		CHECK(at("-oPermitLocalCommand=yes") && !at("-oPermitLocalCommand=no"));
		CHECK(at("-oLocalCommand=echo MARK login"));
		plan.known = true;
		make(&plan);
		CHECK(!strstr(joined, "LocalCommand=echo"));
	}
	plan.first = plan.known = false;
	make(&plan);
	CHECK(!strstr(joined, "LocalCommand=echo") && at("-oPermitLocalCommand=no"));
	options_finish(&o);
}

TEST(the_users_command_of_this_machine_is_aside_in_a_shell_of_posix)
{
	static const char users[] = "tell %h";
	struct options o;
	struct carrier_plan plan = plan_of(&o, "belay host");
	wanted.local_command = (struct span){ (const uint8_t *)users, sizeof users - 1 };
	wanted.permits_local = true;
	CHECK_EQ(setenv("SHELL", "/bin/bash", 1), 0);
	make(&plan);
	CHECK(at("-oLocalCommand={ tell %h\n} </dev/null >&2"));
	plan.known = false;
	make(&plan);
	CHECK(at("-oLocalCommand=echo MARK login; { tell %h\n} </dev/null >&2"));
	local = "/belay --local";
	make(&plan);
	CHECK(at(
	    "-oLocalCommand=echo MARK login; exec /belay --local 3<<'MARK'\ntell %h\nMARK"));
	local = NULL;
	CHECK_EQ(setenv("SHELL", "/usr/bin/fish", 1), 0);
	make(&plan);
	CHECK(at("-oLocalCommand=echo MARK login; tell %h"));
	plan.known = true;
	make(&plan);
	CHECK(!strstr(joined, "LocalCommand"));
	wanted.permits_local = false;
	plan.known = false;
	make(&plan);
	CHECK(at("-oLocalCommand=echo MARK login"));
	wanted = (struct ssh_config){ 0 };
	options_finish(&o);
}

TEST(a_master_for_those_whom_belay_lets_in)
{
	struct options o;
	struct carrier_plan plan = plan_of(&o,
	    "belay -M -S /path -oControlPersist=yes host");
	plan.master = "/run/u";
	for (int i = 0; i < 2; i++) {
		make(&plan);
		CHECK(at("-S/run/u") && at("-oControlMaster=yes") && !at("-M")
		    && !at("-S"));
		CHECK(strstr(joined, "-oControlPersist=no")
		    < strstr(joined, "ControlPersist=yes"));
		plan.first = false;
	}
	options_finish(&o);
}

TEST(without_memory_there_is_an_error)
{
	struct options o;
	struct link_argv a;
	struct carrier_plan plan = plan_of(&o, "belay host");
	test_fail_malloc(1);
	CHECK(link_argv_make(&a, &plan, "COMMAND", "MARK", NULL, NULL) < 0);
	test_fail_malloc(0);
	options_finish(&o);
}

TEST(who_makes_a_login_for_all_is_a_master_and_who_rides_makes_none)
{
	static const char *const lines[] = { "belay host", "belay -S /path -M host",
		"belay -J jump host", "belay host -J jump" };
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct options o;
		struct carrier_plan plan = plan_of(&o, lines[i]);
		plan.socket = "/dir/m1";
		plan.leads = true;
		make(&plan);
		CHECK(at("-S/dir/m1") && at("-oControlMaster=yes")
		    && at("-oControlPersist=10"));
		CHECK(!at("-Snone") && !at("-M") && !at("/path"));
		CHECK_EQ(at("-J") != NULL, i >= 2); /* its own way is the user's */
		plan.first = plan.leads = false;
		make(&plan);
		CHECK(at("-S/dir/m1") && at("-oControlMaster=no")
		    && at("-oControlPersist=no") && at("-oProxyCommand=false"));
		CHECK(at("-oBatchMode=yes"));
		plan.by_itself = true; /* then it may ask, and only that */
		make(&plan);
		CHECK(!at("-oBatchMode=yes"));
		CHECK(!at("-Snone") && !at("-M") && !at("/path"));
		CHECK(!at("-J") && !at("jump"));
		options_finish(&o);
	}
}
