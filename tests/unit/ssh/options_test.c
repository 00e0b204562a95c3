#include "base/buf.h"
#include "base/err.h"
#include "ssh/options.h"
#include "ssh/own_options.h"
#include "test.h"

enum { WORDS_MAX = 32 };

/* A command line, and what it was parsed into. */
static struct {
	char line[512];
	char *argv[WORDS_MAX];
	int argc;
	struct options o;
} t;

/* Words are separated by single blanks; "" stands for an empty one. */
static void
split(const char *line)
{
	snprintf(t.line, sizeof t.line, "belay %s", line);
	t.argc = 0;
	for (char *p = t.line; p; t.argc++) {
		char *blank = strchr(p, ' ');
		if (blank)
			*blank = 0;
		t.argv[t.argc] = strcmp(p, "\"\"") == 0 ? p + 2 : p;
		p = blank ? blank + 1 : NULL;
	}
	t.argv[t.argc] = NULL;
}

static void
parse(const char *line)
{
	split(line);
	CHECK_EQ(options_parse(&t.o, t.argc, t.argv), 0);
	CHECK(t.o.link_args[t.o.n_link_args] == NULL);
}

static void
join(char **words, char *ret_line, size_t len)
{
	struct buf b;
	buf_init(&b, len);
	for (; *words; words++)
		buf_print(&b, "%s%s", b.len ? " " : "", **words ? *words : "\"\"");
	CHECK(!b.failed);
	snprintf(ret_line, len, "%s", buf_str(&b));
	buf_finish(&b);
}

static void
check_words(const char *what, char **words, const char *wanted)
{
	char got[512];
	join(words, got, sizeof got);
	if (strcmp(got, wanted) != 0)
		FAIL("%s of \"%s\" is \"%s\", not \"%s\"", what, t.line, got, wanted);
}

/* A line without mistakes, its destination, its command and what the link gets. */
static void
check_line(const char *line, const char *destination, const char *command,
    const char *link)
{
	parse(line);
	CHECK(t.o.bad_option == NULL);
	CHECK_STR(t.o.destination, destination);
	check_words("the command", t.o.command, command);
	check_words("the link's part", t.o.link_args, link);
	check_words("ssh's line", t.o.ssh_argv + 1, line);
	options_finish(&t.o);
}

static void
check_bad(const char *line, const char *word)
{
	parse(line);
	CHECK_STR(t.o.bad_option, word);
	options_finish(&t.o);
}

TEST(a_destination_and_nothing_else)
{
	check_line("host", "host", "", "");
	check_line("user@host", "user@host", "", "");
	check_line("ssh://user@host:22", "ssh://user@host:22", "", "");
	parse("host");
	CHECK(!t.o.direct && !t.o.no_command && !t.o.tty && !t.o.no_tty && !t.o.quiet
	    && !t.o.help && !t.o.version);
	CHECK_EQ(t.o.escape, '~');
	CHECK(t.o.ssh_argv[0] == NULL);
	options_finish(&t.o);
}

TEST(no_destination_at_all)
{
	split("-v");
	for (int argc = 1; argc <= 2; argc++) {
		CHECK_EQ(options_parse(&t.o, argc, t.argv), 0);
		CHECK(t.o.destination == NULL);
		CHECK(t.o.command[0] == NULL);
		options_finish(&t.o);
	}
}

TEST(values_may_be_glued_or_separate)
{
	check_line("-p 22 host", "host", "", "-p 22");
	check_line("-p22 host", "host", "", "-p 22");
	check_line("-oPort=22 -o User=me host", "host", "", "-o Port=22 -o User=me");
	check_line("-i \"\" host", "host", "", "-i \"\"");
	/* A value may look like an option. */
	check_line("-l -v host", "host", "", "-l -v");
	check_line("-p -- host", "host", "", "-p --");
}

TEST(letters_may_be_bundled)
{
	check_line("-4AC host", "host", "", "-4 -A -C");
	check_line("-vvv host", "host", "", "-v -v -v");
	check_line("-Cvp22 host", "host", "", "-C -v -p 22");
	check_line("-Cvp 22 host", "host", "", "-C -v -p 22");
	check_line("-CpC host", "host", "", "-C -p C");
}

TEST(options_may_stand_behind_the_destination)
{
	check_line("host -p 22", "host", "", "-p 22");
	check_line("-4 host -C -p22", "host", "", "-4 -C -p 22");
	check_line("host -p 22 ls -p 23", "host", "ls -p 23", "-p 22");
	check_line("host -C ls host2 -4", "host", "ls host2 -4", "-C");
	parse("-4 host -C -p22");
	CHECK_EQ(t.o.n_before, 1);
	options_finish(&t.o);
}

TEST(the_command_is_left_alone)
{
	check_line("host ls -la --help -G", "host", "ls -la --help -G", "");
	parse("host ls -la --help -G");
	CHECK(!t.o.help && !t.o.direct);
	options_finish(&t.o);
	check_line("host echo \"\" -x", "host", "echo \"\" -x", "");
	check_line("host \"\"", "host", "\"\"", "");
}

TEST(two_dashes_end_the_options)
{
	check_line("-- host", "host", "", "");
	check_line("-C -- host", "host", "", "-C");
	check_line("host -- ls", "host", "ls", "");
	check_line("host -- -v", "host", "-v", "");
	check_line("host -C -- -v", "host", "-v", "-C");
	check_line("-- -host", "-host", "", "");
	check_line("-- host -C", "host", "-C", "");
	check_line("-C -- host -- -C", "host", "-- -C", "-C");
	check_line("host ls -- -x", "host", "ls -- -x", "");
}

TEST(a_single_dash_is_a_word)
{
	check_line("- ls", "-", "ls", "");
	check_line("host - x", "host", "- x", "");
}

TEST(mistakes_in_our_options_are_named)
{
	check_bad("--nonsense host", "--nonsense");
	check_bad("--session", "--session");
	check_bad("host --help=x", "--help=x");
}

TEST(each_of_our_options_says_what_it_allows)
{
	const struct own_option *option;
	for (size_t i = 0; (option = own_option(i)); i++)
		CHECK(own_option_allows(option) && *own_option_allows(option));
}

TEST(what_is_for_the_terminal_is_not_for_the_link)
{
	check_line("-t -e ^A -tt host", "host", "", "");
	check_line("-e none -C host", "host", "", "-C");
	check_line("-te~ host", "host", "", "");
}

TEST(the_escape_character_is_taken_as_ssh_does)
{
	static const struct {
		const char *line;
		char escape;
	} cases[] = {
		{ "-e % host", '%' },
		{ "-e^A host", 1 },
		{ "-e ^a host", 1 },
		{ "-e ^] host", 0x1d },
		{ "-e ^ host", '^' },
		{ "-e none host", 0 },
		{ "host -e !", '!' },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		parse(cases[i].line);
		CHECK_EQ(t.o.escape, cases[i].escape);
		options_finish(&t.o);
	}
}

TEST(some_lines_are_for_ssh_alone)
{
	static const char *const direct[] = { "-G host", "-V", "-Q cipher",
		"-O exit host", "-CG host",
		/* ssh tells what is wrong; or is newer. */
		"-z host", "-Cz host", "-p", "host -p", "-Cp", "-\xff host", "-: host",
		"-z -y -x host", "-e ab host", "-e ^! host" };
	for (size_t i = 0; i < sizeof direct / sizeof *direct; i++) {
		parse(direct[i]);
		CHECK(t.o.direct && !t.o.bad_option);
		check_words("ssh's line", t.o.ssh_argv + 1, direct[i]);
		options_finish(&t.o);
	}
}

TEST(what_is_to_be_run_and_on_what)
{
	parse("-fnNs host");
	CHECK(t.o.background && t.o.null_stdin && t.o.no_command && t.o.subsystem);
	check_words("ssh's line", t.o.ssh_argv + 1, "-fnNs host");
	options_finish(&t.o);
	parse("-tt host");
	CHECK(t.o.tty == 2 && !t.o.no_tty);
	options_finish(&t.o);
	parse("-t host -T"); /* the last one counts */
	CHECK(t.o.tty == 0 && t.o.no_tty);
	options_finish(&t.o);
	parse("-T host -t");
	CHECK(t.o.tty == 1 && !t.o.no_tty);
	options_finish(&t.o);
}

TEST(loudness_is_for_both)
{
	parse("-q -vv host");
	CHECK(t.o.quiet);
	CHECK_EQ(t.o.verbose, 2);
	check_words("the link's part", t.o.link_args, "-q -v -v");
	options_finish(&t.o);
}

TEST(the_same_place_as_words_of_a_shell)
{
	char *argv[] = { (char[]){ "belay" }, (char[]){ "-p2222" }, (char[]){ "-t" },
		(char[]){ "a'b" }, (char[]){ "-oUser=a b" }, NULL };
	struct buf b;
	buf_init(&b, 128);
	CHECK_EQ(options_parse(&t.o, 5, argv), 0);
	options_put(&t.o, &b);
	CHECK_STR(buf_str(&b), "-p 2222 'a'\\''b' -o 'User=a b'");
	buf_finish(&b);
	options_finish(&t.o);
}

TEST(our_own_options_are_not_for_ssh)
{
	parse("-C --help host");
	CHECK(t.o.help && !t.o.version && !t.o.bad_option);
	check_words("ssh's line", t.o.ssh_argv + 1, "-C host");
	options_finish(&t.o);
	parse("--version");
	CHECK(t.o.version && !t.o.help);
	options_finish(&t.o);
}

TEST(a_choice_is_one_of_its_words)
{
	static const char *const words[] = { "auto", "always", "never" };
	char line[64];
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
		snprintf(line, sizeof line, "--return=%s host", words[i]);
		parse(line);
		CHECK(!t.o.bad_option);
		CHECK_EQ(t.o.returns, i);
		options_finish(&t.o);
	}
	check_bad("--return=alway host", "--return=alway");
	check_bad("--return=auto|always host", "--return=auto|always");
	check_bad("--return= host", "--return=");
}

TEST(several_sessions_are_ended_or_the_idle_ones)
{
	parse("--kill one,two host");
	CHECK(!t.o.bad_option);
	CHECK_STR(t.o.kill, "one,two");
	options_finish(&t.o);
	parse("--kill --idle host");
	CHECK(!t.o.bad_option);
	CHECK_STR(t.o.kill, "--idle");
	CHECK_STR(t.o.destination, "host");
	options_finish(&t.o);
	check_bad("--kill=one,,two host", "--kill=one,,two");
	check_bad("--kill=one, host", "--kill=one,");
	check_bad("--kill=,one host", "--kill=,one");
	check_bad("--kill= host", "--kill=");
	check_bad("--kill=one;two host", "--kill=one;two");
}

/* ssh(1): every option with and without a value, alone and in a bundle. */
TEST(every_option_of_ssh_is_known)
{
	static const char flags[] = "46AaCfGgKkMNnqsTtVvXxYy";
	static const char values[] = "BbcDEeFIiJLlmOoPpQRSWw";
	char line[64];
	for (const char *f = flags; *f; f++) {
		snprintf(line, sizeof line, "-%c%c host word", *f, *f);
		parse(line);
		CHECK(!t.o.bad_option);
		CHECK_STR(t.o.destination, "host");
		options_finish(&t.o);
	}
	for (const char *v = values; *v; v++) {
		snprintf(line, sizeof line, "-%c x -%cx host word", *v, *v);
		parse(line);
		CHECK(!t.o.bad_option);
		CHECK_STR(t.o.destination, "host");
		options_finish(&t.o);
	}
}

/* Whatever is typed: every word is somewhere, and nothing is written out of bounds. */
TEST(random_lines_are_taken_apart_safely)
{
	static const char *const words[] = { "-p", "-p1", "-vvvvvvvvvv", "--", "-",
		"host", "-o", "\"\"", "-AaCgKkXxYy", "-e", "-l", "-CCCCCCCCp", "a b",
		"--help", "-Q" };
	enum { WORDS = sizeof words / sizeof *words };
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		char line[400] = "";
		test_seed(seed);
		for (size_t n = test_below(12), at = 0; n; n--)
			at += (size_t)snprintf(line + at, sizeof line - at, "%s%s",
			    at ? " " : "", words[test_below(WORDS)]);
		parse(line);
		size_t n_words = 0;
		for (char **p = t.o.ssh_argv + 1; *p; p++)
			n_words++;
		CHECK(n_words + t.o.help * 1u <= (size_t)t.argc);
		options_finish(&t.o);
	}
}

TEST(without_memory_there_is_an_error)
{
	for (long n = 1;; n++) {
		split("-C host ls");
		test_fail_malloc(n);
		int err = options_parse(&t.o, t.argc, t.argv);
		bool failed = test_malloc_failed();
		CHECK_EQ(err, failed ? ERR_NOMEM : 0);
		options_finish(&t.o);
		if (!failed)
			break;
	}
	options_finish(&t.o);
}
