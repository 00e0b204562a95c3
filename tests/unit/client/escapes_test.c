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
		struct escape e;
		struct buf keys;
		char line[8];
		escape_init(&e, '~');
		buf_init(&keys, 8);
		escape_was_text(&e, (enum escape_command)command, &keys);
		CHECK_EQ(keys.len, 2);
		char key = (char)buf_bytes(&keys)[1];
		snprintf(line, sizeof line, key < ' ' ? " ~^%c  - " : " ~%c   - ",
		    key < ' ' ? key + '@' : key);
		CHECK(strstr(buf_str(&text), line) != NULL);
		buf_finish(&keys);
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
