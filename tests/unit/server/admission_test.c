#include "server/admission.h"

#include "base/err.h"
#include "test.h"

/* Each letter is an answer: S start, J join, T take over, R resume; g gone, t taken,
 * c cannot, b bad, v version, l later. */
static char
letter(struct admission a)
{
	static const char codes[] = { [REFUSE_VERSION] = 'v',
		[REFUSE_GONE] = 'g',
		[REFUSE_CANNOT] = 'c',
		[REFUSE_BAD] = 'b',
		[REFUSE_TAKEN] = 't',
		[REFUSE_LATER] = 'l' };
	static const char answers[] = { [ADMISSION_CLOSE] = '-',
		[ADMISSION_START] = 'S',
		[ADMISSION_JOIN] = 'J',
		[ADMISSION_TAKE_OVER] = 'T',
		[ADMISSION_RESUME] = 'R' };
	CHECK(a.text);
	return a.answer == ADMISSION_REFUSE ? codes[a.code] : answers[a.answer];
}

/* By phase, and by request: none, NEW, RESUME, ATTACH, OPEN, one beyond. */
struct row {
	const char *by_phase[LIFETIME_PHASES];
};

enum { OWNER, SHARER, READER, READER_SHARER, COMERS };

static const uint8_t flags_of[COMERS] = { [SHARER] = HELLO_SHARE,
	[READER] = HELLO_READ_ONLY,
	[READER_SHARER] = HELLO_READ_ONLY | HELLO_SHARE };

/* clang-format off */
static const struct row unknown_on_pty[COMERS] = {
	[OWNER] =         { { "gSggSg", "tttTTt", "tttggt", "gggggg" } },
	[SHARER] =        { { "gSggSg", "tttJJt", "tttggt", "gggggg" } },
	[READER] =        { { "gggggg", "tttJJt", "tttggt", "gggggg" } },
	[READER_SHARER] = { { "gggggg", "tttJJt", "tttggt", "gggggg" } },
};
/* clang-format on */

static char
expected(int comer, int phase, size_t request, bool pty, bool room, bool known)
{
	char c = unknown_on_pty[comer].by_phase[phase][request];
	if (known)
		return 'R';
	if (!pty && (c == 'J' || c == 'T'))
		return 'c';
	return !room && c == 'J' ? 'c' : c;
}

TEST(each_phase_request_role_and_place)
{
	static const uint8_t requests[] = { 0, HELLO_NEW, HELLO_RESUME, HELLO_ATTACH,
		HELLO_OPEN, HELLO_OPEN + 1 };
	for (int comer = 0; comer < COMERS; comer++)
		for (int phase = 0; phase < LIFETIME_PHASES; phase++)
			for (size_t i = 0; i < sizeof requests; i++)
				for (unsigned bits = 0; bits < 8; bits++) {
					bool pty = bits & 1, room = bits & 2,
					     known = bits & 4;
					struct msg_hello hello = {
						.version_max = PROTOCOL_VERSION,
						.version_min = PROTOCOL_OLDEST,
						.request = requests[i],
						.flags = flags_of[comer],
						.kind = KIND_PTY
					};
					struct admission_facts f = { .phase = phase,
						.hello = &hello,
						.known = known,
						.pty = pty,
						.room = { room, room, room, room } };
					CHECK_EQ(letter(admission_of(&f)),
					    expected(comer, phase, i, pty, room, known));
				}
}

TEST(a_role_is_asked_for_its_own_room)
{
	struct msg_hello hello = { .version_max = PROTOCOL_VERSION,
		.request = HELLO_ATTACH,
		.flags = HELLO_SHARE };
	struct admission_facts f = { .phase = LIFETIME_RUNNING,
		.hello = &hello,
		.pty = true,
		.room = { [ROLE_READER] = true } };
	CHECK_EQ(letter(admission_of(&f)), 'c');
	hello.flags |= HELLO_READ_ONLY;
	CHECK_EQ(letter(admission_of(&f)), 'J');
	CHECK_EQ(admission_of(&f).role, ROLE_READER);
}

TEST(who_starts_a_session_owns_it)
{
	struct msg_hello hello = { .version_max = PROTOCOL_VERSION,
		.request = HELLO_OPEN,
		.flags = HELLO_SHARE,
		.kind = KIND_NONE };
	struct admission_facts f = { .hello = &hello };
	CHECK_EQ(letter(admission_of(&f)), 'S');
	CHECK_EQ(admission_of(&f).role, ROLE_OWNER);
}

TEST(no_kind_but_those_there_are)
{
	struct msg_hello hello = { .version_max = PROTOCOL_VERSION,
		.request = HELLO_NEW };
	struct admission_facts f = { .hello = &hello };
	for (unsigned kind = 0; kind < 256; kind++) {
		hello.kind = (uint8_t)kind;
		CHECK_EQ(letter(admission_of(&f)),
		    kind >= KIND_PTY && kind <= KIND_NONE ? 'S' : 'b');
	}
}

TEST(no_common_version_is_no_session)
{
	struct msg_hello hello = { .version_max = PROTOCOL_OLDEST - 1,
		.request = HELLO_NEW,
		.kind = KIND_PTY };
	struct admission_facts f = { .hello = &hello };
	CHECK_EQ(letter(admission_of(&f)), 'v');
	hello.version_max = hello.version_min = PROTOCOL_VERSION + 1;
	f.known = true;
	CHECK_EQ(letter(admission_of(&f)), 'v');
	hello.version_min = PROTOCOL_VERSION;
	CHECK_EQ(letter(admission_of(&f)), 'R');
}

/* A client in a session takes any refusal for its end. */
TEST(a_momentary_lack_ends_no_session)
{
	static const int lacks[] = { ERR_NOMEM, ERR_FULL, ERR_SYSTEM };
	for (size_t i = 0; i < 3; i++)
		for (uint8_t request = 0; request <= HELLO_OPEN + 1; request++)
			CHECK_EQ(letter(admission_failed(lacks[i], true, request, "")),
			    request == HELLO_RESUME ? '-' : 'l');
}

TEST(what_lasts_is_refused_for_good)
{
	for (uint8_t request = 0; request <= HELLO_OPEN + 1; request++) {
		CHECK_EQ(letter(admission_failed(ERR_SYSTEM, false, request, "")), 'c');
		CHECK_EQ(letter(admission_failed(ERR_MESSAGE, false, request, "")), 'b');
	}
}
