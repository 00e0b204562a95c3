#include "server/questions.h"

#include <string.h>

void
questions_init(struct questions *q)
{
	*q = (struct questions){ 0 };
	buf_init(&q->text, QUESTIONS_TEXT);
}

void
questions_finish(struct questions *q)
{
	buf_finish(&q->text);
}

/* ---- what the model would say ---- */

/* The length of the first answer; 0: there is none. */
static size_t
first_answer(struct span text, enum answer_kind *ret_kind)
{
	struct sequence s = { 0 };
	for (size_t i = 0; i < text.n; i++)
		if (sequence_take(&s, text.p[i])) {
			*ret_kind = (enum answer_kind)s.kind;
			return i + 1;
		}
	return 0;
}

static void
remove_answer(struct questions *q, size_t i)
{
	size_t at = 0;
	for (size_t before = 0; before < i; before++)
		at += q->list[before].len;
	size_t len = q->list[i].len, n = q->text.len;
	uint8_t rest[QUESTIONS_TEXT];
	memcpy(rest, buf_bytes(&q->text), n);
	buf_drop(&q->text, n);
	(void)buf_put(&q->text, rest, at);
	(void)buf_put(&q->text, rest + at + len, n - at - len);
	q->n--;
	memmove(&q->list[i], &q->list[i + 1], (q->n - i) * sizeof *q->list);
}

static void
forget(struct questions *q)
{
	q->n = 0;
	buf_drop(&q->text, q->text.len);
}

static void
add_answer(struct questions *q, enum answer_kind kind, struct span text)
{
	if (kind == ANSWER_NONE || q->n == QUESTIONS_MAX
	    || buf_put(&q->text, text.p, text.n))
		return;
	q->list[q->n].kind = (uint8_t)kind;
	q->list[q->n++].len = (uint16_t)text.n;
}

void
questions_asked(struct questions *q, struct span would, unsigned questions, int answerer,
    uint64_t now_us)
{
	enum answer_kind kind = ANSWER_NONE;
	q->answerer = answerer;
	q->asked_us = now_us;
	for (size_t len; (len = first_answer(would, &kind));) {
		add_answer(q, kind, (struct span){ would.p, len });
		questions -= questions > 0;
		would = (struct span){ would.p + len, would.n - len };
	}
	for (; questions; questions--)
		add_answer(q, ANSWER_STRING, (struct span){ would.p, 0 });
}

static void
is_late(struct typed *y, enum answer_kind kind)
{
	if (y->late[kind] < UINT8_MAX)
		y->late[kind]++;
}

void
typed_asked(struct typed *y, struct span would, unsigned questions, uint64_t off)
{
	enum answer_kind kind = ANSWER_NONE;
	y->late_off = off;
	for (size_t len; (len = first_answer(would, &kind));) {
		is_late(y, kind);
		questions -= questions > 0;
		would = (struct span){ would.p + len, would.n - len };
	}
	/* Of colours the model may know nothing. */
	for (; questions; questions--)
		is_late(y, ANSWER_STRING);
}

uint64_t
questions_patience_us(uint64_t rtt_us)
{
	return QUESTIONS_WAIT_US + 2 * rtt_us;
}

uint64_t
questions_deadline(const struct questions *q, uint64_t rtt_us)
{
	return q->n ? q->asked_us + questions_patience_us(rtt_us) : 0;
}

void
questions_turn(struct questions *q, bool answers, struct typed *answerer, uint64_t off,
    struct buf *out)
{
	if (!answers && buf_put(out, buf_bytes(&q->text), q->text.len) == 0 && answerer) {
		for (size_t i = 0; i < q->n; i++)
			is_late(answerer, (enum answer_kind)q->list[i].kind);
		answerer->late_off = off;
	}
	forget(q);
}

/* ---- the keys ---- */

/* Whether this answer of client `i` is not for the program. */
static bool
drops(struct typed *y, struct questions *q, int i, enum answer_kind kind)
{
	if (kind == ANSWER_NONE)
		return false;
	if (y->late[kind]) {
		y->late[kind]--;
		return true;
	}
	for (size_t k = 0; q->answerer == i && k < q->n; k++)
		if (q->list[k].kind == kind) {
			remove_answer(q, k);
			break;
		}
	return false;
}

static bool
expects_late(const struct typed *y)
{
	static const uint8_t none[ANSWER_KINDS];
	return memcmp(y->late, none, sizeof none) != 0;
}

/* The bytes decoded so far end inside a sequence, which begins at `from`. */
static size_t
unfinished(struct typed *y, size_t from)
{
	/* A person's ESC is not held, nor what cannot become a late answer. */
	bool hold = !y->begun && y->decoded - from > 1 && expects_late(y);
	if (hold)
		return from;
	y->begun = true;
	return y->decoded;
}

size_t
typed_look(struct typed *y, struct questions *q, int i, struct span held,
    size_t *ret_drop, struct span *ret_told)
{
	size_t from = y->pass; /* where the sequence begins that is under way */
	bool within = y->decoded > y->pass || y->begun;
	*ret_drop = 0;
	*ret_told = (struct span){ 0 };
	while (!y->drop && !ret_told->n && y->decoded < held.n) {
		uint8_t byte = held.p[y->decoded++];
		if (!within)
			from = y->decoded - 1;
		within = !sequence_take(&y->sequence, byte);
		if (within)
			continue;
		enum answer_kind kind = y->begun || y->sequence.pasting
		    ? ANSWER_NONE
		    : (enum answer_kind)y->sequence.kind;
		y->begun = false;
		if (drops(y, q, i, kind))
			y->drop = y->decoded - from;
		else
			y->pass = y->decoded;
		if (kind == ANSWER_STRING && !y->drop)
			*ret_told = (struct span){ held.p + from, y->decoded - from };
	}
	if (!y->drop && within && y->decoded > y->pass)
		y->pass = unfinished(y, from);
	if (!y->pass)
		*ret_drop = y->drop;
	return y->pass;
}

void
typed_took(struct typed *y, size_t n)
{
	y->decoded -= n < y->decoded ? n : y->decoded;
	if (!y->pass && y->drop)
		y->drop = 0;
	else
		y->pass -= n < y->pass ? n : y->pass;
}

void
typed_turn(struct typed *y, uint64_t acked, bool here, uint64_t now_us)
{
	if (!expects_late(y))
		return;
	if (!here || acked < y->late_off || !y->late_us)
		y->late_us = now_us;
	else if (now_us >= y->late_us + QUESTIONS_LATE_US)
		memset(y->late, 0, sizeof y->late);
}
