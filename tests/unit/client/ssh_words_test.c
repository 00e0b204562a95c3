#include "client/ssh_words.h"
#include "test.h"

TEST(what_ssh_says)
{
	static const struct {
		const char *said;
		enum ssh_words meaning;
	} table[] = {
		{ NULL, SSH_WORDS_NONE },
		{ "", SSH_WORDS_NONE },
		{ "bash: x: Permission denied\n", SSH_WORDS_NONE },
		{ "Connection to h closed by remote host.\r\n", SSH_WORDS_LOST },
		{ "Timeout, server h not responding.\r\n", SSH_WORDS_LOST },
		{ "client_loop: send disconnect: Broken pipe\r\n", SSH_WORDS_LOST },
		{ "u@h: Permission denied (publickey,password).\r\n", SSH_WORDS_LOGIN },
		{ "Received disconnect from 10.0.0.1 port 22:2: Too many authentication "
		  "failures\r\n",
		    SSH_WORDS_LOGIN },
		{ "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\n",
		    SSH_WORDS_HOST_KEY },
		{ "No ED25519 host key is known for h.\r\nHost key verification failed.\r\n",
		    SSH_WORDS_HOST_KEY },
		{ "ssh: connect to host h port 22: Connection refused\r\n",
		    SSH_WORDS_UNREACHED },
		{ "ssh: Could not resolve hostname h: Name or service not known\r\n",
		    SSH_WORDS_UNREACHED },
		{ "kex_exchange_identification: Connection closed by remote host\r\n",
		    SSH_WORDS_UNREACHED },
		{ "Connection timed out during banner exchange\r\n",
		    SSH_WORDS_UNREACHED },
		{ "channel 0: open failed: administratively prohibited: open failed\r\n",
		    SSH_WORDS_NO_SESSION },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		CHECK_EQ(ssh_words(table[i].said), table[i].meaning);
}
