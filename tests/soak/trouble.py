#!/usr/bin/python3
"""The real programs, for as long as asked, with trouble of all kinds at random moments.

    trouble.py [--minutes 30] [--seed N]

A private sshd, a proxy before it that cuts and stalls, and as root also an emulated link to
a laptop that changes its address (bench/lab).  On them run a shell in which lines are typed,
one that writes lines, uploads, downloads, connections through -L and -D, and through -N under
autossh's name (flows.py).  After each trouble everything has to go on; at the end nothing
may have been lost, doubled or left.  With a minute or less it is a short form, of five kinds.

The same seed gives the same troubles in the same order, not at the same byte.
"""

import argparse
import bisect
import collections
import contextlib
import math
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parents[1] / "bench/lab")]

import flows  # noqa: E402
import harness  # noqa: E402
import lab as laboratory  # noqa: E402
from harness import wait_until  # noqa: E402
from proxy import Proxy  # noqa: E402
from test_forwards import echo, port_of, service  # noqa: E402

RTT = 0.02          # seconds
LIMIT = 60          # seconds to progress: more is a failure
LIMIT_AUTOSSH = 90
LATE = 3            # more is told beside the traces
CHAINED = 0.2       # of the troubles, so many follow at once on the one before
SHORT = ("reset", "silence", "address change", "client stopped", "ssh killed")
BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 10, 20, LIMIT)
# What the host keeps for a client that has its end, and could not say so, goes after this.
LINGER = {"BELAY_LINGER": "30s"}
TRACES = os.environ.get("SOAK_TRACES")      # a directory for the clients' traces
# What a process may have more at the end than at the beginning.
MORE_DESCRIPTORS = 3
MORE_KIB = 16 * 1024    # the history of a terminal fills up meanwhile


class World:
    """The host, the network before it, and what all flows share."""

    def __init__(self, undo):
        self.gate = threading.Lock()    # held by who logs in, and by a trouble
        self.starts = 0                 # logins that the flows have asked for
        self.traces = 0
        self.lab = None
        self.mismatches = []            # (time, flow, what)
        if laboratory.missing():
            self.host = harness.Host()
            undo.callback(self.host.close, 0)
        else:
            self.lab = undo.enter_context(laboratory.Lab(rtt=RTT))
            self.host = self.lab.host
            with self.on_host():
                self.host.proxy.close()
                self.host.proxy = Proxy(self.host.sshd.port, laboratory.HOST)
        self.proxy, self.sshd = self.host.proxy, self.host.sshd
        # Emptied, it lets nobody in.
        self.keys = self.host.dir / "authorized_keys"
        self.let_in()
        self.sshd.config = f"AuthorizedKeysFile {self.keys}\n" + self.sshd.config
        self.sshd.stop()
        self.start_sshd()
        self.host.configure(f"HostName {laboratory.HOST}" if self.lab else "",
                            port=self.proxy.port)
        self.full_places = []
        if os.getuid() == 0:
            for place in (self.host.run, self.host.client_home):
                self.host.mount(place, "-t", "tmpfs", "-o",
                                "size=256k,nr_inodes=100,mode=700", "tmpfs")
                self.full_places.append(place)
        with self.on_host():
            self.echo_port = port_of(undo.enter_context(service(echo)))

    def on_laptop(self):
        return self.lab.on_laptop() if self.lab else contextlib.nullcontext()

    def on_host(self):
        return self.lab.on_host() if self.lab else contextlib.nullcontext()

    def start_sshd(self):
        with self.on_host():
            self.sshd.start()

    def let_in(self):
        self.keys.write_text((self.host.keys / "client.pub").read_text())

    def env(self):
        """What a flow has in its environment."""
        env = dict(LINGER)
        if TRACES:
            self.traces += 1
            env["BELAY_TRACE"] = f"{TRACES}/{self.host.id}-{self.traces}"
        return env

    def report(self, flow, error):
        self.mismatches.append((time.monotonic(), flow, error))
        print(f"{flow}: {type(error).__name__}: {str(error)[:1500]}", flush=True)

    def popen(self, argv, **more):
        return subprocess.Popen([str(word) for word in argv], cwd=self.host.dir,
                                env=self.host.client_env(**self.env()), stderr=subprocess.DEVNULL,
                                start_new_session=True, **more)

    @staticmethod
    def end(child):
        """Ends it as a user does, or else by force."""
        for pipe in filter(None, (child.stdin, child.stdout)):
            with contextlib.suppress(OSError):
                pipe.close()
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def connections(self):
        """How many connections there have been, and how many could not be."""
        return self.sshd.log().count("Connection from ") + self.proxy.refused

    def belays(self):
        """All processes of belay, on both sides."""
        return [one for one in self.host.client_processes() + self.host.processes()
                if _is_ours(one.exe)]


class Troubles:
    """Each gets a random generator of its own, and returns when it was over."""

    def __init__(self, world, all_flows):
        self.world, self.proxy, self.flows = world, world.proxy, all_flows
        self.undo = None    # what is done once all has gone on
        self.keys_for = []  # who presses Enter until it goes on

    def kinds(self):
        found = {"reset": self.reset, "silence": self.silence, "one way": self.one_way,
                 "slow": self.slow, "sshd killed": self.sshd_killed,
                 "login refused": self.login_refused, "client stopped": self.client_stopped,
                 "ssh killed": self.ssh_killed, "relay killed": self.relay_killed,
                 "resize storm": self.resize_storm, "race of links": self.race}
        if self.world.lab:
            found["address change"] = self.address_change
        if self.world.full_places:
            found["disk full"] = self.disk_full
        return found

    def reset(self, rng):
        self.proxy.cut()
        return time.monotonic()

    def silence(self, rng):
        """Everything on the way is lost, and so is what comes meanwhile."""
        if self.world.lab:
            self.world.lab.down()
        else:
            self.proxy.drop()
            self.proxy.refuse()
        time.sleep(rng.uniform(0.5, 8))
        if self.world.lab:
            self.world.lab.up()
        else:
            self.proxy.heal()
        return time.monotonic()

    def one_way(self, rng):
        """One direction of what is connected now is held back, or lost for ever."""
        up = rng.random() < 0.5
        if rng.random() < 0.5:
            self.proxy.drop(up=up, down=not up)
            return time.monotonic()
        self.proxy.stall(up=up, down=not up)
        time.sleep(rng.uniform(0.5, 6))
        self.proxy.heal()
        return time.monotonic()

    def slow(self, rng):
        self.proxy.limit(rng.randrange(10_000, 60_000))
        time.sleep(rng.uniform(1, 5))
        self.proxy.limit(None)
        return time.monotonic()

    def address_change(self, rng):
        self.world.lab.leave()
        time.sleep(rng.choice((0, rng.uniform(0, 5))))
        self.world.lab.arrive()
        return time.monotonic()

    def sshd_killed(self, rng):
        """With all its connections; it comes back later."""
        self.world.sshd.stop()
        time.sleep(rng.uniform(0.1, 5))
        self.world.start_sshd()
        return time.monotonic()

    def login_refused(self, rng):
        """The key is not taken for a while, when the shells have lost their links."""
        self.world.keys.write_text("")
        shells = [one for one in self.flows if isinstance(one, flows.Shell)]
        for flow in shells:
            if flow.terminal():
                harness.kill_link(flow.term)
        time.sleep(rng.uniform(0.5, 4))
        self.world.let_in()
        self.keys_for = shells
        return time.monotonic()

    def client_stopped(self, rng):
        """As by its job control; the network goes on."""
        stopped = rng.sample(self.flows, rng.choice((1, 1, len(self.flows))))
        pids = [flow.pid for flow in stopped if flow.pid and _is_belay(flow.pid)]
        _signal(pids, signal.SIGSTOP)
        time.sleep(rng.uniform(0.5, 7))
        _signal(pids, signal.SIGCONT)
        return time.monotonic()

    def ssh_killed(self, rng):
        _signal(_some(rng, [one.pid for one in self.world.host.client_processes()
                            if one.name == "ssh"]), signal.SIGKILL)
        return time.monotonic()

    def relay_killed(self, rng):
        _signal(_some(rng, [one.pid for one in self.world.host.relays()]), signal.SIGKILL)
        return time.monotonic()

    def resize_storm(self, rng):
        """With a cut in it, as when a laptop is put into another dock."""
        terms = [flow.terminal() for flow in self.flows if isinstance(flow, flows.Shell)]
        cut = rng.randrange(80)
        for number in range(80):
            for term in filter(None, terms):
                term.resize(rng.randrange(2, 80), rng.randrange(20, 250))
            if number == cut:
                self.proxy.cut()
            time.sleep(0.01)
        return time.monotonic()

    def disk_full(self, rng):
        """Where the sessions' sockets are, and all that the client writes; and a cut."""
        files = []
        for place in self.world.full_places:
            files += _fill(place)
        self.proxy.cut()

        def undo():
            for path in files:
                path.unlink()
        self.undo = undo
        return time.monotonic()

    def race(self, rng):
        """The link answers again at about the time at which the spare one is there."""
        self.proxy.stall()
        time.sleep(rng.uniform(1, 2))
        self.proxy.heal()
        return time.monotonic()

    def press_keys(self, missing):
        for flow in missing.intersection(self.keys_for):
            if flow.terminal():
                with flow.hands, contextlib.suppress(OSError):
                    for key in (b"\r", b"~", b"R"):     # one by one: read at once they are a paste
                        os.write(flow.term.fd, key)
                        time.sleep(0.2)

    def finish(self):
        if self.undo:
            self.undo()
        self.undo, self.keys_for = None, []


def _is_ours(exe):
    """Of the client, or of the server as it lies on a host (bootstrap: server-VERSION)."""
    return pathlib.Path(exe.removesuffix(" (deleted)")).name.startswith(("belay", "server-"))


def _is_belay(pid):
    with contextlib.suppress(OSError):
        return _is_ours(os.readlink(f"/proc/{pid}/exe"))
    return False


def _signal(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _some(rng, things):
    return rng.sample(things, rng.randint(1, len(things))) if things else []


def _fill(place):
    """Takes all room and all names of a small file system."""
    made = []
    with contextlib.suppress(OSError):
        made.append(place / "full")
        made[0].touch()
        with made[0].open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    with contextlib.suppress(OSError):
        while True:
            path = place / f"full-{len(made)}"
            path.touch()
            made.append(path)
    return [path for path in made if path.exists()]


class Flat:
    """Descriptors and memory of each process, at calm moments."""

    def __init__(self):
        self.samples = collections.defaultdict(list)    # by (pid, what it is)

    def look(self, processes):
        for one in processes:
            with contextlib.suppress(OSError, StopIteration):
                base = pathlib.Path(f"/proc/{one.pid}")
                fds = len(os.listdir(base / "fd"))
                kib = next(int(line.split()[1]) for line in
                           (base / "status").read_text().splitlines() if "VmRSS" in line)
                words = [word for word in one.argv if word in ("-L", "-D", "hold", "attach")]
                self.samples[one.pid, pathlib.Path(one.argv[0]).name[:12], *words[-1:]
                             ].append((fds, kib))

    def grown(self, which):
        """(process, before, after) with the largest growth, of those that were there long."""
        worst = None
        for what, samples in self.samples.items():
            if len(samples) < 6:
                continue
            values = [sample[which] for sample in samples]
            third = len(values) // 3
            before, after = max(values[:third]), statistics.median(values[-third:])
            if worst is None or after - before > worst[2] - worst[1]:
                worst = (" ".join(map(str, what[1:])), before, after)
        return worst


def quantile(values, part):
    values = sorted(values)
    return values[min(math.ceil(part * len(values)) - 1, len(values) - 1)]


class Soak:
    def __init__(self, world, seed, minutes):
        self.world, self.seed = world, seed
        self.until = time.monotonic() + 60 * minutes
        self.flows = [kind(world, seed) for kind in flows.ALL]
        self.troubles = Troubles(world, self.flows)
        self.kinds = self.troubles.kinds()
        if minutes <= 1:
            self.kinds = {name: self.kinds[name] for name in SHORT if name in self.kinds}
        self.times = collections.defaultdict(list)      # by kind: those that resume
        self.autossh = collections.defaultdict(list)
        self.slowest = collections.defaultdict(lambda: (0.0, ""))
        self.count = collections.Counter()
        self.wrong = collections.Counter()              # mismatches by kind
        self.failed = []
        self.passed = 0
        self.hammered = []
        self.most_logins = 0.0
        self.flat = Flat()

    def check(self, good, what):
        self.passed += bool(good)
        if not good:
            self.failed.append(what)
            print(f"FAILED: {what}", flush=True)

    def plan(self):
        """Kinds without end, each as often as the others, and whether one comes at once."""
        number = 0
        while True:
            rng = random.Random(f"{self.seed} {number}")
            names = sorted(self.kinds)
            rng.shuffle(names)
            for name in names:
                number += 1
                yield name, random.Random(f"{self.seed} {number} {name}")

    def run(self):
        for flow in self.flows:
            flow.start()
        for flow in self.flows:
            wait_until(flow.opened.is_set, 60, f"{flow.name} does not begin")
        time.sleep(2)
        for name, rng in self.plan():
            if time.monotonic() > self.until:
                break
            at_once = rng.random() < CHAINED
            self.one(name, rng, at_once)
            if not at_once:
                time.sleep(rng.uniform(0.3, 3))
                self.flat.look(self.world.belays())
        missing = self.wait_for_all(time.monotonic(), None)
        self.check(not missing, f"in the end {', '.join(missing)} did not go on")

    def one(self, name, rng, at_once):
        if name == "login refused":     # a command whose own login that is ends, as ssh's
            self.wait_for_all(time.monotonic(), None)
        if TRACES:
            print(f"{time.monotonic():.3f} {name}", flush=True)
        before, wrong = self.world.connections(), len(self.world.mismatches)
        with self.world.gate:
            starts = self.world.starts
            began = time.monotonic()
            over = self.kinds[name](rng)
        self.count[name] += 1
        if at_once and not self.troubles.undo and not self.troubles.keys_for:
            time.sleep(rng.uniform(0, 1.5))
            missing = []
        else:
            missing = self.wait_for_all(over, name)
        new = len(self.world.mismatches) - wrong
        self.wrong[name] += new
        self.check(not missing and not new,
                   f"{name} (number {sum(self.count.values())}): "
                   f"{', '.join(missing) or 'nothing'} did not go on, {new} mismatches")
        self.count_logins(name, before, starts, time.monotonic() - began)

    def wait_for_all(self, over, name):
        """Waits until all flows have gone on; returns which have not."""
        missing = set(self.flows)
        late = set()
        next_key = 0
        while missing - late:
            now = time.monotonic()
            if now > next_key:
                self.troubles.press_keys(missing)
                next_key = now + 1
            for flow in list(missing):
                took = flow.progress_since(over)
                if took is not None:
                    missing.remove(flow)
                    self.note(name, flow, took)
                elif now - over > (LIMIT if flow.resumes else LIMIT_AUTOSSH):
                    late.add(flow)
            time.sleep(0.02)
        self.troubles.finish()
        return [flow.name for flow in late & missing]

    def note(self, name, flow, took):
        if not flow.echoes or not name:
            return
        (self.times if flow.resumes else self.autossh)[name].append(took)
        if flow.resumes:
            self.slowest[name] = max(self.slowest[name], (took, flow.name))
            if TRACES and took > LATE:
                print(f"{time.monotonic():.3f} {flow.name} took {took:.3f} s", flush=True)

    def count_logins(self, name, before, starts, seconds):
        """The policy's attempts lie 0.25, 0.5, 1, 2, 2, 2, 2, 4 s and so on apart."""
        made = self.world.connections() - before - (self.world.starts - starts)
        allowed = len(self.flows) * (3 + 2 * math.log2(1 + seconds))
        self.most_logins = max(self.most_logins, made / len(self.flows))
        if made > allowed:
            self.hammered.append(f"{name}: {made} in {seconds:.1f} s")

    # ---- the end ----

    def end(self):
        for flow in self.flows:
            flow.ending.set()
        for flow in self.flows:
            flow.join(flows.PATIENCE)
        self.check(not [one for one in self.flows if one.is_alive()], "a flow does not end")
        host = self.world.host
        began = time.monotonic()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not host.leftovers(), 50)
        left = host.leftovers()
        print(f"everything was gone after {time.monotonic() - began:.1f} s")
        self.check(not left, "left behind: " + "; ".join(left[:5]))
        for which, more, what in ((0, MORE_DESCRIPTORS, "descriptors"),
                                  (1, MORE_KIB, "KiB of memory")):
            worst = self.flat.grown(which)
            if worst:
                print(f"most growth of {what}: {worst[0]}, {worst[1]} to {worst[2]:.0f}")
            self.check(not worst or worst[2] - worst[1] <= more, f"{what} have grown")
        print(f"most logins after one trouble: {self.most_logins:.1f} a client")
        self.check(not self.hammered, "logins: " + "; ".join(self.hammered[:5]))

    def table(self):
        print("\n| trouble | times | median | p99 | max | slowest | autossh: median, max "
              "| mismatches |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for name in sorted(self.count):
            times, others = self.times[name] or [0], self.autossh[name] or [0]
            print(f"| {name} | {self.count[name]} | {statistics.median(times):.2f} s "
                  f"| {quantile(times, 0.99):.2f} s | {max(times):.2f} s "
                  f"| {self.slowest[name][1]} "
                  f"| {statistics.median(others):.2f} s, {max(others):.2f} s "
                  f"| {self.wrong[name]} |")
        self.histogram()
        counts = sum((flow.counts for flow in self.flows), collections.Counter())
        print(", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())))

    def histogram(self):
        times = [took for name in self.count for took in self.times[name]]
        found = [0] * (len(BUCKETS) + 1)
        for took in times:
            found[bisect.bisect_left(BUCKETS, took)] += 1
        print("\ntime to progress of all that resumes:")
        for count, most in zip(found, [*BUCKETS, math.inf]):
            if count:
                print(f"  to {most:>5} s {count:>6} {'#' * math.ceil(60 * count / len(times))}")
        print()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()

    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
    why_not = harness.missing()
    if why_not:
        print(f"{why_not}\n0 passed, 1 failed")
        return 1
    print(f"seed {args.seed}, {args.minutes:g} minutes", flush=True)
    why_not = laboratory.missing()
    if why_not:
        print(f"without the emulated link and changes of address: {why_not}")
    with contextlib.ExitStack() as undo:
        world = World(undo)
        soak = Soak(world, args.seed, args.minutes)
        try:
            soak.run()
        finally:
            soak.end()
            soak.table()
    print(f"{soak.passed} passed, {len(soak.failed)} failed")
    return 1 if soak.failed else 0


if __name__ == "__main__":
    sys.exit(main())
