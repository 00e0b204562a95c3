#include "reconnect/askpass.h"

#include "ssh/ssh_helper.h"
#include "sys/sys.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAID_MAX = SSH_HELPER_HINT_MAX + PROMPT_TEXT_MAX };

/* "HINT\0TEXT\0" */
static void
on_said(void *owner, short revents)
{
	struct askpass *q = owner;
	(void)revents;
	if (sys_read_into(q->watch.fd, &q->said, SAID_MAX - q->said.len) < 0) {
		q->watch.events = 0; /* it is gone, and its owner closes */
		q->known = false;
		prompt_wipe(&q->prompt);
		return;
	}
	const uint8_t *said = buf_bytes(&q->said);
	const uint8_t *hint_end = q->said.len ? memchr(said, 0, q->said.len) : NULL;
	if (q->known || !hint_end)
		return;
	size_t head = (size_t)(hint_end - said) + 1;
	const uint8_t *end = memchr(said + head, 0, q->said.len - head);
	if (!end && q->said.len < SAID_MAX)
		return;
	struct span text = { said + head,
		end ? (size_t)(end - said) - head : q->said.len - head };
	prompt_init(&q->prompt, (const char *)said, text);
	q->prompt.unattended = q->unattended;
	q->known = !q->unattended || q->prompt.kind == PROMPT_NOTICE;
	if (!q->known)
		(void)shutdown(q->watch.fd, SHUT_RDWR); /* nobody answers */
}

bool
askpass_open(struct askpass *q, struct loop *loop, int fd, bool unattended)
{
	if (q->watch.fn && q->watch.events) {
		close(fd);
		return false;
	}
	askpass_close(q, loop);
	sys_nonblock(fd);
	*q = (struct askpass){
		.watch = { .fd = fd, .events = POLLIN, .fn = on_said, .owner = q },
		.unattended = unattended
	};
	buf_init(&q->said, SAID_MAX);
	if (loop_add_kept(loop, &q->watch))
		return true;
	askpass_close(q, loop); /* without an answer, it is no */
	return false;
}

bool
askpass_stands(const struct askpass *q)
{
	return q->known && q->prompt.kind != PROMPT_NOTICE;
}

void
askpass_close(struct askpass *q, struct loop *loop)
{
	if (!q->watch.fn)
		return;
	prompt_wipe(&q->prompt);
	loop_remove(loop, &q->watch);
	close(q->watch.fd);
	buf_finish(&q->said);
	*q = (struct askpass){ 0 };
}

enum prompt_event
askpass_keys(struct askpass *q, struct loop *loop, struct span *keys)
{
	enum prompt_event event = prompt_keys(&q->prompt, keys);
	if (event == PROMPT_MORE)
		return event;
	bool answers = event == PROMPT_ANSWERED
	    && (q->prompt.kind != PROMPT_CONFIRM || prompt_agrees(&q->prompt));
	/* It fits into the socket; without an answer, the asking program says no. */
	if (answers) {
		q->prompt.answer[q->prompt.len] = '\n';
		(void)sys_write_all(q->watch.fd, q->prompt.answer, q->prompt.len + 1);
	}
	askpass_close(q, loop);
	return event;
}
