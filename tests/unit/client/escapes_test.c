#include "client/escapes.h"
#include "test.h"

#include <string.h>

/* ~? has a line for each escape that the keyboard knows. */
TEST(the_help_has_every_escape)
{
	struct buf text;
	buf_init(&text, 4096);
	escapes_help('~', &text);
	for (int command = ESCAPE_NONE + 1; command <= ESCAPE_LINE; command++) {
		char line[8], key = escape_key((enum escape_command)command);
		CHECK(key);
		snprintf(line, sizeof line, key < ' ' ? " ~^%c  - " : " ~%c   - ",
		    key < ' ' ? key + '@' : key);
		CHECK(strstr(buf_str(&text), line) != NULL);
	}
	CHECK(strstr(buf_str(&text), " ~~   - ") != NULL);
	buf_finish(&text);
}

TEST(the_help_is_of_the_users_character)
{
	struct buf text;
	buf_init(&text, 4096);
	escapes_help('%', &text);
	CHECK(strstr(buf_str(&text), " %.   - leave") != NULL);
	CHECK(strchr(buf_str(&text), '~') == NULL);
	buf_finish(&text);
}
