"""A client of the protocol without belay: says what it likes to a belay-server of this machine.

The messages are those of doc/PROTOCOL.md.
"""

import os
import pathlib
import re
import select
import signal
import subprocess
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
MARK = "0123456789abcdef01234567"
TIMEOUT = float(os.environ.get("BELAY_E2E_TIMEOUT", "20"))
NEW, RESUME, ATTACH, OPEN = 1, 2, 3, 4     # hello.wish
SHARE, READ_ONLY, EXACT, AGENT, CLOSES_LAST = 1, 2, 4, 8, 32     # hello.flags
PTY, PIPES = 1, 2     # hello.kind


def _messages():
    """By name: number, carrier, fields."""
    found = {}
    text = (REPO / "doc/PROTOCOL.md").read_text()
    for line in re.search(r"^```messages\n(.*?)^```", text, re.M | re.S)[1].splitlines():
        name, number, carrier, _, fields = re.match(
            r"(\w+) (\d+) (\w+) (\w+): (.*)", line).groups()
        found[name] = (int(number), carrier, [one.split() for one in fields.split(", ")])
    return found


MESSAGES = _messages()


def frame(name, /, **values):
    """A whole frame; fields that are not named are 0 or empty."""
    number, _, fields = MESSAGES[name]
    body = b""
    for kind, field in fields:
        value = values.pop(field, None)
        if kind in SIZES:
            body += (value or 0).to_bytes(SIZES[kind], "big")
        elif kind == "id":
            body += value or bytes(16)
        else:
            value = value or b""
            body += (len(value).to_bytes(4, "big") if kind == "str" else b"") + value
    assert not values, f"{name} has no {values}"
    return (1 + len(body)).to_bytes(4, "big") + bytes([number]) + body


def garbage(name, dice):
    """One with random fields."""
    made = {}
    for kind, field in MESSAGES[name][2]:
        size = SIZES.get(kind, 16 if kind == "id" else dice.randrange(40))
        made[field] = dice.randbytes(size)
        if kind in SIZES:
            made[field] = dice.choice((int.from_bytes(made[field], "big"), 0, 1, 2, 3, 17))
            made[field] %= 256 ** size
    return frame(name, **made)


def server_program():
    folder = pathlib.Path(os.environ.get("BELAY_SERVERS", REPO / "build/servers"))
    return folder / f"{os.uname().sysname}-{os.uname().machine}"


class Peer:
    """One link to a session, and what came over it."""

    def __init__(self, env, main_from=0, **hello):
        """`main_from`: so much of stream 1 is there from an earlier link."""
        more = {"version_min": 1, "version_max": 1, "rows": 24, "cols": 80,
                "client": os.urandom(16), "linger_s": 60, "term": b"dumb", **hello}
        self.client = more["client"]
        self.child = subprocess.Popen(
            [server_program(), "attach", MARK, "-"], env=env, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.names, self.main, self.over = [], bytearray(), False
        self._in, self._at, self._sent = bytearray(), main_from, {}
        self._ready = False
        self.send(frame("HELLO", **more))
        self.expect(lambda: self.names or self.over)

    @property
    def welcome(self):
        return self.names[:1] == ["WELCOME"]

    def send(self, data):
        """Frames; False: nobody is there any more."""
        try:
            self.child.stdin.write(data)
            return True
        except (BrokenPipeError, ValueError):
            return False

    def stream(self, number, data):
        """Data of a stream, at its place."""
        at = self._sent.setdefault(number, 0)
        self._sent[number] += len(data)
        return self.send(frame("DATA", stream=number, offset=at, bytes=data))

    def expect(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not in time; {self.names[-9:]}, {bytes(self.main[-200:])}"
            if select.select([self.child.stdout], [], [], left)[0]:
                self._take(os.read(self.child.stdout.fileno(), 65536))

    def _take(self, data):
        self.over |= not data
        self._in += data
        if not self._ready and b"\n" in self._in:
            self._ready = self._in.startswith(f"{MARK} ready\n".encode())
            del self._in[:self._in.index(b"\n") + 1]
        while self._ready and len(self._in) >= 5:
            end = 4 + int.from_bytes(self._in[:4], "big")
            if len(self._in) < end:
                return
            self._frame(self._in[4], bytes(self._in[5:end]))
            del self._in[:end]

    def _frame(self, number, body):
        self.names.append(next(name for name, one in MESSAGES.items() if one[0] == number))
        if self.names[-1] == "PING":
            self.send(frame("PONG", stamp=int.from_bytes(body, "big")))
        if self.names[-1] != "DATA":
            return
        stream, offset = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:12], "big")
        if stream == 1:
            assert offset <= self._at
            fresh = body[12 + self._at - offset:]
            self.main += fresh
            self._at += len(fresh)
            self.send(frame("ACK", stream=1, received=self._at, limit=self._at + 2 ** 20))
        else:
            self.send(frame("ACK", stream=stream, received=offset + len(body) - 12,
                            limit=2 ** 20))

    def lives(self):
        """Whether the host has not closed the link, as far as can be seen now."""
        while not self.over and select.select([self.child.stdout], [], [], 0)[0]:
            self._take(os.read(self.child.stdout.fileno(), 65536))
        return not self.over

    def grant(self):
        """Chooses this link and lets the host send."""
        self.send(frame("USE", stamp=7))
        for stream in (0, 1):
            self.send(frame("ACK", stream=stream, received=0, limit=2 ** 20))
        return self

    def close(self):
        """As if the connection were lost."""
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
