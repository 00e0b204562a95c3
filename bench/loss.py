#!/usr/bin/python3
"""Keys on a link that loses: belay, by datagrams and by ssh alone, beside mosh and ssh.

    bench/loss.py [--quick] [--json FILE] [--only PROGRAM]...

At a round trip of 100 ms, with 29 % of the packets lost each way (bench/lab), keys are typed
into cat, one a second and five a second; seconds from each to its echo on the screen, without
prediction.  Then, without loss, UDP is blocked: how long the next key takes.  All programs are
measured at once, each in a laboratory of its own.
"""

import argparse
import concurrent.futures
import pathlib
import shutil
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lab"))

import budget  # noqa: E402
import lab as laboratory  # noqa: E402
from budget import at_most  # noqa: E402
from lab import harness  # noqa: E402

RTT, LOST = 0.1, 29
LINE = 60           # keys, then Enter
PATIENCE = 60       # seconds


def peers():
    found = {"belay": lambda lab: ["env", "BELAY_UDP=auto", *harness.belay_argv(lab.host)],
             "belay by ssh": lambda lab: harness.belay_argv(lab.host),
             "ssh": lambda lab: ["ssh", "-F", lab.cfg, "-tt", "testhost"]}
    if shutil.which("mosh") and shutil.which("mosh-server"):
        found["mosh"] = lambda lab: ["mosh", "--predict=never", f"--ssh=ssh -F {lab.cfg}",
                                     "testhost"]
    return found


class Typist:
    def __init__(self, lab, argv):
        self.term = lab.start(argv, emulate=True, env={"BELAY_STATUS": "off"})
        self.term.wait_screen(r"ready\$")
        self.term.line("clear; cat")
        self.term.pump(2)
        self.took = []
        self._typed = []

    def _shown(self):
        lines = [line for line in self.term.screen.lines() if line.strip("k ") == ""]
        return max((line.count("k") for line in lines), default=0)

    def _look(self):
        now = time.monotonic()
        while len(self.took) < len(self._typed) and self._shown() > len(self.took) % LINE:
            self.took.append(now - self._typed[len(self.took)])

    def _await(self, seconds, until):
        def seen():
            self._look()
            return until()

        return self.term.pump(seconds, seen)

    def keys(self, count, every):
        """The seconds of each; None for one that was not shown in time."""
        self.took, self._typed = [], []
        for number in range(count):
            at = time.monotonic()
            self.term.type("k")
            self._typed.append(at)
            self._await(at + every - time.monotonic(), lambda: False)
            if number % LINE == LINE - 1 or number == count - 1:
                self._await(PATIENCE, lambda: len(self.took) == len(self._typed))
                self.term.type("\x03")
                self.term.pump(1)
                self.term.line("clear; cat")
                self.term.pump(3)
        return self.took + [None] * (count - len(self.took))


def play(argv_in, counts):
    with laboratory.Lab(RTT) as lab:
        typist = Typist(lab, argv_in(lab))
        typist.keys(5, 0.2)
        lab.link(f"loss {LOST}")
        found = {f"every {every} s": typist.keys(count, every) for every, count in counts}
    with laboratory.Lab(RTT) as lab:
        typist = Typist(lab, argv_in(lab))
        typist.keys(10, 0.2)
        lab.link("udp block")
        return {**found, "UDP blocked": typist.keys(1, 1)}


def figures(took):
    known = sorted(1000 * (PATIENCE if one is None else one) for one in took)
    return {"mean": statistics.mean(known), "median": statistics.median(known),
            "p90": known[len(known) * 9 // 10], "p99": known[len(known) * 99 // 100]}


def judge(found):
    belay = {name: figures(took) for name, took in found["belay"].items()}
    slow, fast = belay["every 1 s"], belay["every 0.2 s"]
    rows = [at_most("a key a second: mean, ms", slow["mean"], 130),
            at_most("a key a second: median, ms", slow["median"], 110),
            at_most("a key a second: p99, ms", slow["p99"], 310),
            at_most("five a second: mean, ms", fast["mean"], 135),
            at_most("five a second: p99, ms", fast["p99"], 310),
            at_most("UDP blocked: ms to the next key", belay["UDP blocked"]["mean"], 500)]
    if "mosh" in found:
        mosh = figures(found["mosh"]["every 1 s"])
        rows.append(at_most("a key a second: mean, belay / mosh",
                            slow["mean"] / mosh["mean"], 0.8))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few keys")
    parser.add_argument("--json", type=pathlib.Path, default=budget.BUILD / "loss.json")
    parser.add_argument("--only", action="append", metavar="PROGRAM")
    args = parser.parse_args()
    why = laboratory.missing()
    if why:
        print(f"loss: skipped: {why}")
        return
    counts = ((1, 20), (0.2, 60)) if args.quick else ((1, 120), (0.2, 360))
    programs = {name: argv for name, argv in peers().items()
                if not args.only or name in args.only}
    with concurrent.futures.ThreadPoolExecutor(len(programs)) as pool:
        tasks = {name: pool.submit(play, argv, counts) for name, argv in programs.items()}
    found = {name: task.result() for name, task in tasks.items()}
    for name, by in found.items():
        for what, took in by.items():
            print(f"{name:14} {what:12} " + ", ".join(
                f"{figure} {value:.0f}" for figure, value in figures(took).items()))
    budget.finish(found, judge(found), args.json)


if __name__ == "__main__":
    main()
