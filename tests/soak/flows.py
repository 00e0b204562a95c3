"""What goes through belay in the soak (trouble.py): each flow is a thread with a client of
its own, which asks all the time and checks every answer.

An answer counts as progress with the time at which it was asked for, so that what was under
way before a trouble is no progress after it.
"""

import collections
import contextlib
import hashlib
import os
import pathlib
import random
import re
import select
import socket
import subprocess
import threading
import time

import host_side
from harness import PROMPT, belay_argv, belay_path, free_port, wait_until
from term import without_drawing

PATIENCE = 100      # seconds that any answer may take
HOST_SIDE = f"/usr/bin/python3 -S {pathlib.Path(host_side.__file__).resolve()}"
TICKS = 200         # lines a second
RATE = 1_000_000    # bytes a second of a transfer
SIZES = (200_000, 5_000_000)
ANSWER_LINES = ("stty -echo; n=0; echo be''gin; while read -r w; do "
                "[ -n \"$w\" ] && n=$((n+1)) && echo \"<$n $w>\"; done")


class Mismatch(Exception):
    """A byte or a line that is wrong, missing or there twice."""


class Flow(threading.Thread):
    """open() once, then step() for ever; what fails is reported, and it opens again."""

    resumes = True      # what was sent before a trouble arrives after it
    echoes = True       # its answers count as progress; else only that bytes move

    def __init__(self, world, seed):
        super().__init__(name=type(self).__name__, daemon=True)
        self.world = world
        self.rng = random.Random(f"{seed} {self.name}")
        self.ending = threading.Event()
        self.opened = threading.Event()
        self.answers = collections.deque(maxlen=5000)   # (asked, answered)
        self.moved = 0.0                                # when the last bytes moved
        self.counts = collections.Counter()
        self.pid = None                                 # of the client

    # For a trouble.

    def progress_since(self, when):
        """Seconds from then to the first answer to what was asked later; None: not yet."""
        if not self.echoes:
            return max(self.moved - when, 0.0) if self.moved > when else None
        for asked, answered in list(self.answers):
            if asked >= when:
                return answered - when
        return None

    def answered(self, asked):
        self.moved = time.monotonic()
        self.answers.append((asked, self.moved))

    # The thread.

    def run(self):
        with self.world.on_laptop():
            while not self.ending.is_set():
                try:
                    self.open()
                    self.opened.set()
                    while not self.ending.is_set():
                        self.step()
                except (Mismatch, AssertionError, OSError, ValueError) as error:
                    self.world.report(self.name, error)
                    self.ending.wait(1)
                finally:
                    self.close()

    def open(self):
        pass

    def close(self):
        pass

    def rest(self, least=0.02, most=0.15):
        self.ending.wait(self.rng.uniform(least, most))


class Shell(Flow):
    """A login shell in a terminal of its own."""

    term = None
    leave = b"\x03"     # the key that leads back to the prompt
    hands = None        # on the keyboard: one at a time

    def open(self):
        self.hands = threading.Lock()
        with self.world.gate:
            # A session that went wrong is not to be returned to.
            self.term = self.world.host.belay("--new", env=self.world.env())
            self.term.expect(PROMPT)
        self.pid = self.term.pid

    def terminal(self):
        """The terminal, if it is there."""
        return self.term if self.term and not self.term.closed else None

    def close(self):
        """Ends it as a user does: what is only closed would be kept on the host."""
        if self.terminal() and self.term.status is None:
            with contextlib.suppress(AssertionError, OSError):
                self.term.type(self.leave)
                self.term.expect(PROMPT)
                self.term.line("exit 0")
                self.term.wait_exit()
        if self.term:
            self.term.close()

    def forget(self):
        """What was looked at is not kept."""
        del self.term.raw[:self.term.at]
        del self.term.chunks[:-1]
        self.term.typed.clear()
        self.term.at = 0


class Typing(Shell):
    """Lines are typed; each must be counted and sent back once."""

    def open(self):
        super().open()
        self.term.line(ANSWER_LINES)
        self.term.expect("begin\r\n")
        self.forget()
        self.number = 0

    def step(self):
        self.number += 1
        word = f"w{self.rng.randrange(10**9)}" * self.rng.choice((1, 1, 1, 20))
        asked = time.monotonic()
        with self.hands:
            self.term.line(word)
        self.term.expect(f"<{self.number} {word}>\r\n", PATIENCE)
        said = bytes(self.term.raw[:self.term.at])
        if len(re.findall(rb"<\d+ \w+>", said)) != 1:
            raise Mismatch(f"line {self.number} was answered by {said!r}")
        self.forget()
        self.answered(asked)
        self.counts["typed lines"] += 1
        self.rest()


class Ticks(Shell):
    """Numbered lines come; each must come once and in order."""

    def open(self):
        super().open()
        self.term.line(f"stty -echo; echo be''gin; {HOST_SIDE} ticks {TICKS}")
        self.term.expect("begin\r\n")
        self.forget()
        self.number = 0
        self.last = time.monotonic()

    def step(self):
        self.term.pump(0.05)
        end = self.term.raw.rfind(b"\n") + 1
        said = bytes(self.term.raw[:end])
        found = re.findall(rb"t(\d{8}) ([\d.]+)\r?\n", without_drawing(said))
        for number, written in found:
            if int(number) != self.number + 1:
                raise Mismatch(f"after tick {self.number} comes {int(number)}: {said!r}")
            self.number += 1
            self.last = time.monotonic()
            self.answered(float(written))
        self.counts["lines"] += len(found)
        if time.monotonic() - self.last > PATIENCE or self.term.ended:
            raise Mismatch(f"no ticks after {self.number}, status {self.term.status}")
        self.term.at = end
        self.forget()


class _Transfer(Flow):
    """Commands on pipes, one after the other."""

    echoes = False
    child = None

    def begin(self, command):
        """Starts one; with the gate held, since a start is like ssh's, and may fail."""
        with self.world.gate:
            self.child = self.world.popen(belay_argv(self.world.host) + [command],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.pid = self.child.pid
            said = b""
            while not said.endswith(b"\n"):
                said += self.read(1)
            if said != b"ready\n":
                raise Mismatch(f"a command begins with {said!r}")
            self.world.starts += 1
        self.opened.set()

    def read(self, size):
        """What comes next, b"" at the end."""
        if not select.select([self.child.stdout], [], [], PATIENCE)[0]:
            raise Mismatch(f"nothing came for {PATIENCE} s")
        data = os.read(self.child.stdout.fileno(), size)
        if not data and size == 1:
            raise Mismatch(f"a command ended at once, status {self.child.wait(PATIENCE)}")
        if data:
            self.moved = time.monotonic()
        return data

    def write(self, data):
        os.set_blocking(self.child.stdin.fileno(), False)
        while data:
            if not select.select([], [self.child.stdin], [], PATIENCE)[1]:
                raise Mismatch(f"nothing was taken for {PATIENCE} s")
            data = data[os.write(self.child.stdin.fileno(), data):]
            self.moved = time.monotonic()

    def finish(self):
        status = self.child.wait(PATIENCE)
        if status:
            raise Mismatch(f"a command ended with {status}")
        self.close()
        self.counts["transfers"] += 1

    def close(self):
        child, self.child = self.child, None
        if child:
            self.world.end(child)

    def plan(self):
        return self.rng.randrange(2**32), self.rng.randrange(*SIZES)


class Upload(_Transfer):
    def step(self):
        seed, size = self.plan()
        sha = hashlib.sha256()
        self.begin(f"{HOST_SIDE} sum")
        for piece in host_side.paced(host_side.randoms(seed, size), RATE):
            self.write(piece)
            sha.update(piece)
            self.counts["bytes up"] += len(piece)
        self.child.stdin.close()
        said = b""
        while piece := self.read(4096):
            said += piece
        if said.decode() != f"{sha.hexdigest()} {size}\n":
            raise Mismatch(f"upload of {size} bytes, seed {seed}: {said!r}")
        self.finish()


class Download(_Transfer):
    def step(self):
        seed, size = self.plan()
        self.begin(f"{HOST_SIDE} send {seed} {size} {RATE}")
        got, want = hashlib.sha256(), hashlib.sha256()
        n = 0
        while piece := self.read(65536):
            got.update(piece)
            n += len(piece)
            self.counts["bytes down"] += len(piece)
        for piece in host_side.randoms(seed, size):
            want.update(piece)
        if n != size or got.digest() != want.digest():
            raise Mismatch(f"download of {size} bytes, seed {seed}: {n} came, or others")
        self.finish()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _Tunnel(Flow):
    """Connections through a client that only forwards."""

    child = sock = None
    patience = PATIENCE

    def words(self):
        raise NotImplementedError

    def open(self):
        self.port = free_port()
        with self.world.gate:
            self.child = self.world.popen(self.words(), stdin=subprocess.DEVNULL)
            wait_until(lambda: listens(self.port), 30, "the tunnel does not listen")
        self.pid = self.child.pid
        self.left = 0

    def connect(self):
        self.sock = socket.create_connection(("127.0.0.1", self.port), self.patience)
        self.sock.settimeout(self.patience)
        self.left = self.rng.randrange(5, 60)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise Mismatch(f"a connection ended after {len(data)} of {n} bytes")
            data += more
        return data

    def talk(self):
        """A little there and back."""
        data = self.rng.randbytes(self.rng.randrange(1, 3000))
        asked = time.monotonic()
        self.sock.sendall(data)
        if self.exactly(len(data)) != data:
            raise Mismatch("other bytes came back")
        self.answered(asked)
        self.counts["bytes forwarded"] += 2 * len(data)

    def last_words(self):
        """Much there and back, and the end after it."""
        data = self.rng.randbytes(self.rng.randrange(50_000, 500_000))
        sender = threading.Thread(target=self._send_all, args=(data,), daemon=True)
        sender.start()
        same = self.exactly(len(data)) == data
        if not same or self.sock.recv(1):
            raise Mismatch(f"{len(data)} bytes came back as others")
        sender.join()
        self.counts["bytes forwarded"] += 2 * len(data)
        self.counts["connections"] += 1

    def _send_all(self, data):
        with contextlib.suppress(OSError):
            self.sock.sendall(data)
            self.sock.shutdown(socket.SHUT_WR)

    def step(self):
        if not self.sock:
            self.connect()
        self.talk()
        self.left -= 1
        if self.left < 0:
            self.last_words()
            self.hang_up()
        self.rest()

    def hang_up(self):
        if self.sock:
            self.sock.close()
        self.sock = None

    def close(self):
        self.hang_up()
        child, self.child = self.child, None
        if child:
            self.world.end(child)


class Local(_Tunnel):
    """-L"""

    def words(self):
        where = f"{self.port}:127.0.0.1:{self.world.echo_port}"
        return belay_argv(self.world.host, "-N", "-L", where)


class Dynamic(_Tunnel):
    """-D"""

    def words(self):
        return belay_argv(self.world.host, "-N", "-D", self.port)

    def connect(self):
        super().connect()
        self.sock.sendall(b"\5\1\0")
        if self.exactly(2) != b"\5\0":
            raise Mismatch("SOCKS: no method")
        self.sock.sendall(b"\5\1\0\1\x7f\0\0\1" + self.world.echo_port.to_bytes(2, "big"))
        if self.exactly(10)[1]:
            raise Mismatch("SOCKS: not connected")


class Autossh(_Tunnel):
    """-N -L under autossh's name: there connections end with ssh's, and new ones are made."""

    resumes = False
    patience = 3

    def words(self):
        where = f"{self.port}:127.0.0.1:{self.world.echo_port}"
        # A poll of 10 s, so that its back-off is no longer than that.
        return ["env", "AUTOSSH_POLL=10", "AUTOSSH_GATETIME=0", belay_path(), "--autossh",
                "-M", "0", "-N", "-F", self.world.host.cfg, "-o", "ServerAliveInterval=1",
                "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=5",
                "-o", "ExitOnForwardFailure=yes", "-L", where, "testhost"]

    def step(self):
        try:
            super().step()
        except OSError:
            self.lost()
        except Mismatch as error:
            if "ended" not in str(error):
                raise
            self.lost()
        if self.child.poll() is not None:
            raise Mismatch(f"it has ended, status {self.child.returncode}")

    def lost(self):
        self.counts["connections lost"] += 1
        self.hang_up()
        self.rest(0.1, 0.2)


ALL = (Typing, Ticks, Upload, Download, Local, Dynamic, Autossh)
