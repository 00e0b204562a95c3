#!/usr/bin/python3
"""Shells whose keys and screen go by datagrams beside ssh, and a laptop that is never long in
one place: trouble.py with other flows, and trouble that falls on datagrams as well.

    roaming.py [--minutes 10] [--seed N]

With an odd seed the laptop sits behind a NAT.  What goes through are lines that are typed and
answered, lines that are typed into a file without looking, lines that come, a shell with a
forward of much, a shell that is left and come back to, and one that two share.  Besides what
trouble.py looks at: no process is busy for long, and no sanitizer has a word to say.
"""

import argparse
import contextlib
import os
import pathlib
import re
import signal
import sys
import tempfile
import threading
import time

import trouble  # first: it knows where the others are

import flows
import harness
import lab as laboratory
from harness import PROMPT, free_port, wait_until

BUSY = 0.6          # of a processor, for so long:
BUSY_S = 4


class World(trouble.World):
    def __init__(self, undo, seed):
        super().__init__(undo)
        if seed % 2:
            self.lab.link(f"nat {laboratory.NAT}")

    def env(self):
        return super().env() | {"BELAY_UDP": "auto"}


# ---- what goes through ----


class Blind(flows.Shell):
    """Numbered lines are typed into a file, and nobody waits for them."""

    leave = b"\x04"

    def open(self):
        super().open()
        self.file = self.world.host.out / f"typed-{time.monotonic_ns()}"
        self.term.line(f"stty -echo; echo be''gin; cat >{self.file}")
        self.term.expect("begin\r\n")
        wait_until(self.file.exists)
        self.number = self.read = self.at = 0
        self.asked = {}

    def step(self):
        if self.number < self.read + 1000:
            self.number += 1
            self.asked[self.number] = time.monotonic()
            with self.hands:
                self.term.line(f"{self.number} {'x' * self.rng.choice((0, 0, 0, 200))}")
        self.term.pump(0.01)
        self.forget()
        with self.file.open("rb") as file:
            file.seek(self.at)
            said = file.read()
        self.look(said)
        if self.asked and time.monotonic() - min(self.asked.values()) > flows.PATIENCE:
            raise flows.Mismatch(f"line {self.read + 1} has not arrived")
        self.rest(0.02, 0.2)

    def look(self, said):
        end = said.rfind(b"\n") + 1
        self.at = self.at + end
        for line in said[:end].splitlines():
            if not line:
                continue        # Enter, of who wants it to go on
            if not re.fullmatch(rb"%d x*" % (self.read + 1), line):
                raise flows.Mismatch(f"behind line {self.read} stands {line!r}")
            self.read += 1
            self.answered(self.asked.pop(self.read))
            self.counts["lines in a file"] += 1

    def forget(self):
        self.term.at = len(self.term.raw)
        super().forget()


class Bulk(flows._Tunnel):
    """Much through a forward of a shell."""

    term = None

    def open(self):
        self.port = free_port()
        with self.world.gate:
            self.term = self.world.host.belay(
                "--new", "-L", f"{self.port}:127.0.0.1:{self.world.echo_port}",
                env=self.world.env())
            self.term.expect(PROMPT)
        self.pid = self.term.pid
        self.left = 0

    def step(self):
        self.term.pump(0)
        super().step()

    def close(self):
        self.hang_up()
        if self.term and not self.term.closed and self.term.status is None:
            with contextlib.suppress(AssertionError, OSError):
                self.term.line("exit 0")
                self.term.wait_exit()
        if self.term:
            self.term.close()


class Leaver(flows.Shell):
    """It is left by ~. and come back to, now and then."""

    options = ()

    def open(self):
        self.hands = threading.Lock()
        self.session = f"roaming-{self.name.lower()}-{time.monotonic_ns()}"
        self.come()
        self.term.expect(PROMPT)
        self.term.line(flows.ANSWER_LINES)
        self.term.expect("begin\r\n")
        self.number = 0

    def come(self):
        self.term = self.client()
        self.pid = self.term.pid

    def client(self):
        """With the gate held until it is there, since a first login is like ssh's, and may fail."""
        with self.world.gate:
            term = self.world.host.belay("--session", self.session, *self.options,
                                         env=self.world.env())
            term.expect(re.compile(rb"ready\$|<\d+ "))
            term.at = 0
        return term

    def step(self):
        self.number += 1
        word = f"w{self.rng.randrange(10**9)}"
        asked = time.monotonic()
        with self.hands:
            self.term.line(word)
        self.see(f"<{self.number} {word}>")     # perhaps in a screen drawn anew
        self.answered(asked)
        self.counts["lines of who leaves"] += 1
        if self.rng.random() < 0.01:
            self.go()
        self.rest()

    def see(self, what):
        self.term.expect(what, flows.PATIENCE)
        self.forget()

    def go(self):
        with self.hands:
            self.term.type("\r~.")
        if self.term.wait_exit() != 255:
            raise flows.Mismatch(f"left with {self.term.status}")
        self.term.close()
        self.come()
        self.counts["times left"] += 1


class Pair(Leaver):
    """Two share it; both see each line, whoever has typed it."""

    options = ("--share",)
    second = None

    def open(self):
        super().open()
        self.second = self.client()

    def step(self):
        with self.hands:
            self.term, self.second = self.second, self.term
        super().step()
        self.second.pump(0)

    def see(self, what):
        self.second.expect(what, flows.PATIENCE)
        super().see(what)

    def go(self):
        pass

    def close(self):
        if self.second:
            with contextlib.suppress(AssertionError, OSError):
                self.second.type("\r~.")
                self.second.wait_exit()
            self.second.close()
        super().close()


ALL = (flows.Typing, Blind, flows.Ticks, Bulk, Leaver, Pair)


# ---- troubles ----


class Troubles(trouble.Troubles):
    def kinds(self):
        found = super().kinds()
        found.pop("disk full", None)
        # What is typed as the line that asks for a login goes is thrown away (keyboard.h), and
        # here it goes whenever datagrams are answered again.
        found.pop("login refused")
        found.update({"udp blocked": self.blocked, "udp on and off": self.on_and_off,
                      "loss": self.loss, "twice and late": self.twice_and_late,
                      "small packets": self.small, "narrow": self.narrow,
                      "no ssh": self.no_ssh, "no ssh, roaming": self.no_ssh_roaming,
                      "nothing, then datagrams": self.then_datagrams})
        if self.world.lab and self.world.lab_nat:
            found["NAT forgets"] = self.rebind
        return found

    def link(self, *words):
        self.world.lab.link(*words)

    def lasts(self, rng, words, over):
        self.link(*words)
        time.sleep(rng.uniform(0.5, 7))
        self.link(*over)
        return time.monotonic()

    def blocked(self, rng):
        way = rng.choice(("block", "block-in", "block-out"))
        return self.lasts(rng, [f"udp {way}"], ["udp pass"])

    def on_and_off(self, rng):
        for _ in range(rng.randrange(2, 8)):
            self.link(f"udp {rng.choice(('block', 'block-in', 'block-out'))}")
            time.sleep(rng.uniform(0.05, 1.5))
            self.link("udp pass")
            time.sleep(rng.uniform(0.05, 1.5))
        return time.monotonic()

    def loss(self, rng):
        return self.lasts(rng, [f"loss {rng.choice((3, 10, 30))}"], ["loss 0"])

    def twice_and_late(self, rng):
        return self.lasts(rng, [f"twice {rng.randrange(40)}", f"late {rng.randrange(40)}"],
                          ["twice 0", "late 0"])

    def small(self, rng):
        return self.lasts(rng, [f"mtu {rng.choice((600, 700, 1100))}"], ["mtu 0"])

    def narrow(self, rng):
        return self.lasts(rng, [f"rate {rng.choice((200, 1000, 5000))}"], ["rate 0"])

    def rebind(self, rng):
        self.link("rebind")
        return time.monotonic()

    def no_ssh(self, rng):
        """No connection gets through for a while, and none is left."""
        self.proxy.refuse()
        self.proxy.cut()
        time.sleep(rng.uniform(1, 8))
        self.proxy.heal()
        return time.monotonic()

    def no_ssh_roaming(self, rng):
        self.proxy.refuse()
        self.proxy.cut()
        for _ in range(rng.randrange(1, 4)):
            self.world.lab.leave()
            time.sleep(rng.choice((0, rng.uniform(0, 3))))
            self.world.lab.arrive()
            time.sleep(rng.uniform(0, 2))
        self.proxy.heal()
        return time.monotonic()

    def then_datagrams(self, rng):
        """For longer than anybody doubts there is nothing at all; then ssh comes last."""
        self.proxy.refuse()
        self.proxy.cut()
        self.link("udp block")
        time.sleep(rng.uniform(2, 25))
        self.link("udp pass")
        time.sleep(rng.uniform(0, 4))
        self.proxy.heal()
        return time.monotonic()


# ---- who is busy ----


class Busy(threading.Thread):
    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.over = threading.Event()
        self.found = []         # (share, what)
        self.most = (0, "")

    @staticmethod
    def spent(pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def run(self):
        before = {}
        while not self.over.wait(BUSY_S):
            now = {}
            for one in self.world.belays():
                with contextlib.suppress(OSError, IndexError):
                    now[one.pid] = (self.spent(one.pid), time.monotonic())
                    if one.pid in before:
                        was, when = before[one.pid]
                        self.note((now[one.pid][0] - was) / (now[one.pid][1] - when), one)
            before = now

    def note(self, share, one):
        what = " ".join(one.argv)[:120]
        self.most = max(self.most, (share, what))
        if share > BUSY:
            self.found.append((round(share, 2), what))
            print(f"busy: {one.pid} {share:.2f} {what}", flush=True)


class Soak(trouble.Soak):
    def __init__(self, world, seed, minutes):
        super().__init__(world, seed, minutes)
        self.flows = [kind(world, seed) for kind in ALL]
        self.troubles = Troubles(world, self.flows)
        self.kinds = self.troubles.kinds()
        self.busy = Busy(world)
        self.busy.start()

    def count_logins(self, name, before, starts, seconds):
        """Two share a session; and who types all the time has one a second for that."""
        super().count_logins(name, before + int(seconds) + 10, starts, seconds)

    def end(self):
        super().end()
        self.busy.over.set()
        print(f"busiest: {self.busy.most[0]:.2f} of a processor, {self.busy.most[1]}")
        self.check(not self.busy.found, f"busy: {self.busy.found[:5]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 10**6)
    args = parser.parse_args()

    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
    why_not = laboratory.missing()
    if why_not or "no datagrams" in harness._run(harness.belay_path(), "--version"):
        print(f"{why_not or 'built without datagrams'}\n0 passed, 1 failed")
        return 1
    print(f"seed {args.seed}, {args.minutes:g} minutes", flush=True)
    with contextlib.ExitStack() as undo:
        said = undo.enter_context(sanitizers())
        world = World(undo, args.seed)
        world.lab_nat = args.seed % 2
        soak = Soak(world, args.seed, args.minutes)
        try:
            soak.run()
        finally:
            soak.end()
            soak.table()
        for path in sorted(said.iterdir()):
            print(path.read_text()[:4000])
        soak.check(not list(said.iterdir()), "a sanitizer says something")
    print(f"{soak.passed} passed, {len(soak.failed)} failed")
    return 1 if soak.failed else 0


@contextlib.contextmanager
def sanitizers():
    """A folder where they write."""
    with tempfile.TemporaryDirectory(prefix="belay-said.") as place:
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            before = os.environ.get(name, "")
            os.environ[name] = ":".join(filter(None, (before, f"log_path={place}/said")))
        yield pathlib.Path(place)


if __name__ == "__main__":
    sys.exit(main())
