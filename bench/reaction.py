#!/usr/bin/python3
"""How long after the network is back a key is answered: belay, by datagrams and by ssh alone,
beside ssh, mosh, and autossh with screen.

    bench/reaction.py [--quick] [--rounds N] [--json FILE] [--only PROGRAM]... [SCENE ...]

Each program runs in a laboratory of its own (bench/lab), with a program on the host that
writes numbered lines and answers keys. The same happens to all of them, some seconds
apart, so that what is measured happens to one at a time. Ten keys are typed while the
network is away (or just after it has changed), then one every quarter of a second until
there is an answer. Figures are medians.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lab"))

import budget  # noqa: E402
import lab as laboratory  # noqa: E402
from budget import at_least, at_most  # noqa: E402
from lab import harness  # noqa: E402

RTT = 0.05
KEYS, PROBE = "abcdefghij", "z"
SETTLE = 4      # seconds before anything happens
APART = 5       # seconds from one program's turn to the next one's
PATIENCE = 60   # seconds after which a program counts as not coming back

Scene = collections.namedtuple("Scene", "name kind seconds")
SCENES = [
    Scene("outage of 3 s", "outage", 3),
    Scene("outage of 15 s", "outage", 15),
    Scene("outage of 60 s", "outage", 60),
    Scene("another address", "move", 0),
    Scene("another address after 30 s", "move", 30),
    Scene("sleep of 20 s", "sleep", 20),
    Scene("NAT forgets", "rebind", 0),
]
QUICK = ("outage of 3 s", "another address", "NAT forgets")


def peers():
    """The programs that are here, and their command lines on a laptop."""
    def ssh(lab):
        return ["ssh", "-F", lab.cfg, "-tt", "testhost"]

    def mosh(lab):
        return ["mosh", "--predict=never", f"--ssh=ssh -F {lab.cfg}", "testhost"]

    def autossh(lab):
        return ["env", "AUTOSSH_FIRST_POLL=5", "AUTOSSH_POLL=5", "autossh", "-M", "20000",
                "-F", lab.cfg, "-t", "testhost", "screen -D -R work"]

    def belay(lab):
        return ["env", "BELAY_UDP=auto", *harness.belay_argv(lab.host)]

    found = {"belay": belay, "belay by ssh": lambda lab: harness.belay_argv(lab.host),
             "ssh": ssh}
    if shutil.which("mosh") and shutil.which("mosh-server"):
        found["mosh"] = mosh
    if shutil.which("autossh") and shutil.which("screen"):
        found["autossh+screen"] = autossh
    return found


class Person:
    """Types, and sees what comes on the screen, and when."""

    def __init__(self, lab, argv):
        self.lab = lab
        self.shown = set()  # the lines that were to be seen at any time
        self.answered = 0   # keys
        self._seen = 0      # chunks of the terminal
        self.term = lab.start(argv, emulate=True, env={"BELAY_STATUS": None})
        self.term.wait_screen(r"ready\$")
        self._log = lab.host.out / "keys"
        ticker = HERE / "lab/ticker.py"
        self.term.line(f"exec /usr/bin/python3 -I {ticker} {self._log}")
        assert self.watch(20, lambda: len(self.shown) > 5), "no lines from the host"

    def _look(self):
        if self._seen == len(self.term.chunks):
            return
        self._seen = len(self.term.chunks)
        text = "\n".join(self.term.screen.lines())
        self.shown.update(map(int, re.findall(r"L(\d{6})", text)))
        self.answered = max([self.answered, *map(int, re.findall(r"K(\d{5})=", text))])

    def watch(self, seconds, until=lambda: False):
        """Looks for this long, or until there is something to see; whether there was."""
        def seen():
            self._look()
            return until()

        return self.term.pump(seconds, seen)

    def type(self, keys):
        for key in keys:
            self.term.type(key)
            self.watch(0.1)

    def await_answer(self, since, answered, keys):
        """Types these keys and then others, up to an answer: the seconds from `since` to
        it, or None."""
        keys = iter(keys)
        while time.monotonic() < since + PATIENCE:
            key = next(keys, None)
            self.term.type(key or PROBE)
            if self.watch(0.1 if key else 0.25, lambda: self.answered > answered):
                seconds = self.term.last_output - since
                self.type(keys)
                return seconds
        return None

    def account(self):
        """Lines that were never to be seen, lines in the scrollback twice, the ten keys
        that came."""
        text = re.findall(r"^L(\d{6})$", "\n".join(self.term.screen.main_text()), re.M)
        shown = self.shown | set(map(int, text))
        typed = self._log.read_text().replace(PROBE, "")
        in_order = os.path.commonprefix([typed, KEYS])
        return {"missing": max(shown) - len(shown), "doubled": len(text) - len(set(text)),
                "keys": len(in_order) if typed == in_order else 0}


def take_away(lab, scene):
    if scene.kind == "outage":
        lab.down()
    elif scene.kind in ("move", "sleep"):
        lab.leave()
    if scene.kind == "sleep":
        lab.stop_clients()


def give_back(lab, scene):
    if scene.kind == "outage":
        lab.up()
    elif scene.kind in ("move", "sleep"):
        lab.arrive()
    else:
        lab.link("rebind")
    if scene.kind == "sleep":
        lab.wake_clients()


def play(argv_in, scene, start, turn):
    """One program through one scene; `start` lets all begin together."""
    with laboratory.Lab(RTT, nat=scene.kind == "rebind") as lab:
        try:
            person = Person(lab, argv_in(lab))
        except BaseException:
            start.abort()
            raise
        person.watch(SETTLE)
        start.wait()
        person.watch(turn * APART)
        before, answered, keys = lab.connections(), person.answered, KEYS
        take_away(lab, scene)
        gone = time.monotonic()
        if scene.seconds and scene.kind != "sleep":
            person.type(keys)
            keys = ""
        person.watch(gone + scene.seconds - time.monotonic())
        give_back(lab, scene)
        seconds = person.await_answer(time.monotonic(), answered, keys)
        person.watch(3)  # what else comes
        return {"echo_s": seconds, "connections": lab.connections() - before,
                **person.account()}


def play_all(programs, scene, found):
    """All programs through one scene, some seconds apart."""
    start = threading.Barrier(len(programs))
    with concurrent.futures.ThreadPoolExecutor(len(programs)) as pool:
        tasks = {name: pool.submit(play, argv_in, scene, start, turn)
                 for turn, (name, argv_in) in enumerate(programs.items())}
    for name, task in tasks.items():
        try:
            found.setdefault(name, []).append(task.result())
        except (AssertionError, OSError, threading.BrokenBarrierError) as problem:
            print(f"reaction: {name}: {problem}", file=sys.stderr)


def play_slow(argv_in):
    """The connections that are made while the link is 5 s slower than before."""
    with laboratory.Lab(RTT) as lab:
        person = Person(lab, argv_in(lab))
        person.watch(SETTLE)
        before = lab.connections()
        lab.link(f"delay {RTT * 500 + 2500}")
        for _ in range(4):
            person.type("a")
            person.watch(5)
        lab.link(f"delay {RTT * 500}")
        person.watch(8)
        return {"connections": lab.connections() - before, **person.account()}


def command_times(rtt, rounds):
    """Seconds of `true` on the host by ssh and by belay, in turns; it is warm."""
    with laboratory.Lab(rtt) as lab:
        argv = {"ssh": ["ssh", "-F", lab.cfg, "testhost"],
                "belay": harness.belay_argv(lab.host)}
        times = {name: [] for name in argv}
        for number in range(rounds + 1):
            for name, words in argv.items():
                seconds = lab.run([*words, "true"])
                if number:  # at first, the server lands
                    times[name].append(seconds)
        return times


def median(values):
    """Of figures of which some may be missing: those come last."""
    known = [float("inf") if value is None else value for value in values]
    middle = statistics.median(known) if known else float("inf")
    return None if middle == float("inf") else middle


def run(quick, rounds, only, named):
    programs = {name: argv for name, argv in peers().items() if not only or name in only}
    strange = set(named) - {scene.name for scene in SCENES}
    if strange:
        sys.exit(f"reaction: no scene is called {strange.pop()!r}")
    wanted = named or (QUICK if quick else [scene.name for scene in SCENES])
    scenes = [scene for scene in SCENES if scene.name in wanted]
    found = {"rtt_s": RTT, "patience_s": PATIENCE,
             "true_s": command_times(RTT, 5 if quick else 15),
             "true_100ms_s": command_times(0.1, 5 if quick else 15),
             "scenes": {scene.name: {} for scene in scenes}}
    for number in range(rounds):
        for scene in scenes:
            print(f"round {number + 1} of {rounds}: {scene.name} "
                  f"(load {os.getloadavg()[0]:.1f}) ...", file=sys.stderr)
            play_all(programs, scene, found["scenes"][scene.name])
    if not named:
        print("slow link ...", file=sys.stderr)
        found["slow"] = play_slow(programs["belay"])
    return found


def judge(found):
    true = median(found["true_s"]["ssh"])
    rows = []
    for name, by in found["scenes"].items():
        runs = by.get("belay", [])
        rows += [at_most(f"{name}: s to the answer (ssh's `true`: {true:.2f})",
                         median(one["echo_s"] for one in runs), true),
                 at_most(f"{name}: connections to the host, the most",
                         max((one["connections"] for one in runs), default=None), 1)]
    every = [one for by in found["scenes"].values() for one in by.get("belay", [])]
    far = found["true_100ms_s"]
    moved = found["scenes"].get("another address", {}).get("belay", [])
    rows += [at_most("another address: s to the answer, by datagrams",
                     median(one["echo_s"] for one in moved), 0.15)] if moved else []
    rows += [at_most("connections to the host while the link is slow",
                     found["slow"]["connections"], 0)] if "slow" in found else []
    return rows + [
        at_least("keys delivered of ten, the fewest", min(one["keys"] for one in every),
                 len(KEYS)),
        at_most("lines missing, the most", max(one["missing"] for one in every), 0),
        at_most("lines doubled, the most", max(one["doubled"] for one in every), 0),
        at_most("`true` at 100 ms, belay / ssh",
                median(far["belay"]) / median(far["ssh"]), 0.95)]


def show(found):
    for name, values in found["true_s"].items():
        print(f"{name} host true: {median(values):.3f} s; at 100 ms "
              f"{median(found['true_100ms_s'][name]):.3f} s")
    for scene, by in found["scenes"].items():
        print(scene)
        for name, runs in by.items():
            seconds = median(one["echo_s"] for one in runs)
            print(f"    {name:16}"
                  + (f"not in {PATIENCE} s" if seconds is None else f"{seconds:6.2f} s")
                  + "".join(f", {what} {median(one[what] for one in runs):.0f}"
                            for what in ("keys", "missing", "doubled", "connections")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="once, the short ones")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", type=pathlib.Path,
                        default=budget.BUILD / "reaction.json")
    parser.add_argument("--only", action="append", metavar="PROGRAM",
                        help="these programs instead of all; belay has to be one")
    parser.add_argument("scenes", nargs="*", metavar="SCENE",
                        help="as they are called; none: all, and the slow link")
    args = parser.parse_args()
    why = laboratory.missing()
    if why:
        print(f"reaction: skipped: {why}")
        return
    found = run(args.quick, args.rounds or (1 if args.quick else 3), args.only,
                args.scenes)
    show(found)
    budget.finish(found, judge(found), args.json)


if __name__ == "__main__":
    main()
