#include "wire/msg.h"

#include "base/err.h"
#include "wire/bytes.h"

#include <string.h>

enum field_type { T_u8, T_u16, T_u32, T_u64, T_id, T_str, T_rest };

static const struct {
	const char *name;
	unsigned width; /* bytes that the type takes at least */
} types[] = {
	[T_u8] = { "u8", 1 },
	[T_u16] = { "u16", 2 },
	[T_u32] = { "u32", 4 },
	[T_u64] = { "u64", 8 },
	[T_id] = { "id", ID_LEN },
	[T_str] = { "str", 4 },
	[T_rest] = { "rest", 0 },
};

struct field {
	enum field_type type;
	size_t at; /* offset in the message's struct */
	const char *name;
};

#define FIELD(message, type, name) \
	{ T_##type, offsetof(struct msg_##message, name), #name },
#define FIELDS_OF(NAME, name, number, carrier, sender) \
	static const struct field name##_fields[] = { name##_FIELDS(FIELD, name) };
MESSAGES(FIELDS_OF)

struct message {
	uint8_t number;
	const char *name, *carrier, *sender;
	const struct field *fields;
	size_t n_fields;
};

#define MESSAGE(NAME, name, number, carrier, sender) \
	{ number, #NAME, carrier, sender, name##_fields, \
		sizeof name##_fields / sizeof *name##_fields },
static const struct message table[] = { MESSAGES(MESSAGE) };

static const struct message *
find(uint8_t type)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].number == type)
			return &table[i];
	return NULL;
}

long
frame_parse(struct span in, struct frame *ret_frame)
{
	if (in.n < FRAME_HEADER)
		return 0;
	uint64_t len = get_be(in.p, 4);
	if (len < 1 || len > FRAME_MAX - 4)
		return ERR_FRAME;
	if (in.n < 4 + len)
		return 0;
	ret_frame->type = in.p[4];
	ret_frame->body = (struct span){ in.p + FRAME_HEADER, (size_t)len - 1 };
	return (long)(4 + len);
}

static uint64_t
load(const void *at, unsigned width)
{
	switch (width) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static void
store(void *at, unsigned width, uint64_t v)
{
	switch (width) {
	case 1:
		*(uint8_t *)at = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)v;
		break;
	default:
		*(uint64_t *)at = v;
	}
}

static size_t
field_len(const struct field *f, const uint8_t *m)
{
	size_t len = types[f->type].width;
	if (f->type == T_str || f->type == T_rest)
		len += ((const struct span *)(const void *)(m + f->at))->n;
	return len;
}

static uint8_t *
field_put(const struct field *f, const uint8_t *m, uint8_t *p)
{
	const struct span *span = (const void *)(m + f->at);
	unsigned width = types[f->type].width;
	switch (f->type) {
	case T_id:
		memcpy(p, m + f->at, ID_LEN);
		return p + ID_LEN;
	case T_str:
		put_be(p, span->n, 4);
		p += 4;
		/* fall through */
	case T_rest:
		if (span->n)
			memcpy(p, span->p, span->n);
		return p + span->n;
	default:
		put_be(p, load(m + f->at, width), width);
		return p + width;
	}
}

int
msg_put(struct buf *out, enum msg_type type, const void *m)
{
	const struct message *msg = find((uint8_t)type);
	if (!msg)
		return ERR_UNKNOWN;
	size_t len = FRAME_HEADER;
	for (size_t i = 0; i < msg->n_fields; i++)
		len += field_len(&msg->fields[i], m);
	if (len > FRAME_MAX)
		return ERR_FULL;
	uint8_t *p;
	int err = buf_room(out, len, &p);
	if (err)
		return err;
	put_be(p, len - 4, 4);
	p[4] = (uint8_t)type;
	p += FRAME_HEADER;
	for (size_t i = 0; i < msg->n_fields; i++)
		p = field_put(&msg->fields[i], m, p);
	buf_added(out, len);
	return 0;
}

static void
data_head(uint8_t *p, uint32_t stream, uint64_t offset, size_t n)
{
	put_be(p, DATA_OVERHEAD + n - 4, 4);
	p[4] = MSG_DATA;
	put_be(p + 5, stream, 4);
	put_be(p + 9, offset, 8);
}

int
msg_put_data_head(struct buf *out, uint32_t stream, uint64_t offset, size_t n, bool apart)
{
	uint8_t *p;
	int err = buf_room(out, DATA_OVERHEAD + (apart ? 0 : n), &p);
	if (err)
		return err;
	data_head(p, stream, offset, n);
	buf_added(out, DATA_OVERHEAD);
	return 0;
}

uint8_t *
msg_split_data(uint8_t *head, size_t n)
{
	size_t len = (size_t)get_be(head, 4) + 4 - DATA_OVERHEAD;
	uint32_t stream = (uint32_t)get_be(head + 5, 4);
	uint64_t offset = get_be(head + 9, 8);
	data_head(head + n, stream, offset + n, len - n);
	return head + n;
}

/* Takes one field off `in`; false if it is not whole. */
static bool
field_get(const struct field *f, struct span *in, uint8_t *m)
{
	unsigned width = types[f->type].width;
	struct span *span = (void *)(m + f->at);
	if (in->n < width)
		return false;
	switch (f->type) {
	case T_id:
		memcpy(m + f->at, in->p, ID_LEN);
		break;
	case T_str:
		*span = (struct span){ in->p + 4, (size_t)get_be(in->p, 4) };
		if (span->n > in->n - 4)
			return false;
		width += (unsigned)span->n;
		break;
	case T_rest:
		*span = *in;
		width = (unsigned)in->n;
		break;
	default:
		store(m + f->at, width, get_be(in->p, width));
	}
	in->p += width;
	in->n -= width;
	return true;
}

int
msg_get(const struct frame *f, union msg *ret_msg)
{
	const struct message *msg = find(f->type);
	if (!msg)
		return ERR_UNKNOWN;
	struct span in = f->body;
	for (size_t i = 0; i < msg->n_fields; i++)
		if (!field_get(&msg->fields[i], &in, (uint8_t *)ret_msg))
			return ERR_MESSAGE;
	return in.n ? ERR_MESSAGE : 0;
}

bool
msg_next(struct span *frames, enum msg_type type, union msg *ret_msg)
{
	struct frame f;
	for (long len; (len = frame_parse(*frames, &f)) > 0;) {
		frames->p += len;
		frames->n -= (size_t)len;
		if (f.type == type && msg_get(&f, ret_msg) == 0)
			return true;
	}
	return false;
}

bool
msg_find(struct span frames, enum msg_type type, union msg *ret_msg)
{
	return msg_next(&frames, type, ret_msg);
}

const char *
msg_name(uint8_t type)
{
	const struct message *msg = find(type);
	return msg ? msg->name : "?";
}

bool
msg_describe(size_t i, struct buf *ret_line)
{
	if (i >= sizeof table / sizeof *table)
		return false;
	const struct message *msg = &table[i];
	buf_print(ret_line, "%s %u %s %s:", msg->name, msg->number, msg->carrier,
	    msg->sender);
	for (size_t k = 0; k < msg->n_fields; k++)
		buf_print(ret_line, "%s %s %s", k ? "," : "",
		    types[msg->fields[k].type].name, msg->fields[k].name);
	return true;
}

int
position_put(struct buf *out, const struct msg_ack *position)
{
	uint8_t *p;
	int err = buf_room(out, POSITION_LEN, &p);
	if (err)
		return err;
	put_be(p, position->stream, 4);
	put_be(p + 4, position->received, 8);
	put_be(p + 12, position->limit, 8);
	buf_added(out, POSITION_LEN);
	return 0;
}

bool
position_get(struct span *in, struct msg_ack *ret_position)
{
	if (in->n < POSITION_LEN)
		return false;
	ret_position->stream = (uint32_t)get_be(in->p, 4);
	ret_position->received = get_be(in->p + 4, 8);
	ret_position->limit = get_be(in->p + 12, 8);
	in->p += POSITION_LEN;
	in->n -= POSITION_LEN;
	return true;
}
