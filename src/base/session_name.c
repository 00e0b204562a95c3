#include "base/session_name.h"

#include <string.h>

bool
session_name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = (char)name.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && !(c && strchr("._-+@", c)))
			return false;
	}
	return name.n > 0 && name.n <= NAME_MAX_LEN && name.p[0] != '-';
}
