#include "reconnect/handshake.h"

#include "base/session_name.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

int
handshake_begin(struct link *l, struct span hello, struct span prelude)
{
	int err = buf_put(&l->queue, hello.p, hello.n);
	return err ? err : buf_put(&l->queue, prelude.p, prelude.n);
}

static enum handshake_event
wrong(struct handshake *h, const char *text)
{
	snprintf(h->text, sizeof h->text, "%s", text);
	return HANDSHAKE_WRONG;
}

static void
take_machine(struct handshake *h, struct span more)
{
	union msg m;
	if (msg_find(more, MSG_MACHINE, &m))
		memcpy(h->machine, m.machine.machine, ID_LEN);
}

static void
copy_printable(char *ret_text, size_t len, struct span text)
{
	snprintf(ret_text, len, "%.*s", (int)(text.n < len ? text.n : len - 1),
	    (const char *)text.p);
	text_printable(ret_text, true);
}

static void
take_remains(struct handshake *h, struct span more)
{
	struct handshake_remains *r = &h->remains;
	union msg m;
	if (!msg_find(more, MSG_REMAINS, &m))
		return;
	r->any = true;
	r->rebooted = memcmp(m.remains.boot, h->boot_id, ID_LEN) != 0;
	r->booted_s = (int64_t)m.remains.at_s;
	r->there = m.remains.there;
	copy_printable(r->directory, sizeof r->directory, m.remains.directory);
	copy_printable(r->running, sizeof r->running, m.remains.running);
}

static void
take_datagrams(struct handshake_datagrams *d, struct span more)
{
	union msg m;
	if (!msg_find(more, MSG_DGRAM_AT, &m) || m.dgram_at.key_to_host.n != SEAL_KEY
	    || m.dgram_at.key_to_client.n != SEAL_KEY || !m.dgram_at.port)
		return;
	d->id = m.dgram_at.id;
	d->port = m.dgram_at.port;
	memcpy(d->keys.out, m.dgram_at.key_to_host.p, SEAL_KEY);
	memcpy(d->keys.in, m.dgram_at.key_to_client.p, SEAL_KEY);
	/* The bytes are the link's, and would stay there. */
	seal_wipe((void *)(uintptr_t)m.dgram_at.key_to_host.p, SEAL_KEY);
	seal_wipe((void *)(uintptr_t)m.dgram_at.key_to_client.p, SEAL_KEY);
	if (m.dgram_at.address.n < sizeof d->address)
		memcpy(d->address, m.dgram_at.address.p, m.dgram_at.address.n);
}

static enum handshake_event
on_welcome(struct handshake *h, struct engine *e, const struct msg_welcome *m)
{
	memcpy(h->boot_id, m->boot, ID_LEN);
	take_machine(h, m->more);
	take_remains(h, m->more);
	take_datagrams(&h->datagrams, m->more);
	memcpy(h->session, m->session, ID_LEN);
	h->begun_ms = (int64_t)m->begun_ms;
	h->same_build = m->build.n == strlen(BELAY_BUILD)
	    && memcmp(m->build.p, BELAY_BUILD, m->build.n) == 0;
	if (session_name_ok(m->name))
		snprintf(h->name, sizeof h->name, "%.*s", (int)m->name.n,
		    (const char *)m->name.p);
	if (m->version < PROTOCOL_OLDEST || m->version > PROTOCOL_VERSION)
		return wrong(h, "the host chose a protocol version that was not offered");
	if (engine_set_positions(e, m->positions))
		return wrong(h, "the host claims to have what was never sent");
	return HANDSHAKE_WELCOME;
}

static enum handshake_event
on_refuse(struct handshake *h, const struct msg_refuse *m)
{
	union msg more;
	h->code = m->code;
	h->stays = msg_find(m->more, MSG_AGAIN, &more);
	take_machine(h, m->more);
	memcpy(h->boot_id, m->boot, ID_LEN);
	snprintf(h->text, sizeof h->text, "%.*s",
	    (int)(m->text.n < sizeof h->text ? m->text.n : 0), (const char *)m->text.p);
	return HANDSHAKE_REFUSED;
}

enum handshake_event
handshake_take(struct handshake *h, struct link *l, struct engine *e)
{
	struct frame f;
	union msg m;
	long len = link_frame(l, &f);
	if (len == 0)
		return HANDSHAKE_MORE;
	if (len < 0 || msg_get(&f, &m) || (f.type != MSG_WELCOME && f.type != MSG_REFUSE))
		return wrong(h, "the host does not speak belay's protocol");
	enum handshake_event event = f.type == MSG_WELCOME ? on_welcome(h, e, &m.welcome)
							   : on_refuse(h, &m.refuse);
	link_drop(l, len);
	return event;
}
