"""Drives a program in a pseudo-terminal, as the person at the local terminal would.

What the program writes can be had in two views: the raw bytes with their times, and an
emulated terminal (`screen`).  Nothing is read but in pump() and what calls it.
"""

import fcntl
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pty_leader
from patience import TIMEOUT, Deadline
from screen import COLS, ROWS, Screen

LEADER = pathlib.Path(__file__).with_name("pty_leader.py")
_CONTROL = re.compile(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
                      rb"|\x1b\[[0-9;:?<=>]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")


def _set_size(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def without_drawing(data):
    """Takes away what a status line may add: titles, and what is between ESC 7 and 8."""
    data = re.sub(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)", b"", bytes(data))
    return re.sub(rb"\x1b7.*?\x1b8", b"", data, flags=re.S)


class Term:
    def __init__(self, argv, env=None, cwd=None, emulate=False, rows=ROWS, cols=COLS,
                 modes=None):
        """`modes(fd)` may set the modes of the terminal before the program starts.

        `emulate` gives it a screen, which is slow and not for arbitrary bytes.
        """
        self.screen = Screen(rows, cols, self._answer) if emulate else None
        self.chunks = []        # (time, offset in raw)
        self.raw = bytearray()
        self.at = 0             # expect() looks from here on
        self.typed = bytearray()
        self.pid = None         # of the program
        self.stops = []         # the signals that stopped it
        self.status = None      # as subprocess has it
        self.ended = False      # and all that it wrote has been read
        self.closed = False
        self.fd, slave = os.openpty()
        _set_size(slave, rows, cols)
        if modes:
            modes(slave)
        self.termios_before = self.termios_now()
        self._report, report = os.pipe()
        self._told = b""
        self.started = time.monotonic()
        self.leader = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LEADER), str(report), *map(str, argv)],
            stdin=slave, stdout=slave, stderr=slave, env=env, cwd=cwd,
            start_new_session=True, pass_fds=(report,))
        os.close(slave)
        os.close(report)
        assert self._await(TIMEOUT, lambda: self.pid), "the program did not start"

    # Reading.

    def pump(self, seconds=0.0, until=None):
        """Reads for this long, or until `until()` is true; returns whether it was."""
        deadline = time.monotonic() + seconds
        while True:
            if until and until():
                return True
            wait = deadline - time.monotonic()
            fds = [fd for fd in (self.fd, self._report) if fd is not None]
            ready = select.select(fds, [], [], min(max(wait, 0), 0.1))[0]
            if self._report in ready:
                self._read_report()
            if self.fd in ready:
                self._read()
            if wait < 0:
                return bool(until and until())

    def _await(self, timeout, until):
        """Reads until `until()` is true; as long as the machine needs for what takes so long."""
        deadline = Deadline(timeout)
        while not self.pump(deadline.left(), until):
            if deadline.over():
                return False
        return True

    def _read_report(self):
        data = os.read(self._report, 4096)
        if not data:
            os.close(self._report)
            self._report = None
        *lines, self._told = (self._told + data).split(b"\n")
        for word, number in (line.split() for line in lines):
            if word == b"pid":
                self.pid = int(number)
            elif word == b"stopped":
                self.stops.append(int(number))
            else:
                self.status = int(number)

    def _read(self):
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            self.ended = True
            time.sleep(0.01)
            return
        self.chunks.append((time.monotonic(), len(self.raw)))
        self.raw += data
        if self.screen:
            self.screen.feed(data)
        end = self.raw.find(pty_leader.END, -len(data) - len(pty_leader.END))
        if end >= 0:
            del self.raw[end:end + len(pty_leader.END)]
            self.ended = True

    def wait_until(self, condition, timeout=TIMEOUT, what="what was waited for"):
        """Reads until the condition is true."""
        assert self._await(timeout, condition), (
            f"{what}: not in {timeout:.0f} s; the last of the output:\n" + self.tail())

    def expect(self, what, timeout=TIMEOUT):
        """Waits for text, bytes or a compiled pattern; goes on after it; returns it."""
        if isinstance(what, str):
            what = what.encode()
        literal = isinstance(what, bytes)
        start = self.at
        found = []

        def seen():
            nonlocal start
            if literal:
                at = self.raw.find(what, start)
                start = max(start, len(self.raw) - len(what))
                found[:] = [(at, at + len(what), what)] if at >= 0 else []
            else:
                match = what.search(self.raw, start)
                found[:] = [(*match.span(), match)] if match else []
            return bool(found)

        if not self._await(timeout, lambda: seen() or self.ended) or not (found or seen()):
            why = f"ended with {self.status}" if self.ended else f"not in {timeout:.0f} s"
            raise AssertionError(f"expected {what!r}: {why}; the last of the output:\n"
                                 + self.tail())
        self.at = found[0][1]
        return found[0][2]

    def wait_screen(self, pattern, timeout=TIMEOUT):
        """Waits until a line of the screen matches."""
        regex = re.compile(pattern)
        self.wait_until(lambda: any(map(regex.search, self.screen.lines())), timeout,
                        f"a line with {pattern!r}")

    def wait_exit(self, timeout=TIMEOUT):
        """Waits for the end of the program; returns its status."""
        self.wait_until(lambda: self.status is not None and self.ended, timeout,
                        "the end of the program")
        return self.status

    def tail(self, size=1500):
        return ascii(bytes(self.raw[-size:])).replace("\\r\\n", "\n").replace("\\n", "\n")

    def text_lines(self):
        """The lines that were written, without control sequences."""
        text = _CONTROL.sub(b"", without_drawing(self.raw)).decode(errors="replace")
        return [line.rstrip() for line in re.split("[\r\n]+", text)]

    @property
    def last_output(self):
        return self.chunks[-1][0] if self.chunks else self.started

    # Writing.

    def _answer(self, data):
        os.write(self.fd, data)

    def type(self, data, timeout=60):
        """Types text or bytes, as fast as the program takes them, and reads meanwhile."""
        data = data.encode() if isinstance(data, str) else bytes(data)
        self.typed += data
        deadline = Deadline(timeout)
        os.set_blocking(self.fd, False)
        try:
            while data:
                assert not deadline.over(), "the program takes no more input"
                readable, writable, _ = select.select([self.fd], [self.fd], [], 1)
                if readable:
                    self._read()
                if writable:
                    try:
                        data = data[os.write(self.fd, data[:1024]):]
                    except BlockingIOError:
                        self.pump(0.01)
        finally:
            os.set_blocking(self.fd, True)

    def line(self, text):
        """Types a line and the Enter key."""
        self.type(text + "\r")

    def say(self, word, timeout=TIMEOUT):
        """Has any shell say a word; what comes first of the command line is no answer."""
        self.line(f"echo {word[:1]}''{word[1:]}")
        self.expect(word, timeout)

    def resize(self, rows, cols):
        _set_size(self.fd, rows, cols)
        if self.screen:
            self.screen.resize(rows, cols)

    def signal(self, number):
        os.kill(self.pid, number)

    def hang_up(self):
        """Closes the window: the terminal is gone, and this object with it."""
        self.closed = True
        os.close(self.fd)
        os.close(self._report)
        self.leader.wait()

    # The state of the terminal.

    def termios_now(self):
        return termios.tcgetattr(self.fd)

    def assert_sane(self):
        """The terminal has the modes that it had before the program started."""
        assert self.termios_now() == self.termios_before, "the terminal is left changed"

    def close(self):
        if self.closed:
            return
        self.closed = True
        if self.pid and self.status is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.leader.kill()
        self.leader.wait()
        os.close(self.fd)
        if self._report is not None:
            os.close(self._report)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
