"""Peers that break the protocol on purpose.

An exchange as a real peer has it, a list of steps, is changed by dice: steps come in another order,
twice, many times or not at all; a field is at one of its bounds; a message is one of the other
end's, or of none; bytes are others, or missing; nothing is acknowledged, or no PING answered.

    Steps       what a peer says, in the words of doc/PROTOCOL.md
    change      makes another exchange of it
    Wire        says it on two descriptors, and answers as an honest peer does, unless it is deaf
"""

import os
import select
import struct
import time

from peer import MESSAGES, SIZES, frame, garbage

NAMES = {number: name for name, (number, _, _) in MESSAGES.items()}
# Of each width, what is likely to be handled wrong.
EDGES = {size: [edge for edge in (0, 1, 2, 15, 16, 17, 255, 2 ** (8 * size - 1) - 1,
                                  2 ** (8 * size - 1), 256 ** size - 2, 256 ** size - 1)
                if edge < 256 ** size]
         for size in SIZES.values()}
TEXTS = [b"", b"\0", b"x", b"-", b"..", b"/", b"127.0.0.1", b"localhost", b"*", b"\xff" * 300,
         b"a" * 4096, b"\x1b]0;x\a\x1b[6n", b"\xe2\x80\xae"]
MANY = 400          # times that a step comes, at the most
SECONDS = 8         # that one may talk, at the most
QUIET = 0.05        # after its last word it listens so long


def edge(kind, dice):
    """A value of a field that may be handled wrong."""
    if kind in SIZES:
        return dice.choice(EDGES[SIZES[kind]])
    if kind == "id":
        return dice.choice([bytes(16), b"\xff" * 16, dice.randbytes(16)])
    return dice.choice([*TEXTS, dice.randbytes(dice.randrange(60))])


class Step:
    """A frame of a link, or (`inside`) one on the control stream."""

    def __init__(self, name, /, **fields):
        self.name, self.fields = name, fields
        self.times, self.skew, self.harm = 1, 0, None

    @property
    def inside(self):
        return MESSAGES[self.name][1] == "control"

    def copy(self):
        other = Step(self.name, **self.fields)
        other.times, other.skew, other.harm = self.times, self.skew, self.harm
        return other


def strange(dice):
    """A message of any end, with fields at their bounds."""
    name = dice.choice(list(MESSAGES))
    return Step(name, **{field: edge(kind, dice) for kind, field in MESSAGES[name][2]})


def change(steps, dice):
    """Another exchange; also whether its peer acknowledges, and whether it answers PINGs."""
    steps = [one.copy() for one in steps]
    for _ in range(dice.choice((1, 1, 2, 3, 5, 8))):
        at, other = dice.randrange(len(steps)), dice.randrange(len(steps))
        one = steps[at]
        what = dice.randrange(10)
        if what == 0:
            steps.insert(other, steps.pop(at))
        elif what == 1:
            steps.insert(other, one.copy())
        elif what == 2 and len(steps) > 1:
            steps.pop(at)
        elif what == 3:
            one.times = dice.choice([2, 3, 17, MANY])
        elif what == 4:
            one.skew = dice.choice([-1, 1, 5, 2 ** 20, 2 ** 40])
        elif what == 5:
            one.harm = dice.randrange(2 ** 30)
        elif what == 6:
            steps.insert(other, strange(dice))
        else:
            field = dice.choice(MESSAGES[one.name][2])
            one.fields[field[1]] = edge(field[0], dice)
    return steps, dice.random() < 0.8, dice.random() < 0.9


def harmed(data, seed):
    """The same bytes but for one, or fewer or more of them, or another length in front."""
    what, at = seed % 4, seed // 4 % len(data)
    if what == 0:
        return data[:at] + bytes([data[at] ^ 1 << seed // 64 % 8]) + data[at + 1:]
    if what == 1:
        return data[:at]
    if what == 2:
        return data[:at] + b"\0\xff\x7f" + data[at:]
    lengths = (0, 1, 2 ** 18, 2 ** 18 + 1, 2 ** 31, 2 ** 32 - 1)
    return struct.pack(">I", lengths[seed // 4 % 6]) + data[4:]


class Wire:
    def __init__(self, fd_in, fd_out, dice, acks=True, pongs=True):
        self.fds, self.dice, self.acks, self.pongs = (fd_in, fd_out), dice, acks, pongs
        self.rest, self.sent, self.over = b"", {}, False
        self.heard = []         # what has come: (name, body); and on the control stream
        self.asked, self._control = [], b""
        self.end = time.monotonic() + SECONDS
        os.set_blocking(fd_in, False)
        os.set_blocking(fd_out, False)

    def say(self, steps):
        """All of it, and what the other end asks for meanwhile."""
        for step in steps:
            for _ in range(step.times):
                if self.over or time.monotonic() > self.end:
                    return
                self._send(self.bytes_of(step))
            if self.dice.random() < 0.5:
                self.listen(0)

    def bytes_of(self, step):
        fields = dict(step.fields)
        if step.name in ("DATA", "END") and "offset" not in fields:
            stream = fields.get("stream", 1)
            fields["offset"] = max(self.sent.get(stream, 0) + step.skew, 0) % 2 ** 64
            self.sent[stream] = fields["offset"] + len(fields.get("bytes", b""))
        data = frame(step.name, **fields)
        if step.inside:
            at = max(self.sent.get(0, 0) + step.skew, 0)
            if step.harm is not None and step.harm % 8 > 3:
                data = harmed(data, step.harm)
            self.sent[0] = at + len(data)
            data = frame("DATA", stream=0, offset=at % 2 ** 64, bytes=data)
        return data if step.harm is None or not data else harmed(data, step.harm)

    def _send(self, data):
        while data and not self.over:
            some = data[:self.dice.choice((1, 7, 4096, 2 ** 20))]
            try:
                data = data[os.write(self.fds[1], some):]
            except BlockingIOError:
                self.listen(0.01)
                if time.monotonic() > self.end:
                    return
            except OSError:
                self.over = True

    def listen(self, seconds):
        """Takes what has come; waits so long for it."""
        while not self.over and select.select([self.fds[0]], [], [], seconds)[0]:
            try:
                data = os.read(self.fds[0], 2 ** 18)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self.over |= not data
            self.rest += data
            self._frames()
            if time.monotonic() > self.end:
                return

    def _frames(self):
        answers = b""
        while len(self.rest) >= 5:
            size = 4 + int.from_bytes(self.rest[:4], "big")
            if len(self.rest) < size:
                break
            name, body = NAMES[self.rest[4]], self.rest[5:size]
            self.rest = self.rest[size:]
            self.heard.append((name, body))
            if name in ("PING", "USE") and self.pongs:
                answers += frame("PONG", stamp=int.from_bytes(body[:8], "big"))
            if name == "DATA" and body[:4] == bytes(4):
                self._asked(body[12:])
            if name == "DATA" and self.acks:
                received = int.from_bytes(body[4:12], "big") + len(body) - 12
                answers += frame("ACK", stream=int.from_bytes(body[:4], "big"), received=received,
                                 limit=received + 2 ** 20)
        if answers and not self.over:
            try:
                os.write(self.fds[1], answers)
            except OSError:
                pass

    def _asked(self, data):
        self._control += data
        while len(self._control) >= 5:
            size = 4 + int.from_bytes(self._control[:4], "big")
            if len(self._control) < size:
                return
            self.asked.append((NAMES[self._control[4]], self._control[5:size]))
            self._control = self._control[size:]

    def finish(self):
        self.listen(QUIET)


def positions(*streams):
    """Of HELLO and WELCOME: nothing is here, and so much may be sent."""
    return b"".join(struct.pack(">IQQ", stream, 0, 2 ** 20) for stream in streams)


def granted(*streams):
    return [Step("ACK", stream=stream, received=0, limit=2 ** 20) for stream in streams]


# ---- what real ones say ----

def host_opening(session, terminal):
    """How a host's side begins."""
    streams = (0, 1) if terminal else (0, 1, 2)
    return [
        Step("WELCOME", version=1, build=b"0.1.0-0123456789ab", boot=b"\1" * 16, session=session,
             begun_ms=1700000000000, name=b"", positions=positions(*streams),
             more=frame("MACHINE", machine=b"\2" * 16)),
        *granted(*streams),
        Step("PONG", stamp=0),
    ]


def host_steps(dice, terminal, asked):
    """How it goes on: `asked`: what the client has said on its control stream, (name, body)."""
    forwards = [int.from_bytes(body[:4], "big") for name, body in asked if name == "LISTEN"]
    opened = [int.from_bytes(body[:4], "big") for name, body in asked if name == "OPEN"]
    steps = [Step("DATA", stream=1, bytes=b"a line\r\n" * dice.randrange(1, 400)),
             Step("PING", stamp=5)]
    if terminal:
        steps.append(Step("ECHOED", input=0, output=0, modes=7, erase=127, group=4))
    for number, forward in enumerate(forwards):
        mine = 17 + 2 * number
        steps += [Step("LISTENING", forward=forward, port=4000),
                  Step("OPEN", stream=mine, limit=2 ** 20, kind=3, forward=forward),
                  Step("DATA", stream=mine, bytes=dice.randbytes(50)),
                  Step("END", stream=mine), Step("CLOSE", stream=mine)]
    for theirs in opened:
        steps += [Step("OPENED", stream=theirs, limit=2 ** 20),
                  Step("DATA", stream=theirs, bytes=dice.randbytes(50)),
                  dice.choice((Step("END", stream=theirs), Step("CLOSE", stream=theirs)))]
    # What nobody asked for.
    if dice.random() < 0.3:
        steps.append(Step("OPEN", stream=101, limit=2 ** 20, kind=dice.choice((1, 2, 3, 4, 5)),
                          forward=dice.choice((0, 99)), port=dice.choice((0, 22)),
                          host=b"localhost"))
    ends = [Step("EXIT", how=dice.choice((1, 2)), status=3), *[Step("END", stream=one) for one in (
        (1, 0) if terminal else (1, 2, 0))], Step("BYE", code=dice.choice((1, 3, 4, 5)))]
    return steps + ends * (dice.random() < 0.7)


def client_steps(dice, role):
    """A client's side, behind its HELLO."""
    typed = {"reader": b"typed\n", "sharer": b"x\n", "owner": b"y\n"}[role]
    return [
        Step("USE", stamp=7),
        *granted(0, 1),
        Step("PING", stamp=1),
        Step("WINDOW", rows=dice.choice((1, 24, 500)), cols=dice.choice((1, 80, 999))),
        Step("SHOWS", on=1),
        Step("DATA", stream=1, bytes=typed * dice.randrange(1, 40)),
        Step("ACK", stream=1, received=0, limit=2 ** 21),
        Step("LISTEN", forward=1, kind=1, port=0, host=b"localhost"),
        Step("OPEN", stream=16, limit=2 ** 20, kind=1, port=9, host=b"127.0.0.1"),
        Step("DATA", stream=16, bytes=b"through it"),
        Step("OPENED", stream=17, limit=2 ** 20),
        Step("BREAK", length_ms=0),
        Step("CLOSE", stream=16),
        Step("STOP", stream=1),
        Step("LATE", seconds=1),
        Step("UNLISTEN", forward=1),
        Step("END", stream=1),
        Step("PONG", stamp=3),
        Step("BYE", code=4),
    ]


def hello(dice, **fields):
    """The bytes of one, some of which are wrong."""
    usual = {"version_min": 1, "version_max": 1, "rows": 24, "cols": 80, "linger_s": 1,
             "client": dice.randbytes(16), "term": b"dumb", "positions": positions(0, 1),
             "more": dice.choice((b"", frame("PREDICT", version=1), garbage("DISPLAY", dice),
                                  garbage("HISTORY", dice))), **fields}
    if dice.random() < 0.3:
        kind, field = dice.choice(MESSAGES["HELLO"][2])
        # Who it is, and what it may do, stay what the test means.
        if field not in ("session", "flags", "request", "command", "kind", "linger_s"):
            usual[field] = edge(kind, dice)
    data = frame("HELLO", **usual)
    return harmed(data, dice.randrange(2 ** 30)) if dice.random() < 0.1 else data
