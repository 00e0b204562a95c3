#!/usr/bin/python3 -ESs
"""In ssh's place: a host that wants more than it may.

Opens channels that nobody asked for, never acknowledges the client's control stream, and
asks on each channel by SOCKS for a connection to $HOSTILE_PORT of the client's machine.
The channels are of the kind $HOSTILE_KIND (open.kind).  Writes to $HOSTILE_RESULT how many it opened
before the client told no more, and in all; ends when the client has closed the link.
"""

import os
import signal
import struct
import sys

DATA, ACK, PING, PONG, USE, OPEN, FAILED = 4, 6, 7, 8, 9, 68, 70
MANY = 4000


def frame(kind, body):
    return struct.pack(">IB", 1 + len(body), kind) + body


def string(data):
    return struct.pack(">I", len(data)) + data


def socks(port):
    return struct.pack(">BBHBBBBB", 4, 1, port, 127, 0, 0, 1, 0)


class Host:
    def __init__(self, hello):
        self.rest = b""
        self.sent = 0                               # bytes of stream 0
        self.limit = 64 * 1024                      # of it that the client takes
        self.told = 0                               # FAILEDs
        self.control = b""
        session = hello[5 + 4 + 4 + struct.unpack(">I", hello[9:13])[0] + 16:][:16]
        # Of what the client says any amount is taken, and never acknowledged.
        positions = struct.pack(">IQQ", 0, 0, 1 << 40)
        self.write(frame(2, struct.pack(">H", 1) + string(b"hostile") + bytes(16) + session
                         + struct.pack(">Q", 1) + string(b"") + string(positions)))

    @staticmethod
    def write(data):
        while data:
            data = data[os.write(1, data):]

    def read(self):
        more = os.read(0, 65536)
        if not more:
            raise EOFError
        self.rest += more
        while len(self.rest) >= 4:
            size = 4 + struct.unpack(">I", self.rest[:4])[0]
            if len(self.rest) < size:
                return
            kind, body, self.rest = self.rest[4], self.rest[5:size], self.rest[size:]
            self.take(kind, body)

    def take(self, kind, body):
        if kind in (PING, USE):
            self.write(frame(PONG, body))
        elif kind == PONG:
            self.answered = True
        elif kind == ACK and body[:4] == bytes(4):
            self.limit = struct.unpack(">Q", body[12:20])[0]
        elif kind == DATA and body[:4] == bytes(4):
            self.control += body[12:]
            self.told = self.control.count(bytes([0, 0, 0, 20, FAILED]))

    def ask(self):
        """Returns when everything that was sent has been dealt with."""
        self.answered = False
        self.write(frame(PING, struct.pack(">Q", 1)))
        while not self.answered:
            self.read()

    def open(self, stream, kind):
        message = frame(OPEN, struct.pack(">IQBIH", stream, 1 << 20, kind, 0, 0) + string(b""))
        while self.sent + len(message) > self.limit:
            self.read()
        self.write(frame(DATA, struct.pack(">IQ", 0, self.sent) + message))
        self.sent += len(message)

    def data(self, stream, data):
        self.write(frame(DATA, struct.pack(">IQ", stream, 0) + data))


def ended(*_):
    raise EOFError


def main():
    if "-G" in sys.argv:
        os.execv("/usr/bin/ssh", ["ssh", "-F", "none", *sys.argv[1:]])
    signal.signal(signal.SIGTERM, ended)
    words = sys.argv[-1].split()
    port, kind = int(os.environ["HOSTILE_PORT"]), int(os.environ["HOSTILE_KIND"])
    os.write(1, f"{words[-5]} ready\n".encode())
    opened = full = 0
    try:
        host = Host(bytes.fromhex(words[-1]))
        for opened in range(1, MANY):
            stream = 15 + 2 * opened
            host.open(stream, kind)
            if opened % 100 == 0 or full:
                told = host.told
                host.ask()
                host.data(stream, socks(port))
                host.ask()
                full = full or (opened if host.told == told else 0)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    with open(os.environ["HOSTILE_RESULT"], "w") as paper:
        paper.write(f"{full} {opened}")


if __name__ == "__main__":
    main()
