"""Runs in the session that is measured: a numbered line 20 times a second, and an answer
to each key.

    ticker.py LOG

Writes `L000001` on every tick and `K00001=x` for every key x; LOG has the keys.
"""

import os
import select
import sys
import termios
import time
import tty

INTERVAL = 0.05


def main():
    tty.setcbreak(0)
    attributes = termios.tcgetattr(0)
    attributes[3] &= ~termios.ISIG
    termios.tcsetattr(0, termios.TCSANOW, attributes)
    ticks = keys = 0
    next_tick = time.monotonic()
    with open(sys.argv[1], "ab", buffering=0) as log:
        while True:
            wait = next_tick - time.monotonic()
            if wait <= 0:
                ticks += 1
                next_tick += INTERVAL
                os.write(1, b"L%06d\n" % ticks)
            elif select.select([0], [], [], wait)[0]:
                typed = os.read(0, 1024)
                log.write(typed)
                for code in typed:
                    keys += 1
                    os.write(1, b"K%05d=%c\n" % (keys, code))


if __name__ == "__main__":
    main()
