"""What a client that wants datagrams says, as it was when that was new, and what it gets from
today's server; by a client of its own, which shares no code with belay's.
"""

import os
import pathlib
import socket
import struct

import pytest

import chacha
import exchange

HERE = pathlib.Path(__file__).resolve().parent
LATER = 1.0     # seconds after which nothing comes any more


def test_the_cipher_is_that_of_the_rfc():
    """RFC 8439, 2.8.2."""
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
            b"future, sunscreen would be it.")
    sealed = chacha.seal(bytes(range(0x80, 0xa0)), bytes.fromhex("070000004041424344454647"),
                         bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), text)
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"


def hello():
    return exchange.load(HERE / "v1/datagrams.hello")[0][0][1]


class Session:
    """By ssh, up to its WELCOME, and then by datagrams."""

    def __init__(self, folder, frame):
        env = {**os.environ, "HOME": str(folder), "SHELL": "/bin/sh",
               "BELAY_RUN_DIR": str(folder / "run"),
               "SSH_CONNECTION": "127.0.0.1 4000 127.0.0.1 22"}
        self.messages = exchange.Messages("v1")
        self.child = exchange.start_server(frame, env)
        self.child.stdin.write(bytes.fromhex("0000000909" + "00" * 8))     # USE
        data, self.welcome = bytearray(), None
        while not self.welcome:
            data += self.child.stdout.read(65536)
            for one in exchange.frames(data):
                name, values = self.messages.decode(one)
                if name == "WELCOME":
                    self.welcome = values
        more = bytearray(self.welcome["more"])
        self.more = dict(self.messages.decode(one) for one in exchange.frames(more))
        self.at = self.more.get("DGRAM_AT")
        self.number, self.seen, self.sent = 0, 0, b""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def datagram(self, frames, number=None, key="key_to_host", seen=None):
        if number is None:
            self.number += 1
            number = self.number
        head = struct.pack(">IQ", self.at["id"], number)
        inner = struct.pack(">IIH", self.seen if seen is None else seen, 0, 0) + frames
        return head + chacha.seal(self.at[key], bytes(4) + head[4:], head, inner)

    def send(self, datagram, sock=None):
        (sock or self.sock).sendto(datagram, ("127.0.0.1", self.at["port"]))

    def take(self, sock=None, timeout=exchange.TIMEOUT):
        """The frames of the next one, with what it says has come; None: nothing comes."""
        sock = sock or self.sock
        sock.settimeout(timeout)
        try:
            got = sock.recv(2000)
        except TimeoutError:
            return None
        assert got[:4] == struct.pack(">I", self.at["id"])
        inner = chacha.unseal(self.at["key_to_client"], bytes(4) + got[4:12], got[:12],
                              got[12:])
        self.seen = max(self.seen, int.from_bytes(got[8:12], "big"))
        self.size = len(got)
        data = bytearray(inner[10:])
        return int.from_bytes(inner[:4], "big"), dict(
            self.messages.decode(one) for one in exchange.frames(data))

    def close(self):
        self.sock.close()
        self.child.stdin.write(struct.pack(">IBHI", 7, 10, 2, 0))     # BYE_HANGUP
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(exchange.TIMEOUT)


PING = struct.pack(">IBQ", 9, 7, 0x1234)


@pytest.fixture
def session(tmp_path):
    one = Session(tmp_path, hello())
    if not one.at:
        one.close()
        pytest.skip("built without BearSSL")
    yield one
    one.close()


def test_keys_come_with_the_answer_only(session):
    """They are 32 bytes each, new for each connection; the client's HELLO has none."""
    assert len(session.at["key_to_host"]) == len(session.at["key_to_client"]) == 32
    assert session.at["key_to_host"] != session.at["key_to_client"]
    assert session.at["address"] == b"127.0.0.1" and 60001 <= session.at["port"] <= 60999
    more = bytearray(session.messages.decode(hello())[1]["more"])
    assert [session.messages.decode(one) for one in exchange.frames(more)] == [
        ("DGRAM", {"version": 1})]


def test_who_does_not_ask_gets_none(tmp_path):
    messages = exchange.Messages("v1")
    frame = hello()
    size = len(messages.decode(frame)[1]["more"])
    frame = (len(frame) - 4 - size).to_bytes(4, "big") + frame[4:len(frame) - size]
    session = Session(tmp_path, frame)
    session.close()
    assert not session.at


def test_a_datagram_is_answered_and_the_screen_comes(session):
    session.send(session.datagram(PING))
    seen, frames = session.take()
    assert seen == 1 and frames["PONG"]["stamp"] == 0x1234
    ranks = struct.pack(">IBQBB", 11, 11, 1, 2, 2)
    window = struct.pack(">IBIQQ", 21, 6, 1, 0, 1 << 16)     # ACK: room in stream 1
    shown = b""
    for _ in range(20):
        session.send(session.datagram(ranks + window + PING))
        frames = session.take()[1]
        if "DATA" in frames and frames["DATA"]["stream"] == 1:
            shown = frames["DATA"]["bytes"]
        if b"ready" in shown:
            break
    assert b"ready" in shown


def test_what_is_not_authentic_is_answered_by_nothing(session):
    good = session.datagram(PING)
    for bit in range(0, 8 * len(good), 41):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        session.send(bytes(bad))
    for length in (0, 1, 4, 12, 37, len(good) - 1):
        session.send(good[:length])
    session.send(session.datagram(PING, key="key_to_client"))
    assert session.take(timeout=LATER) is None
    session.send(good)      # and none of it has changed anything
    assert session.take()[0] == 1


def test_what_has_come_is_not_taken_again(session):
    first = session.datagram(PING)
    session.send(first)
    assert session.take()[0] == 1
    session.seen = 1
    session.send(session.datagram(b""))      # no answer is asked for any more
    while session.take(timeout=LATER):
        session.send(session.datagram(b""))
    for _ in range(10):
        session.send(first)
    assert session.take(timeout=LATER) is None


def test_an_address_gets_three_times_what_it_sent_until_it_answers(session):
    session.send(session.datagram(PING))
    session.take()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = session.datagram(struct.pack(">IBQBB", 11, 11, 1, 2, 2)
                            + struct.pack(">IBIQQ", 21, 6, 1, 0, 1 << 16) + PING, seen=1)
    session.send(sent, other)
    got = 0
    while session.take(other, LATER):
        got += session.size
    assert 0 < got <= 3 * len(sent)
    other.close()
