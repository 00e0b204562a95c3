#include "ssh/upload.h"

#include "base/err.h"
#include "base/log.h"
#include "ssh/programs.h"

#include <stdio.h>

struct server {
	struct buf raw, gz; /* as it is, and packed */
};

static int
load(struct server *s, const struct programs_kept *kept, const struct bootstrap *b,
    char ret_text[BOOTSTRAP_TEXT_MAX])
{
	buf_init(&s->raw, UPLOAD_MAX);
	buf_init(&s->gz, UPLOAD_MAX);
	if (programs_server(kept, b->os, b->machine, &s->raw, &s->gz) == 0)
		return 0;
	snprintf(ret_text, BOOTSTRAP_TEXT_MAX, "there is no belay-server for %s on %s",
	    b->os, b->machine);
	return ERR_SYSTEM;
}

static int
finish(struct server *s, int err)
{
	buf_finish(&s->raw);
	buf_finish(&s->gz);
	return err;
}

int
upload_script(const struct programs_kept *kept, struct bootstrap *b, struct buf *out,
    char ret_text[BOOTSTRAP_TEXT_MAX])
{
	struct server s;
	int err = load(&s, kept, b, ret_text);
	if (!err) {
		log_say(LOG_VERBOSE,
		    "no server of this version on the host yet: sending it");
		err = bootstrap_script(b, s.gz.len, s.raw.len, out) ? ERR_NOMEM : 0;
	}
	return finish(&s, err);
}

int
upload_server(const struct programs_kept *kept, struct bootstrap *b, struct buf *out,
    char ret_text[BOOTSTRAP_TEXT_MAX])
{
	struct server s;
	int err = load(&s, kept, b, ret_text);
	if (!err) {
		struct buf *what = b->gz ? &s.gz : &s.raw;
		out->max = UPLOAD_MAX;
		err = buf_put(out, buf_bytes(what), what->len) ? ERR_NOMEM : 0;
	}
	return finish(&s, err);
}
