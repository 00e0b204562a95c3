/* What a session may be called: letters, digits and . _ - + @, not first a -, at most
 * NAME_MAX_LEN of them; so it goes through every shell unchanged. */
#ifndef BASE_SESSION_NAME_H
#define BASE_SESSION_NAME_H

#include "base/buf.h"

enum { NAME_MAX_LEN = 64 };

bool session_name_ok(struct span name);

#endif
