"""Exchanges of frames as they were recorded, and played again to one of the two programs.

A recording is a text: a line for each frame, `>` from the client or `<` from the server
and its bytes in hexadecimal, `=` where another connection begins, `#` for people.  The
messages are those of a version of the protocol, in `messages` beside the recordings, which
never changes; nothing here is shared with the code.
"""

import collections
import os
import pathlib
import re
import selectors
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "id": 16}
TIMEOUT = 60    # seconds; none of it takes one
MARK = "0123456789abcdef01234567"


class Messages:
    """The table of one version."""

    def __init__(self, version):
        self.by_number = {}
        for line in (HERE / version / "messages").read_text().splitlines():
            name, number, carrier, _, fields = re.match(
                r"(\w+) (\d+) (\w+) (\w+): (.*)", line).groups()
            self.by_number[int(number)] = (name, carrier, [
                field.split() for field in fields.split(", ")])

    def decode(self, frame):
        """The name and the fields of a whole frame."""
        name, _, fields = self.by_number[frame[4]]
        body, values = frame[5:], {}
        for kind, field in fields:
            if kind == "rest":
                values[field], body = body, b""
                continue
            size = SIZES.get(kind)
            if kind == "str":
                size, body = int.from_bytes(body[:4], "big"), body[4:]
            assert len(body) >= size, f"{name}.{field} is cut short"
            raw, body = body[:size], body[size:]
            values[field] = int.from_bytes(raw, "big") if kind[0] == "u" else raw
        assert not body, f"{name} is too long"
        return name, values


def frames(data):
    """Takes whole frames off a bytearray."""
    while len(data) >= 5 and len(data) >= 4 + int.from_bytes(data[:4], "big"):
        size = 4 + int.from_bytes(data[:4], "big")
        yield bytes(data[:size])
        del data[:size]


# What differs from run to run, or is decided by the one who is tried.
VARIABLE = {"WELCOME": ("boot", "build", "begun_ms", "more", "positions", "session"),
            "REFUSE": ("boot", "text", "more"), "OPENED": ("limit",), "OPEN": ("limit",),
            "FAILED": ("text",), "LISTENING": ("text",), "BYE": ("text",),
            "HELLO": ("build", "client", "session", "positions", "more", "term", "modes",
                      "env", "rows", "cols", "xpixel", "ypixel", "version_max", "linger_s",
                      "history")}
# Flags of HELLO that came later, which the other end ignores: HELLO_CLOSES_LAST, _AWAY, _FIT.
LATER_FLAGS = 32 | 64 | 128
SILENT = {"ACK", "PING", "PONG", "USE", "DATA", "END"}


class Side:
    """What one side has said on a session, whatever the pieces and connections."""

    def __init__(self, messages):
        self.messages = messages
        self.events = []                            # all but data
        self.streams = collections.defaultdict(bytearray)
        self.ended = set()
        self.received = {}                          # by stream: acknowledged
        self._control = bytearray()

    def take(self, frame):
        name, values = self.messages.decode(frame)
        if name == "DATA":
            self._data(values)
        elif name == "END":
            assert values["offset"] == self._at(values["stream"])
            self.ended.add(values["stream"])
        elif name == "ACK":
            self.received[values["stream"]] = values["received"]
        elif name not in SILENT:
            self._note(name, values)
        return name, values

    def _at(self, stream):
        return len(self.streams[stream])

    def _data(self, values):
        stream, at = values["stream"], self._at(values["stream"])
        assert values["offset"] <= at, "a gap"
        fresh = values["bytes"][at - values["offset"]:]
        self.streams[stream] += fresh
        if stream == 0:
            self._control += fresh
            for frame in frames(self._control):
                self._note(*self.messages.decode(frame))

    def _note(self, name, values):
        hidden = VARIABLE.get(name, ())
        if name == "HELLO":
            values = {**values, "flags": values["flags"] & ~LATER_FLAGS}
        self.events.append((name, {field: value for field, value in values.items()
                                   if field not in hidden}))

    def has(self, other):
        """Whether everything that `other` has said was said here, too."""
        return (self.events[:len(other.events)] == other.events
                and self.ended >= other.ended
                and all(len(self.streams[n]) >= len(data)
                        for n, data in other.streams.items() if n))

    def difference(self, other):
        lines = []
        if self.events != other.events:
            lines.append(f"events {self.events}\ninstead of {other.events}")
        for number in sorted(set(self.streams) | set(other.streams)):
            if number and self.streams[number] != other.streams[number]:
                lines.append(f"stream {number}: {bytes(self.streams[number])}\n"
                             f"instead of {bytes(other.streams[number])}")
        if self.ended != other.ended:
            lines.append(f"ended {self.ended} instead of {other.ended}")
        return "\n".join(lines)


def load(path):
    """Connections, each a list of (direction, frame)."""
    connections = [[]]
    for line in path.read_text().splitlines():
        if line == "=":
            connections.append([])
        elif line and line[0] in "<>":
            connections[-1].append((line[0], bytes.fromhex(line[2:])))
    return connections


class Player:
    """Plays one direction of a recording over pipes, when the other is where it was."""

    def __init__(self, messages, ours):
        self.messages, self.ours = messages, ours
        self.expected, self.found = Side(messages), Side(messages)

    def play(self, connection, write, read_fd, skip_first=False):
        """Returns when all of it is sent and said, or the other end has closed."""
        data = bytearray()
        selector = selectors.DefaultSelector()
        selector.register(read_fd, selectors.EVENT_READ)
        deadline = time.monotonic() + TIMEOUT

        def pump():
            if not selector.select(max(0, deadline - time.monotonic())):
                raise TimeoutError(self.found.difference(self.expected))
            more = os.read(read_fd, 65536)
            data.extend(more)
            for frame in frames(data):
                self._answer(frame, write)
            return bool(more)

        for number, (direction, frame) in enumerate(connection):
            if direction != self.ours:
                self.expected.take(frame)
                continue
            while not self.found.has(self.expected):
                if not pump():
                    raise EOFError(self.found.difference(self.expected))
            if not (skip_first and number == 0):
                write(frame)
        while not self.found.has(self.expected) and pump():
            pass
        return pump

    def _answer(self, frame, write):
        name, values = self.found.take(frame)
        if name in ("PING", "USE"):     # its time is its own; a recorded PONG is another's
            write(struct.pack(">IBQ", 9, 8, values["stamp"]))


def server_program():
    """belay-server of the build that is tried."""
    folder = pathlib.Path(os.environ.get("BELAY_SERVERS", HERE.parents[1] / "build/servers"))
    return folder / f"{os.uname().sysname}-{os.uname().machine}"


def start_server(hello, env):
    """`belay-server attach`, as the host's shell starts it; gives what follows `ready`."""
    child = subprocess.Popen([server_program(), "attach", MARK, hello.hex()], env=env,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    line = b""
    while not line.endswith(b"\n"):
        byte = child.stdout.read(1)
        assert byte, "belay-server ended"
        line += byte
    assert line == f"{MARK} ready\n".encode()
    return child


def hang_up(child, run_dir):
    """Ends the session of start_server, and waits until its sockets are gone."""
    child.stdin.write(bytes.fromhex("000000070a000200000000"))     # BYE_HANGUP
    child.stdin.close()
    child.wait(TIMEOUT)
    deadline = time.monotonic() + TIMEOUT
    while any(run_dir.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)


def command_words():
    """Of the bootstrap that this process, in ssh's place, was given: mark and hello."""
    words = sys.argv[-1].split()
    return words[-5], bytes.fromhex(words[-1])
