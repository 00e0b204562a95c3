#include "ssh/ssh_errors.h"
#include "test.h"

TEST(what_ssh_says)
{
	static const struct {
		const char *said;
		enum ssh_errors meaning;
	} table[] = {
		{ NULL, SSH_ERROR_NONE },
		{ "", SSH_ERROR_NONE },
		{ "bash: x: Permission denied\n", SSH_ERROR_NONE },
		{ "Connection to h closed by remote host.\r\n", SSH_ERROR_LOST },
		{ "Timeout, server h not responding.\r\n", SSH_ERROR_LOST },
		{ "client_loop: send disconnect: Broken pipe\r\n", SSH_ERROR_LOST },
		{ "u@h: Permission denied (publickey,password).\r\n", SSH_ERROR_LOGIN },
		{ "Received disconnect from 10.0.0.1 port 22:2: Too many authentication "
		  "failures\r\n",
		    SSH_ERROR_LOGIN },
		{ "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\n",
		    SSH_ERROR_HOST_KEY },
		{ "No ED25519 host key is known for h.\r\nHost key verification failed.\r\n",
		    SSH_ERROR_HOST_KEY },
		{ "ssh: connect to host h port 22: Connection refused\r\n",
		    SSH_ERROR_REFUSED },
		{ "ssh: connect to host h port 22: Connection timed out\r\n",
		    SSH_ERROR_SILENT },
		{ "ssh: connect to host h port 22: Operation timed out\r\n",
		    SSH_ERROR_SILENT },
		{ "ssh: connect to host h port 22: Network is unreachable\r\n",
		    SSH_ERROR_NO_NETWORK },
		{ "ssh: connect to host h port 22: No route to host\r\n",
		    SSH_ERROR_NO_WAY },
		{ "ssh: connect to host h port 22: Too many open files\r\n",
		    SSH_ERROR_UNREACHED },
		{ "ssh: Could not resolve hostname h: Name or service not known\r\n",
		    SSH_ERROR_NO_NAME },
		{ "kex_exchange_identification: Connection closed by remote host\r\n",
		    SSH_ERROR_UNREACHED },
		{ "Connection timed out during banner exchange\r\n",
		    SSH_ERROR_UNREACHED },
		{ "Connection to 10.0.0.1 port 22 timed out\r\nbanner exchange: Connection to "
		  "10.0.0.1 port 22: timed out\r\n",
		    SSH_ERROR_SILENT },
		{ "channel 0: open failed: administratively prohibited: open failed\r\n",
		    SSH_ERROR_NO_SESSION },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		CHECK_EQ(ssh_errors(table[i].said), table[i].meaning);
}

TEST(another_host_key_with_its_fingerprint_and_where_the_known_one_stands)
{
	static const char changed[] =
	    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
	    "The fingerprint for the ED25519 key sent by the remote host is\n"
	    "SHA256:UYPzgeQVzCGFs2OWCUZYtqhXKPGBqzGVHCcKtRnM4LM.\r\n"
	    "Please contact your system administrator.\r\n"
	    "Add correct host key in /home/u/.ssh/known_hosts to get rid of this message.\r\n"
	    "Offending RSA key in /home/u/.ssh/known_hosts:12\r\n"
	    "Host key verification failed.\r\n";
	struct ssh_errors_key key;
	ssh_errors_key(changed, &key);
	CHECK_STR(key.fingerprint, "SHA256:UYPzgeQVzCGFs2OWCUZYtqhXKPGBqzGVHCcKtRnM4LM");
	CHECK_STR(key.place, "known_hosts:12");
	static const char *const none[] = { NULL, "", "Host key verification failed.\r\n",
		"key sent by the remote host is", "Offending ", "Offending key\r\n/x:1" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		ssh_errors_key(none[i], &key);
		CHECK_STR(key.fingerprint, "");
		CHECK_STR(key.place, "");
	}
	ssh_errors_key("key sent by the remote host is\n\033[2J\nOffending key in /\033",
	    &key);
	CHECK_STR(key.fingerprint, "");
	CHECK_STR(key.place, "");
}

TEST(no_way_to_the_host_is_told_from_a_refusal)
{
	static const struct {
		const char *said;
		bool online, offline;
	} cases[] = {
		{ "", false, false },
		{ "ssh: connect to host a port 22: No route to host\r\n", true, true },
		{ "ssh: connect to host a port 22: Network is unreachable\r\n", true,
		    true },
		{ "ssh: connect to host a port 22: Connection timed out", true, true },
		{ "ssh: connect to host a port 22: Connection refused\r\n", false,
		    false },
		{ "noise\nssh: connect to host ::1 port 22: Network is unreachable\n",
		    true, true },
		{ "ssh: Could not resolve hostname a: Temporary failure in name resolution",
		    true, true },
		{ "ssh: Could not resolve hostname a: Name or service not known\r\n",
		    false, true },
		{ "No route to host\n", false, false }, /* a banner of the host */
		{ "kex_exchange_identification: read: Connection reset by peer", false,
		    false },
	};
	CHECK(!ssh_errors_no_way(NULL, false));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CHECK_EQ(ssh_errors_no_way(cases[i].said, true), cases[i].online);
		CHECK_EQ(ssh_errors_no_way(cases[i].said, false), cases[i].offline);
	}
}
