/*
 * Runs a fuzz target over files, without a fuzzer: what was once found stays found.
 *
 *    TARGET_replay FILE...      prints a closing line
 */
#include "fuzz.h"

#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

static bool
replay(const char *path)
{
	static uint8_t bytes[FILE_MAX];
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	size_t n = fread(bytes, 1, sizeof bytes, f);
	bool whole = feof(f) && !ferror(f);
	fclose(f);
	/* Memory of its own, so that reading too far is noticed. */
	uint8_t *copy = malloc(n ? n : 1);
	if (!whole || !copy) {
		free(copy);
		return false;
	}
	memcpy(copy, bytes, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return true;
}

int
main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]))
			continue;
		fprintf(stderr, "%s: cannot be read\n", argv[i]);
		failed++;
	}
	printf("%d passed, %d failed\n", argc - 1 - failed, failed);
	return failed > 0;
}
