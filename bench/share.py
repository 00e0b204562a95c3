#!/usr/bin/python3
"""One login for all windows: what it costs the first, what the others gain, and how soon all are
back in another network, beside ssh with and without a master of its own.

    bench/share.py [--quick] [--json FILE]

A laptop and a host in two networks, 100 ms apart (lab/lab.py). Figures are medians; a budget that
is not kept is marked, and makes the exit status 1. Of mosh and autossh nothing is here: neither
shares a login.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO / "bench/lab"), str(REPO / "tests/e2e")]

import budget  # noqa: E402
import harness  # noqa: E402
from budget import at_most  # noqa: E402
from lab import Lab, missing  # noqa: E402

RTT = 0.1
WINDOWS = 8
AWAY_S = 1
LINGER_S = 10


def masters(host):
    return [one for one in harness.all_processes().values()
            if one.name == "ssh" and one.argv and str(host.dir) in one.argv[0]
            and one.argv[0].endswith("[mux]")]


def end_masters(host):
    for one in masters(host):
        harness.kill(one.pid, 15)
    harness.wait_until(lambda: not masters(host))


class Share:
    def __init__(self, lab):
        self.lab, self.host = lab, lab.host
        ssh = ["ssh", "-F", lab.cfg]
        belay = harness.belay_argv(self.host, "--new")
        path = self.host.dir / "own"
        self.argv = {
            "ssh": [*ssh, "testhost"],
            "ssh, a master": [*ssh, f"-oControlPath={path}", "-oControlMaster=auto",
                              f"-oControlPersist={LINGER_S}", "testhost"],
            "belay --alone": belay,
            "belay": belay,
        }

    def open(self, name):
        """A window at its prompt, and the seconds that took."""
        alone = "no" if name == "belay" else "yes"
        began = time.monotonic()
        term = self.lab.start(self.argv[name], env={"BELAY_ALONE": alone})
        term.expect(harness.PROMPT)
        return term, time.monotonic() - began

    def start(self, name):
        """Seconds to the prompt of the first window, and of one beside it."""
        first, first_s = self.open(name)
        second, second_s = self.open(name)
        self.host.finish(second, first)
        end_masters(self.host)
        return first_s, second_s

    def move(self, name, times):
        """Seconds from the new network to the answer in the last window; logins each time."""
        windows = [self.open(name)[0] for _ in range(WINDOWS)]
        seconds, logins = [], []
        for number in range(times):
            time.sleep(2)
            before = self.host.sshd.logins()
            self.lab.leave()
            time.sleep(AWAY_S)
            self.lab.arrive()
            began = time.monotonic()
            for one in windows:
                one.line(f"echo ba''ck-{number}")
            for one in windows:
                one.expect(f"back-{number}")
            seconds.append(time.monotonic() - began)
            logins.append(self.host.sshd.logins() - before)
        self.host.finish(*windows)
        end_masters(self.host)
        return statistics.median(seconds), max(logins)


def run(lab, quick):
    share = Share(lab)
    with contextlib.suppress(AssertionError):
        share.start("belay")    # the server lands
    starts = {name: [] for name in share.argv}
    for _ in range(2 if quick else 10):
        for name, times in starts.items():
            times.append(share.start(name))
    found = {"first_s": {}, "second_s": {}, "back_s": {}, "logins": {}}
    for name, times in starts.items():
        found["first_s"][name], found["second_s"][name] = map(statistics.median, zip(*times))
    for name in ("belay --alone", "belay"):
        found["back_s"][name], found["logins"][name] = share.move(name, 2 if quick else 5)
    return found


def judge(found):
    first, second, back = found["first_s"], found["second_s"], found["back_s"]
    return [
        at_most("the first window, ms over --alone", (first["belay"] - first["belay --alone"]) * 1e3,
                15),
        at_most("another window, ms over ssh's by its master",
                (second["belay"] - second["ssh, a master"]) * 1e3, 50),
        at_most("eight windows in another network, s over --alone",
                back["belay"] - back["belay --alone"], 0.3),
        at_most("... and logins", found["logins"]["belay"], 1),
    ]


def show(found):
    print(f"{'':30}" + "".join(f"{name:>16}" for name in found["first_s"]))
    for field, what in (("first_s", "the first window, s"), ("second_s", "another one, s"),
                        ("back_s", "eight in another network, s"), ("logins", "... and logins")):
        print(f"{what:30}" + "".join(f"{found[field].get(name, float('nan')):16.3f}"
                                     for name in found["first_s"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, to see it work")
    parser.add_argument("--json", type=pathlib.Path, default=budget.BUILD / "share.json")
    args = parser.parse_args()
    why = missing()
    if why:
        sys.exit(f"share: {why}")
    os.environ.pop("BELAY_ALONE", None)
    with Lab(rtt=RTT) as lab:
        found = run(lab, args.quick)
    show(found)
    budget.finish(found, judge(found), args.json)


if __name__ == "__main__":
    main()
