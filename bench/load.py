#!/usr/bin/python3
"""Latency under load: belay beside ssh, mosh, and tmux in ssh.

    bench/load.py [--quick] [--rounds N] [--json FILE]

On a link of 10 Mbit/s and 60 ms, and one of 1 Mbit/s and 200 ms, both with 256 KiB of
queue before them (bench/lab): Ctrl-C against a flood of numbered lines, up to the next
prompt; a key's echo while a forward moves bulk data; bulk data alone. On a link without a
bound: Ctrl-C against floods of what costs a terminal model most, in a large window. The
programs take turns, figures are medians.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lab"))

import budget  # noqa: E402
import lab as laboratory  # noqa: E402
from budget import at_least, at_most  # noqa: E402
from lab import harness  # noqa: E402

# Name, rate in bit/s, round trip in s, the most that Ctrl-C may take, bytes of bulk.
LINKS = [("10 Mbit/s, 60 ms", 10e6, 0.06, 0.15, 10_000_000),
         ("1 Mbit/s, 200 ms", 1e6, 0.2, 0.5, 3_000_000)]
FIRST = 100_000_000  # of the flood's numbers: all have as many digits
FLOOD = f"seq {FIRST} {10 * FIRST}"
FLOOD_SECONDS = 4
# What costs the model most a byte (bench/term_bench.c), as printf has it.
STORMS = {"erasing": r"\033[?J", "filling": r"\033#8\033[9999S",
          "scrolling": r"\033[41m\n\n\n\n\n\n\n\nx\n", "moving": r"\033[ A\033[ @",
          "side margins": r"\033[?69h\033[2;400s\033[99;9Hx\n\n\n\n"}
STORM_SIZE = {"rows": 200, "cols": 500}
STORM_SECONDS = 2
STORM_SLACK = 0.05  # over ssh's time
KEYS = 8            # beside a forward
ECHO_SLACK = 0.06   # over the round trip
PAYLOAD = 1448 / 1500  # what TCP can carry of a link's rate
FORWARD = 7001      # the laptop's port
SOURCE = 7002       # the host's
UNCONSTRAINED = 512_000_000
# A raw terminal, and a program that answers each key by another one.
ANSWERING = "stty raw -echo; echo RE''ADY; exec stdbuf -o0 tr a-j A-J\r"


def ssh(lab, *more):
    return ["ssh", "-F", lab.cfg, *more, "testhost"]


def belay(lab, *more):
    return harness.belay_argv(lab.host, *more)


BOTH = {"belay": belay, "ssh": ssh}


def floods():
    """The programs that are here, and their command lines."""
    found = {"belay": belay, "ssh": lambda lab: ssh(lab, "-tt")}
    if shutil.which("mosh") and shutil.which("mosh-server"):
        found["mosh"] = lambda lab: ["mosh", "--predict=never", f"--ssh=ssh -F {lab.cfg}",
                                     "testhost"]
    if shutil.which("tmux"):
        found["tmux in ssh"] = lambda lab: [*ssh(lab, "-tt"), "tmux -L bench new"]
    return found


def flood(lab, argv):
    """Seconds from Ctrl-C to the prompt, and the lines that are missing."""
    term = lab.start(argv)
    term.expect("ready$")
    term.pump(1)
    term.line("")
    term.expect("ready$")
    begin = len(term.raw)
    term.line(FLOOD)
    term.pump(FLOOD_SECONDS)
    term.at = len(term.raw)
    pressed = time.monotonic()
    term.type("\x03")
    term.expect("ready$", 60)
    seconds = term.last_output - pressed
    numbers = re.findall(rb"(?<!\d)(\d{9})(?=\r)", bytes(term.raw[begin:]))
    missing = int(numbers[-1]) - FIRST + 1 - len(set(numbers)) if numbers else None
    end_session(lab, term)
    return {"seconds": seconds, "missing": missing, "lines": len(numbers)}


def storm(lab, argv, sequence):
    """Seconds from Ctrl-C to the prompt."""
    term = lab.start(argv, **STORM_SIZE)
    term.expect("ready$")
    term.line("")
    term.expect("ready$")
    term.line(f"yes \"$(printf '{sequence}')\"; printf '\\033c'; echo ov''er")
    term.pump(STORM_SECONDS)
    term.at = len(term.raw)
    pressed = time.monotonic()
    term.type("\x03")
    term.line("echo he''re")
    term.expect("here", 60)
    seconds = term.last_output - pressed
    end_session(lab, term)
    return seconds


def storms(rounds):
    with laboratory.Lab() as lab:
        return {name: {program: [storm(lab, argv(lab, *tty), sequence)
                                 for _ in range(rounds)]
                       for program, (argv, tty) in
                       {"belay": (belay, ()), "ssh": (ssh, ("-tt",))}.items()}
                for name, sequence in STORMS.items()}


def end_session(lab, term):
    term.close()
    lab.host.terms.remove(term)
    for one in lab.host.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, 9)
    harness.wait_until(lambda: not lab.host.processes())


class Bulk:
    """On the host a port that sends without an end; on the laptop one who takes it all,
    through a forward."""

    def __init__(self, lab):
        self.bytes = 0
        self._over = False
        with lab.on_host():
            self._listener = socket.create_server(("127.0.0.1", SOURCE))
        with lab.on_laptop():
            self._sink = socket.create_connection(("127.0.0.1", FORWARD))
        self._source = self._listener.accept()[0]
        self._threads = [threading.Thread(target=one) for one in (self._send, self._take)]
        for one in self._threads:
            one.start()

    def _send(self):
        with contextlib.suppress(OSError):
            while not self._over:
                self._source.sendall(bytes(65536))

    def _take(self):
        with contextlib.suppress(OSError):
            while not self._over:
                self.bytes += len(self._sink.recv(65536))

    def end(self):
        self._over = True
        for one in (self._sink, self._source):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for one in self._threads:
            one.join()
        for one in (self._sink, self._source, self._listener):
            one.close()


def echo(lab, program):
    """Seconds of a key's echo, while bulk data comes through a forward beside it."""
    forward = f"-L{FORWARD}:127.0.0.1:{SOURCE}"
    term = lab.start(program(lab, forward, *(["-tt"] if program is ssh else [])))
    term.expect("ready$")
    term.type(ANSWERING)
    term.expect("READY")
    bulk = Bulk(lab)
    term.pump(3)  # until the queues are full
    times, before, began = [], bulk.bytes, time.monotonic()
    for number in range(KEYS):
        key = "abcdefghij"[number % 10]
        pressed = time.monotonic()
        term.type(key)
        term.expect(key.upper(), 60)
        times.append(term.last_output - pressed)
        term.pump(0.1)
    rate = (bulk.bytes - before) * 8 / (time.monotonic() - began)
    bulk.end()
    end_session(lab, term)
    return {"seconds": times, "bulk_bit_per_s": rate}


def carry(argv, size, host, place):
    """Bit/s of the second half of so many bytes that a command writes."""
    bulk = host.home / "bulk"
    if not bulk.exists() or bulk.stat().st_size != size:
        bulk.write_bytes(bytes(size))
        os.sync()  # not while it is measured
    command = "cat ~/bulk"
    with place:
        child = subprocess.Popen([*map(str, argv), command], env=host.client_env(),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    total, half_at, half = 0, None, 0
    while data := os.read(child.stdout.fileno(), 1 << 20):
        total += len(data)
        if half_at is None and total >= size / 2:
            half_at, half = time.monotonic(), total
    seconds = time.monotonic() - half_at
    child.stdout.close()
    assert child.wait() == 0 and total == size, f"{total} of {size} bytes"
    return (total - half) * 8 / seconds


def on_link(rate, rtt, bulk, rounds):
    """All that is measured on one link."""
    found = {"flood": {}, "echo": {}, "bulk": {}}
    with laboratory.Lab(rtt, rate) as lab:
        for _ in range(rounds):
            for name, argv in floods().items():
                found["flood"].setdefault(name, []).append(flood(lab, argv(lab)))
            for name, program in BOTH.items():
                found["echo"].setdefault(name, []).append(echo(lab, program))
                speed = carry(program(lab), bulk, lab.host, lab.on_laptop())
                found["bulk"].setdefault(name, []).append(speed / (rate * PAYLOAD))
    return found


def unconstrained(rounds):
    """Bit/s on a link without a bound, and (where all share the processors) on loopback."""
    with laboratory.Lab() as lab:
        link = side_by_side({name: program(lab) for name, program in BOTH.items()}, rounds,
                            lab.host, lab.on_laptop)
    host = harness.Host()
    try:
        host.configure(port=host.sshd.port)
        argv = {"belay": harness.belay_argv(host),
                "ssh": ["ssh", "-F", host.cfg, "testhost"]}
        return link, side_by_side(argv, rounds, host, contextlib.nullcontext)
    finally:
        host.close(2)


def side_by_side(argv, rounds, host, place):
    found = {name: [] for name in argv}
    for number in range(4 * rounds + 1):  # all share the processors: much noise
        for name, words in argv.items():
            speed = carry(words, UNCONSTRAINED, host, place())
            if number:  # at first, the server lands
                found[name].append(speed)
    return found


def run(rounds):
    found = {"links": {}}
    for name, rate, rtt, _, bulk in LINKS:
        print(f"{name} (load {os.getloadavg()[0]:.1f}) ...", file=sys.stderr)
        found["links"][name] = on_link(rate, rtt, bulk, rounds)
    print("storms ...", file=sys.stderr)
    found["storms"] = storms(rounds)
    print("unconstrained ...", file=sys.stderr)
    link, loopback = unconstrained(rounds)
    return {**found, "unconstrained_bit_per_s": link, "loopback_bit_per_s": loopback}


def medians(found):
    """Of each link: what was measured, of which program, the median."""
    return {link: {
        "flood": {name: statistics.median(one["seconds"] for one in runs)
                  for name, runs in by["flood"].items()},
        "echo": {name: statistics.median(s for one in runs for s in one["seconds"])
                 for name, runs in by["echo"].items()},
        "bulk": {name: statistics.median(runs) for name, runs in by["bulk"].items()},
    } for link, by in found["links"].items()}


def judge(found):
    rows, middle = [], medians(found)
    for name, _, rtt, ctrl_c, _ in LINKS:
        by = middle[name]
        missing = [one["missing"] for one in found["links"][name]["flood"]["belay"]]
        rows += [at_most(f"{name}: Ctrl-C against a flood, ms",
                         by["flood"]["belay"] * 1000, ctrl_c * 1000),
                 at_most(f"{name}: lines of the flood missing", max(missing), 0),
                 at_most(f"{name}: a key's echo beside a forward, ms",
                         by["echo"]["belay"] * 1000, (rtt + ECHO_SLACK) * 1000),
                 at_least(f"{name}: bulk, of the rate", by["bulk"]["belay"], 0.95)]
    rows += [at_most(f"Ctrl-C against {name}, ms over ssh",
                     (statistics.median(by["belay"]) - statistics.median(by["ssh"])) * 1000,
                     STORM_SLACK * 1000) for name, by in found["storms"].items()]
    free = found["unconstrained_bit_per_s"]
    return rows + [at_least("unconstrained: bulk, belay / ssh", statistics.median(
        a / b for a, b in zip(free["belay"], free["ssh"])), 0.95)]


def show(found):
    for link, by in medians(found).items():
        print(link)
        for what, unit, factor in (("flood", "Ctrl-C, ms", 1000),
                                   ("echo", "echo, ms", 1000),
                                   ("bulk", "bulk, of the rate", 1)):
            print(f"    {unit:20}" + ", ".join(f"{name} {value * factor:.4g}"
                                               for name, value in by[what].items()))
        beside = {name: statistics.median(one["bulk_bit_per_s"] for one in runs)
                  for name, runs in found["links"][link]["echo"].items()}
        print(f"    {'beside it, Mbit/s':20}" + ", ".join(
            f"{name} {value / 1e6:.2f}" for name, value in beside.items()))
    for storm_name, by in found["storms"].items():
        print(f"Ctrl-C against {storm_name}, ms: " + ", ".join(
            f"{name} {statistics.median(values) * 1000:.0f}" for name, values in by.items()))
    for what in ("unconstrained", "loopback"):
        for name, values in found[f"{what}_bit_per_s"].items():
            print(f"{what}, {name}: {statistics.median(values) / 8e6:.0f} MB/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="once, to see it work")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, default=budget.BUILD / "load.json")
    args = parser.parse_args()
    why = laboratory.missing()
    if why:
        print(f"load: skipped: {why}")
        return
    found = run(1 if args.quick else args.rounds)
    show(found)
    budget.finish(found, judge(found), args.json)


if __name__ == "__main__":
    main()
