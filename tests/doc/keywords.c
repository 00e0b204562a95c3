/* Prints the table of ssh_config(5)'s keywords and ssh(1)'s letters: a line each, as
 *
 *     keyword ciphers link
 *     letter b value
 */
#include "ssh/ssh_config.h"

#include <stdio.h>

int
main(void)
{
	static const char *const texts[] = { [SSH_CONFIG_SSH] = "ssh",
		[SSH_CONFIG_LINK] = "link",
		[SSH_CONFIG_OURS] = "belay" };
	const char *name;
	enum ssh_config_who who;
	for (size_t i = 0; ssh_config_keyword(i, &name, &who); i++)
		printf("keyword %s %s\n", name, texts[who]);
	for (char c = '0'; c <= 'z'; c++)
		if (options_has_value(c) >= 0)
			printf("letter %c %s\n", c,
			    options_has_value(c) > 0 ? "value" : "alone");
	return 0;
}
