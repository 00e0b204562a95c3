#include "server/machine.h"
#include "sys/os.h"
#include "test.h"

TEST(a_machine_knows_itself_and_does_not_tell_its_number)
{
	struct machine_frame frame;
	struct msg_machine other;
	struct buf more;
	union msg m;
	uint8_t number[ID_LEN];
	static const uint8_t unknown[ID_LEN];
	os_machine_id(number);
	machine_frame(&frame);
	CHECK(!machine_is_another((struct span){ frame.bytes, frame.n }));
	CHECK(!machine_is_another((struct span){ 0 }));
	if (memcmp(number, unknown, ID_LEN) == 0) {
		CHECK_EQ(frame.n, 0);
		return;
	}
	CHECK(msg_find((struct span){ frame.bytes, frame.n }, MSG_MACHINE, &m));
	CHECK(memcmp(m.machine.machine, number, ID_LEN) != 0);
	other = m.machine;
	other.machine[3] ^= 1;
	buf_init(&more, FRAME_MAX);
	CHECK_EQ(msg_put(&more, MSG_MACHINE, &other), 0);
	CHECK(machine_is_another(buf_span(&more)));
	buf_finish(&more);
}
