#include "base/err.h"
#include "test.h"

#include <limits.h>

static const int codes[] = {
#define CODE(name, text) ERR_##name,
	ERRORS(CODE)
#undef CODE
};
enum { CODES = sizeof codes / sizeof *codes };

TEST(every_code_is_negative_and_has_a_text_of_its_own)
{
	for (int i = 0; i < CODES; i++) {
		CHECK(codes[i] < 0);
		CHECK(err_text(codes[i])[0]);
		for (int k = 0; k < i; k++)
			CHECK(strcmp(err_text(codes[i]), err_text(codes[k])) != 0);
	}
	CHECK_STR(err_text(ERR_NOMEM), "out of memory");
	CHECK_STR(err_text(0), "success");
}

TEST(numbers_that_are_no_codes_have_a_text_too)
{
	static const int others[] = { 1, 7, INT_MAX, -CODES - 1, -1000, INT_MIN };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		CHECK_STR(err_text(others[i]), "unknown error");
}
