#!/usr/bin/python3 -ESs
"""Plays ssh for test_autossh.py: the n-th start does what line n of $FAKE_SSH/script says.

    exit N       kill N       sleep SECONDS       say TEXT
    stay         until it is told to end          stubborn: not even then
    raw          the terminal                     cooked: say so in signals if it is
    flood N      bytes to stderr

Steps are separated by "; "; after the last line every start stays.  Each start adds its
argv to $FAKE_SSH/starts, each TERM a line to $FAKE_SSH/signals.
"""

import fcntl
import json
import os
import signal
import sys
import termios
import time
import tty

PLACE = os.environ["FAKE_SSH"]


def add_line(name, text):
    """Returns how many lines there were."""
    with open(f"{PLACE}/{name}", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        before = len(file.readlines())
        file.write(text + "\n")
        return before


def on_term(*_):
    add_line("signals", "TERM")
    os._exit(255)


def do(step):
    word, _, rest = step.partition(" ")
    if word == "exit":
        os._exit(int(rest))
    elif word == "kill":
        os.kill(os.getpid(), int(rest))
    elif word == "sleep":
        time.sleep(float(rest))
    elif word == "say":
        os.write(2, rest.encode() + b"\r\n")
    elif word == "flood":
        for _ in range(int(rest) // 1000):
            os.write(2, 999 * b"x" + b"\n")
    elif word == "raw":
        tty.setraw(0)
    elif word == "cooked":
        add_line("signals", "cooked" if termios.tcgetattr(0)[3] & termios.ICANON else "raw")
    elif word == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        do("stay")
    elif word == "stay":
        while True:
            signal.pause()


def main():
    signal.signal(signal.SIGTERM, on_term)
    with open(f"{PLACE}/script") as file:
        lines = file.read().splitlines()
    number = add_line("starts", json.dumps([time.monotonic(), sys.argv[1:]]))
    for step in (lines[number] if number < len(lines) else "stay").split("; "):
        do(step)


main()
