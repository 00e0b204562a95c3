#include "base/err.h"

const char *
err_text(int code)
{
#define ERR_TEXT(name, text) [ERR_INDEX_##name] = text,
	static const char *const texts[ERR_COUNT] = { "success", ERRORS(ERR_TEXT) };
#undef ERR_TEXT
	return code <= 0 && code > -ERR_COUNT ? texts[-code] : "unknown error";
}
