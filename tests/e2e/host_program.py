"""Runs in a session: writes lines, reads input, and proves what went through.

    host_program.py write COUNT        writes numbered lines as fast as it can
    host_program.py read SIZE FILE     keeps so many bytes of input in a file
    host_program.py both               ticks, and answers each line, until `end`

The terminal is made raw, so that no byte is changed on the way.  Output is framed by
`hp:begin` and `hp:end <sha256 of the output> <sha256 of the input>`.
"""

import hashlib
import os
import select
import sys
import termios
import tty


def line(number):
    return b"%07d abcdefghij\n" % number


def lines(count):
    return b"".join(map(line, range(1, count + 1)))


class _Traffic:
    def __init__(self):
        self.sent, self.received = hashlib.sha256(), hashlib.sha256()

    def write(self, data):
        self.sent.update(data)
        while data:
            data = data[os.write(1, data):]

    def read(self, size):
        data = os.read(0, size)
        self.received.update(data)
        return data


def do_write(traffic, count):
    for first in range(1, int(count) + 1, 1000):
        last = min(first + 999, int(count))
        traffic.write(b"".join(map(line, range(first, last + 1))))


def do_read(traffic, size, path):
    left = int(size)
    with open(path, "wb") as file:
        while left:
            data = traffic.read(min(left, 65536))
            if not data:
                break
            file.write(data)
            left -= len(data)


def do_both(traffic):
    tick, rest = 0, b""
    while True:
        if not select.select([0], [], [], 0.002)[0]:
            tick += 1
            traffic.write(b"tick " + line(tick))
            continue
        *done, rest = (rest + traffic.read(65536)).split(b"\n")
        for one in done:
            if one == b"end":
                return
            traffic.write(b"got " + one + b"\n")


def main():
    name, *args = sys.argv[1:]
    traffic = _Traffic()
    modes = termios.tcgetattr(0)
    tty.setraw(0)
    os.write(1, b"hp:begin\n")
    try:
        {"write": do_write, "read": do_read, "both": do_both}[name](traffic, *args)
        os.write(1, b"hp:end %s %s\n" % (traffic.sent.hexdigest().encode(),
                                         traffic.received.hexdigest().encode()))
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, modes)


if __name__ == "__main__":
    main()
