"""What a client that returns to its window and a server have said when that was new, said again to
today's server: of forty rows the eight on the screen and what is new, and the program draws anew.
"""

import os
import pathlib
import select
import time

import exchange

HERE = pathlib.Path(__file__).resolve().parent


class Link:
    """One to the session, with what its stream 1 has brought."""

    def __init__(self, hello, env):
        self.child = exchange.start_server(hello, env)
        self.messages = exchange.Messages("v1")
        self.said, self.data = exchange.Side(self.messages), bytearray()
        self.send(bytes.fromhex("0000000909" + "00" * 8))               # USE
        self.acknowledge(0)
        self.acknowledge(1)

    def send(self, frame):
        self.child.stdin.write(frame)

    def acknowledge(self, stream):
        self.send(bytes.fromhex("0000001506") + stream.to_bytes(4, "big")
                  + len(self.said.streams[stream]).to_bytes(8, "big")
                  + (1 << 20).to_bytes(8, "big"))

    def expect(self, what):
        deadline = time.monotonic() + exchange.TIMEOUT
        while what not in self.said.streams[1]:
            assert time.monotonic() < deadline, bytes(self.said.streams[1])
            if not select.select([self.child.stdout], [], [], 1)[0]:
                continue
            more = os.read(self.child.stdout.fileno(), 65536)
            assert more, "the server has ended"
            self.data.extend(more)
            for frame in exchange.frames(self.data):
                name, values = self.said.take(frame)
                if name == "DATA":
                    self.acknowledge(values["stream"])
        return bytes(self.said.streams[1])

    def bye(self, code):
        self.send(bytes.fromhex("000000070a") + code.to_bytes(2, "big") + bytes(4))


def returned(folder, frames):
    """What the two clients are shown."""
    env = {**os.environ, "HOME": str(folder), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(folder / "run")}
    first = Link(frames[0], env)
    shown = [first.expect(b"waits\r\n")]
    first.bye(4)        # BYE_DETACHED
    first.child.wait(exchange.TIMEOUT)
    (folder / "go").touch()
    deadline = time.monotonic() + exchange.TIMEOUT
    while not (folder / "gone").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    second = Link(frames[1], env)
    shown.append(second.expect(b"drawn\r\n"))
    second.bye(2)       # BYE_HANGUP
    second.child.stdin.close()
    second.child.wait(exchange.TIMEOUT)
    return shown


def test_a_return_as_it_was_when_that_was_new(tmp_path):
    text = (HERE / "v1/seen.returned").read_text().splitlines()
    frames = [bytes.fromhex(line[2:]) for line in text if line[0] == ">"]
    want = [bytes.fromhex(line[2:]) for line in text if line[0] == "<"]
    assert returned(tmp_path, frames) == want
