/* The verbs that manage sessions, on one that runs (holder.h). */
#include "server/holder.h"

#include "server/session_ctl.h"

static struct visit v;
static char said[4096];

static void
begin(const char *command, const char *name)
{
	struct msg_hello m = visit_hello(command);
	m.kind = KIND_PTY;
	m.name = (struct span){ (const uint8_t *)name, strlen(name) };
	unsetenv("BELAY_SESSION");
	holder_begin();
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
}

static void
end(void)
{
	visit_bye(&v, BYE_HANGUP);
	holder_end();
	visit_end(&v);
}

static int
list(void)
{
	return session_ctl_list(false, NULL);
}

static int
list_json(void)
{
	return session_ctl_list(true, NULL);
}

/* What the verb is told on its command line. */
static const char *which, *text;
static enum ask_verb verb;

static int
act(void)
{
	return session_ctl_do(verb, which, text);
}

static int
ask(enum ask_verb what, const char *name, const char *more)
{
	verb = what;
	which = name;
	text = more;
	return holder_verb(act, said);
}

TEST(without_sessions_the_list_says_so)
{
	holder_begin();
	CHECK_EQ(holder_verb(list, said), 0);
	CHECK_STR(said, "no sessions\n");
	CHECK_EQ(holder_verb(list_json, said), 0);
	CHECK_STR(said, "[]\n");
	CHECK_EQ(holder_verb(session_ctl_kill_idle, said), 0);
	CHECK_STR(said, "no idle sessions\n");
	holder_end();
}

TEST(the_list_names_what_runs)
{
	begin("exec sleep 600", "work");
	CHECK_EQ(holder_verb(list, said), 0);
	CHECK(strstr(said, "ID") && strstr(said, "02020202") && strstr(said, "work"));
	/* Its shell becomes it. */
	for (int i = 0; i < 500 && !strstr(said, "sleep"); i++) {
		poll(NULL, 0, 10);
		CHECK_EQ(holder_verb(list, said), 0);
	}
	CHECK(strstr(said, "sleep"));
	CHECK_EQ(holder_verb(list_json, said), 0);
	CHECK(said[0] == '[' && strstr(said, "\"name\":") && strstr(said, "\"work\"")
	    && strstr(said, "}]\n"));
	end();
}

/* Whatever a program writes into its title, the list is one line for it, of printable words. */
TEST(a_title_cannot_write_to_the_terminal_of_who_lists)
{
	begin("printf '\\033]2;a\\001b\\302\\233c\\007'; echo ready; exec sleep 600", "");
	visit_until_says(&v, "ready");
	CHECK_EQ(holder_verb(list, said), 0);
	for (const char *p = said; *p; p++)
		CHECK(*p == '\n' || ((unsigned char)*p >= ' ' && *p != 0x7f));
	CHECK(!strstr(said, "\302\233"));
	CHECK_EQ(holder_verb(list_json, said), 0);
	for (const char *p = said; *p; p++)
		CHECK(*p == '\n' || (unsigned char)*p >= ' ');
	end();
}

TEST(a_session_is_found_by_its_name_or_the_beginning_of_its_number)
{
	begin("exec sleep 600", "work");
	static const char *const found[] = { "work", "02", "020202" },
				 *const none[] = { "wor", "03", "", "works" };
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		int fd = session_ctl_find(
		    (struct span){ (const uint8_t *)found[i], strlen(found[i]) });
		CHECK(fd >= 0);
		close(fd);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		CHECK(session_ctl_find(
			  (struct span){ (const uint8_t *)none[i], strlen(none[i]) })
		    < 0);
	end();
}

TEST(it_gets_another_name)
{
	begin("exec sleep 600", "work");
	CHECK_EQ(ask(ASK_RENAME, "work", "play"), 0);
	CHECK_EQ(ask(ASK_RENAME, "work", "other"), 1);
	CHECK(strstr(said, "work: no session of that name"));
	CHECK_EQ(ask(ASK_RENAME, "play", "no/name"), 1);
	CHECK(strstr(said, "a name has up to"));
	CHECK_EQ(holder_verb(list, said), 0);
	CHECK(strstr(said, "play") && !strstr(said, "work"));
	end();
}

TEST(clients_are_sent_away_and_the_session_goes_on)
{
	struct msg_hello m = visit_hello("");
	begin("stty raw -echo; echo ready; exec cat", "work");
	visit_until_says(&v, "ready");
	CHECK_EQ(ask(ASK_DETACH, "work", ""), 0);
	visit_until(&v, VISIT_BYE);
	CHECK_EQ(v.code, BYE_DETACHED);
	visit_cut(&v);
	m.request = HELLO_ATTACH;
	visit_end(&v);
	m.kind = KIND_PTY;
	visit_begin(&v, &m);
	visit_until(&v, VISIT_WELCOME);
	end();
}

TEST(it_is_ended_and_who_is_there_hears_of_it)
{
	begin("exec sleep 600", "work");
	CHECK_EQ(ask(ASK_KILL, "work", ""), 0);
	visit_until(&v, VISIT_BYE);
	CHECK_EQ(v.code, BYE_ENDED);
	holder_end();
	visit_end(&v);
}

TEST(what_is_not_idle_is_not_ended_for_it)
{
	begin("exec sleep 600", "work");
	CHECK_EQ(holder_verb(session_ctl_kill_idle, said), 0);
	CHECK_STR(said, "no idle sessions\n");
	end();
}

TEST(within_a_session_it_is_that_one)
{
	begin("exec sleep 600", "work");
	CHECK_EQ(ask(ASK_RENAME, NULL, "play"), 1);
	CHECK(strstr(said, "does not run in a session"));
	setenv("BELAY_SESSION", "02020202", 1);
	CHECK_EQ(ask(ASK_RENAME, NULL, "play"), 0);
	unsetenv("BELAY_SESSION");
	end();
}

TEST(the_shell_that_was_used_last_is_chosen)
{
	uint8_t id[ID_LEN];
	holder_begin();
	CHECK(!session_ctl_choose(NULL, id));
	holder_end();
	begin("", "work"); /* a login shell */
	CHECK(session_ctl_choose(NULL, id) && id[0] == 2);
	CHECK(session_ctl_choose("work", id) && id[0] == 2);
	CHECK(!session_ctl_choose("play", id));
	end();
}
