#include "predict/prompt_memory.h"

#include "test.h"

static struct screen_line line;

static struct prompt
prompt(const char *text, bool after_enter)
{
	line.cols = 80;
	for (int x = 0; x < line.cols; x++)
		line.cells[x] = (struct term_cell){ .ch = ' ', .width = 1 };
	for (int x = 0; text[x]; x++)
		line.cells[x].ch = (uint8_t)text[x];
	return prompt_at(&line, (int)strlen(text), after_enter);
}

TEST(a_prompt_is_known_where_it_was_seen)
{
	struct prompt_memory m = { 0 };
	prompt_memory_enter(&m, 1);
	CHECK(!prompt_memory_has(&m, prompt("sqlite> ", false), true));
	prompt_memory_add(&m, prompt("sqlite> ", false));
	CHECK(prompt_memory_has(&m, prompt("sqlite> ", false), false));
	CHECK(!prompt_memory_has(&m, prompt("Password: ", false), true));
	prompt_memory_enter(&m, 2);
	CHECK(!prompt_memory_has(&m, prompt("sqlite> ", false), true));
	prompt_memory_enter(&m, 1);
	CHECK(prompt_memory_has(&m, prompt("sqlite> ", false), true));
	prompt_memory_drop(&m, prompt("sqlite> ", false));
	CHECK(!prompt_memory_has(&m, prompt("sqlite> ", false), true));
}

TEST(another_directory_is_no_other_prompt)
{
	struct prompt_memory m = { 0 };
	prompt_memory_enter(&m, 1);
	prompt_memory_add(&m, prompt("u@host:~$ ", false));
	CHECK(prompt_memory_has(&m, prompt("u@host:/usr/share$ ", false), true));
	CHECK(!prompt_memory_has(&m, prompt("u@host:/usr/share$ ", false), false));
	CHECK(!prompt_memory_has(&m, prompt("v@host:~$ ", false), true));
	CHECK(!prompt_memory_has(&m, prompt("u@host:~# ", false), true));
	/* Only prompts of shells have a shape. */
	prompt_memory_add(&m, prompt("Enter name: ", false));
	CHECK(!prompt_memory_has(&m, prompt("Enter password: ", false), true));
	CHECK_EQ(prompt("Enter password: ", false).shape, 0);
}

TEST(nothing_is_no_prompt_and_blanks_only_behind_enter)
{
	struct prompt_memory m = { 0 };
	prompt_memory_enter(&m, 1);
	prompt_memory_add(&m, prompt("", true));
	prompt_memory_add(&m, prompt("    ", false));
	CHECK(!prompt_memory_has(&m, prompt("", true), true));
	CHECK(!prompt_memory_has(&m, prompt("    ", true), true));
	prompt_memory_add(&m, prompt("    ", true));
	CHECK(prompt_memory_has(&m, prompt("    ", true), true));
	CHECK(!prompt_memory_has(&m, prompt("    ", false), true));
}

TEST(the_oldest_go)
{
	struct prompt_memory m = { 0 };
	char text[] = "a> ";
	prompt_memory_enter(&m, 1);
	for (int i = 0; i <= MEMORY_PROMPTS; i++, text[0]++)
		prompt_memory_add(&m, prompt(text, false));
	CHECK(!prompt_memory_has(&m, prompt("a> ", false), false));
	CHECK(prompt_memory_has(&m, prompt("b> ", false), false));
	/* The context that was not used for longest is forgotten. */
	for (uint64_t c = 2; c <= MEMORY_CONTEXTS; c++)
		prompt_memory_enter(&m, c);
	prompt_memory_enter(&m, 1);
	CHECK(prompt_memory_has(&m, prompt("b> ", false), false));
	prompt_memory_enter(&m, 2);
	prompt_memory_add(&m, prompt("z> ", false));
	prompt_memory_enter(&m, 100);
	prompt_memory_enter(&m, 2);
	CHECK(prompt_memory_has(&m, prompt("z> ", false), false));
	prompt_memory_enter(&m, 101);
	prompt_memory_enter(&m, 3);
	CHECK(!prompt_memory_has(&m, prompt("b> ", false), false));
}
