#include "server/session_info.h"

#include "sys/sys.h"

#include <string.h>

static void
copy_text(char *ret_text, size_t len, struct span text)
{
	size_t n = text.n < len - 1 ? text.n : len - 1;
	memcpy(ret_text, text.p, n);
	ret_text[n] = 0;
}

static struct span
text_span(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

void
session_info_begin(struct session_info *a, const struct msg_hello *hello)
{
	memcpy(a->id, hello->session, ID_LEN);
	copy_text(a->name, sizeof a->name, hello->name);
	copy_text(a->command, sizeof a->command, hello->command);
	a->kind = hello->kind;
	a->begun_ms = sys_wall_ms();
	session_info_used(a);
}

void
session_info_rename(struct session_info *a, struct span name)
{
	copy_text(a->name, sizeof a->name, name);
}

void
session_info_used(struct session_info *a)
{
	a->used_s = sys_wall_s();
}

int
session_info_put(const struct session_info *a, size_t clients, const char *running,
    int pid, struct buf *out)
{
	struct msg_info m = { .name = text_span(a->name),
		.kind = a->kind,
		.command = text_span(a->command),
		.running = text_span(running),
		.begun_s = (uint64_t)a->begun_ms / 1000,
		.used_s = (uint64_t)a->used_s,
		.clients = (uint16_t)clients,
		.rows = a->size.rows,
		.cols = a->size.cols,
		.pid = (uint32_t)pid };
	memcpy(m.session, a->id, ID_LEN);
	return msg_put(out, MSG_INFO, &m);
}
