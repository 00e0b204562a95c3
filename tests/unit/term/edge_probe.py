"""Run in a terminal on the display of test_edge.py: what a sequence behind the last column
does.  Writes, for each name, whether the next character begins a new row, and how many cells
of the row were erased.

    edge_probe.py FRAMEBUFFER COLOUR OUTPUT [NAME=SEQUENCE ...]
"""

import os
import pathlib
import re
import select
import sys
import termios
import time
import tty

# SGR, and the pixel that it becomes: blue, green, red.
COLOURS = {"true": ("48;2;2;255;1", b"\x01\xff\x02"), "green": ("42", b"\x00\xcd\x00")}
CLEAR = b"\033[?25l\033[m\033[H\033[2J\033[5;1H"
SOME = 10


class Terminal:
    def __init__(self, framebuffer, colour):
        self.fd = os.open("/dev/tty", os.O_RDWR)
        tty.setraw(self.fd)
        self.framebuffer = pathlib.Path(framebuffer)
        sgr, self.pixel = COLOURS[colour]
        self.cell = f"\033[{sgr}m \033[m".encode()

    def write(self, data):
        os.write(self.fd, data)

    def row(self):
        """Where the cursor is; so all before has been read."""
        self.write(b"\033[6n")
        got = b""
        while not (found := re.search(rb"\033\[(\d+);\d+R", got)):
            if not select.select([self.fd], [], [], 5)[0]:
                sys.exit("no answer")
            got += os.read(self.fd, 100)
        return int(found[1])

    def lit(self):
        """Pixels of that colour, once they no longer change."""
        last = None
        while True:
            time.sleep(0.07)
            now = self.framebuffer.read_bytes().count(self.pixel)
            if now == last:
                return now
            last = now

    def draw(self, data):
        self.write(data)
        self.row()
        return self.lit()


def main(framebuffer, colour, output, *sequences):
    terminal = Terminal(framebuffer, colour)
    saved = termios.tcgetattr(terminal.fd)
    cols = os.get_terminal_size(terminal.fd).columns
    cell = terminal.draw(CLEAR + terminal.cell * SOME) / SOME
    lines = []
    for item in sequences:
        name, sequence = item.split("=", 1)
        full = terminal.draw(CLEAR + terminal.cell * cols)
        left = terminal.draw(sequence.encode())
        terminal.write(b"y")
        lines.append(f"{name} {terminal.row() == 6:d} {round((full - left) / cell)} {cols}\n")
    termios.tcsetattr(terminal.fd, termios.TCSANOW, saved)
    pathlib.Path(output + "~").write_text("".join(lines))
    os.rename(output + "~", output)


main(*sys.argv[1:])
