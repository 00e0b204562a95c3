#include "server/admission.h"

#include "base/err.h"

enum step { GONE, TAKEN, START, COME };

enum { REQUESTS = HELLO_OPEN + 1 };

/* By hello.request; 0 stands for those that there are not. */
static const uint8_t steps[LIFETIME_PHASES][REQUESTS] = {
	/*                    none   NEW    RESUME ATTACH OPEN */
	[LIFETIME_NEW] = { GONE, START, GONE, GONE, START },
	[LIFETIME_RUNNING] = { TAKEN, TAKEN, TAKEN, COME, COME },
	[LIFETIME_ENDED] = { TAKEN, TAKEN, TAKEN, GONE, GONE },
	[LIFETIME_OVER] = { GONE, GONE, GONE, GONE, GONE },
};

static struct admission
refuse(enum refuse_code code, const char *text)
{
	return (
	    struct admission){ .answer = ADMISSION_REFUSE, .code = code, .text = text };
}

static struct admission
admit(enum admission_answer answer, enum role role)
{
	return (struct admission){ .answer = answer, .role = role, .text = "" };
}

static struct admission
start(const struct msg_hello *hello)
{
	enum role role = rights_role(hello->flags, true);
	if (!rights_has(role, CLAIM_MAKE))
		return refuse(REFUSE_GONE, "");
	if (hello->kind < KIND_PTY || hello->kind > KIND_NONE)
		return refuse(REFUSE_BAD, "unknown kind of session");
	return admit(ADMISSION_START, role);
}

static struct admission
come(const struct admission_facts *f)
{
	enum role role = rights_role(f->hello->flags, false);
	if (!f->pty)
		return refuse(REFUSE_CANNOT,
		    "a command without a terminal belongs to the one who started it");
	if (rights_has(role, CLAIM_TAKE_OVER))
		return admit(ADMISSION_TAKE_OVER, role);
	return f->room[role] ? admit(ADMISSION_JOIN, role)
			     : refuse(REFUSE_CANNOT, "too many clients");
}

struct admission
admission_of(const struct admission_facts *f)
{
	uint8_t request = f->hello->request < REQUESTS ? f->hello->request : 0;
	if (f->hello->version_max < PROTOCOL_OLDEST
	    || f->hello->version_min > PROTOCOL_VERSION)
		return refuse(REFUSE_VERSION, BELAY_BUILD);
	if (f->known)
		return admit(ADMISSION_RESUME, ROLE_GUEST);
	switch (steps[f->phase][request]) {
	case START:
		return start(f->hello);
	case COME:
		return come(f);
	case TAKEN:
		return refuse(REFUSE_TAKEN, "");
	default:
		return refuse(REFUSE_GONE, "");
	}
}

struct admission
admission_failed(int err, bool momentary, uint8_t request, const char *text)
{
	momentary |= err == ERR_NOMEM || err == ERR_FULL;
	if (momentary && request == HELLO_RESUME)
		return (struct admission){ .answer = ADMISSION_CLOSE, .text = text };
	if (momentary)
		return refuse(REFUSE_LATER, text);
	return refuse(err == ERR_SYSTEM ? REFUSE_CANNOT : REFUSE_BAD, text);
}
