#include "server/machine.h"

#include "base/hex.h"
#include "base/siphash.h"
#include "sys/os.h"
#include "wire/bytes.h"

#include <string.h>
#include <unistd.h>

/* As sd_id128_get_machine_app_specific(3) does: the number is the key, and what would use it
 * the text. */
static bool
machine_id(uint8_t ret[ID_LEN])
{
	static const char name[] = "belay machine";
	uint8_t key[SIPHASH_LEN], text[sizeof name + 8];
	static const uint8_t zero[SIPHASH_LEN];
	os_machine_id(key);
	memcpy(text, name, sizeof name);
	put_be(text + sizeof name, (uint64_t)geteuid(), 8);
	siphash(key, (struct span){ text, sizeof text }, ret);
	return memcmp(key, zero, sizeof key) != 0;
}

void
machine_frame(struct machine_frame *ret)
{
	put_be(ret->bytes, 1 + ID_LEN, 4);
	ret->bytes[4] = MSG_MACHINE;
	ret->n = machine_id(ret->bytes + FRAME_HEADER) ? sizeof ret->bytes : 0;
}

bool
machine_name(struct buf *ret_name)
{
	uint8_t id[ID_LEN];
	return machine_id(id) && hex_put(ret_name, (struct span){ id, ID_LEN }) == 0;
}

bool
machine_is_another(struct span more)
{
	union msg m;
	uint8_t id[ID_LEN];
	return msg_find(more, MSG_MACHINE, &m) && machine_id(id)
	    && memcmp(m.machine.machine, id, ID_LEN) != 0;
}
