#!/usr/bin/python3
"""belay beside plain ssh (and mosh, autossh with screen, where installed), in one run.

    bench/bench.py [--quick] [--json FILE]

All against the same private sshd on loopback. The programs take turns, figures are
medians, and what counts are the ratios: machines are noisy. A budget that is not kept
is marked, and makes the exit status 1.
"""

import argparse
import ctypes
import fcntl
import os
import pathlib
import pty
import resource
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time

REPO = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "tests/e2e"))

import budget  # noqa: E402
import harness  # noqa: E402
from budget import at_least, at_most  # noqa: E402

PROMPT = b"ready$"
# A raw terminal, and a program that answers each key by another one.
ANSWERING = b"stty raw -echo; echo RE''ADY; exec stdbuf -o0 tr a-j A-J\r"
CAT_SIZE = 32_000_000
FILES = 4  # of that size, through pipes


class Pty:
    """A program in a terminal, with as little of our own in between as possible."""

    def __init__(self, argv, env):
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(str(argv[0]), [str(arg) for arg in argv], env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""

    def until(self, what, timeout=30):
        """Reads until this has come; returns the time."""
        deadline = time.perf_counter() + timeout
        while what not in self.seen:
            if not select.select([self.fd], [], [], deadline - time.perf_counter())[0]:
                raise TimeoutError(f"no {what!r} in {self.seen[-500:]!r}")
            self.seen = self.seen[-len(what):] + os.read(self.fd, 65536)
        self.seen = b""
        return time.perf_counter()

    def type(self, data):
        os.write(self.fd, data)

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Bench:
    def __init__(self, host, quick):
        self.host, self.quick = host, quick
        self.used = {}  # CPU seconds per GB
        ssh = ["ssh", "-F", host.cfg]
        self.peers = {
            "ssh": [*ssh, "-tt", "testhost"],
            "belay": harness.belay_argv(host),
        }
        if shutil.which("mosh") and shutil.which("mosh-server"):
            self.peers["mosh"] = [
                "mosh", "--predict=never", f"--ssh={' '.join(map(str, ssh))}", "testhost"]
        if shutil.which("autossh") and shutil.which("screen"):
            self.peers["autossh+screen"] = [
                "autossh", "-M", "0", "-F", host.cfg, "-tt", "testhost",
                "screen -D -R bench"]

    def open(self, name):
        env = self.host.client_env(AUTOSSH_GATETIME="0")
        return Pty(self.peers[name], env)

    def close(self, term):
        """Ends a program in a terminal; of belay the shell too, which would go on."""
        term.end()
        for one in self.host.processes():
            if "hold" in one.argv:
                os.kill(one.pid, signal.SIGTERM)
        harness.wait_until(lambda: not [one for one in self.host.processes()
                                        if "hold" in one.argv])

    def each(self, rounds, measure, names=None):
        """Lets the peers take turns; returns the medians."""
        found = {name: [] for name in names or self.peers}
        for _ in range(rounds):
            for name, values in found.items():
                try:
                    values.append(measure(name))
                except (TimeoutError, OSError) as problem:
                    print(f"bench: {name}: {problem}", file=sys.stderr)
        return {name: statistics.median(values) for name, values in found.items() if values}

    def start_up(self, name):
        """Seconds from the command to the prompt."""
        term = self.open(name)
        seconds = term.until(PROMPT) - term.started
        term.type(b"exit\r")
        time.sleep(0.2)
        self.close(term)
        return seconds

    def keystroke(self, name):
        """Milliseconds from a key to the answer of a program."""
        term = self.open(name)
        term.until(PROMPT)
        term.type(ANSWERING)
        term.until(b"READY")
        time.sleep(0.3)
        times = []
        for number in range(100 if self.quick else 400):
            key = b"abcdefghij"[number % 10:number % 10 + 1]
            begin = time.perf_counter()
            term.type(key)
            times.append(term.until(key.upper()) - begin)
            time.sleep(0.003)
        self.close(term)
        return statistics.median(times) * 1000

    def throughput(self, name):
        """MB/s of `cat` of a file of lines on the terminal."""
        term = self.open(name)
        term.until(PROMPT)
        begin = time.perf_counter()
        term.type(b"cat ~/big; echo do''ne\r")
        seconds = term.until(b"done\r\n", 120) - begin
        self.close(term)
        return CAT_SIZE / 1e6 / seconds

    def command(self, name, command, **stdio):
        """Seconds that a command without a terminal takes."""
        argv = self.peers[name]
        argv = [arg for arg in argv if arg != "-tt"]
        begin = time.perf_counter()
        subprocess.run([*map(str, argv), command], env=self.host.client_env(), check=True,
                       **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                          **stdio})
        return time.perf_counter() - begin

    def true(self, name):
        return self.command(name, "true")

    def cpu(self):
        """Seconds that both sides have used so far, when all but sshd have ended."""
        sshd = self.host.sshd.proc.pid
        deadline = time.monotonic() + 5
        # sshd counts a connection's processes when it has taken their status.
        while time.monotonic() < deadline and (_reap(sshd) or _children(sshd)):
            time.sleep(0.01)
        mine = resource.getrusage(resource.RUSAGE_CHILDREN)
        ticks = pathlib.Path(f"/proc/{sshd}/stat").read_text().rsplit(")")[1].split()[11:15]
        return mine.ru_utime + mine.ru_stime + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def bulk(self, name, way, *what, **stdio):
        """MB/s of what takes FILES files; notes the CPU time of both sides per GB."""
        before = self.cpu()
        seconds = self.command(name, *what, **stdio)
        used = (self.cpu() - before) / (CAT_SIZE * FILES / 1e9)
        self.used.setdefault(way, {}).setdefault(name, []).append(used)
        return CAT_SIZE * FILES / 1e6 / seconds

    def from_pipe(self, name):
        """A file written to stdout."""
        return self.bulk(name, "stdout", "cat" + " ~/big" * FILES)

    def into_pipe(self, name):
        """A file read from stdin."""
        with open(self.host.home / "big4", "rb") as file:
            return self.bulk(name, "stdin", "cat >/dev/null", stdin=file)

    def many(self, name):
        """Seconds of short commands, one after the other."""
        return sum(self.true(name) for _ in range(10 if self.quick else 100))

    def idle(self):
        """Resident memory of the host side in KiB, wake-ups a minute of each process."""
        term = self.open("belay")
        term.until(PROMPT)
        term.type(b"cat ~/big >/dev/tty; echo do''ne\r")  # busy once: what stays?
        term.until(b"done\r\n", 120)
        time.sleep(3)
        processes = {one.pid: one for one in self.host.processes()}
        hold = next(one for one in processes.values() if "hold" in one.argv)
        relay = next(one for one in processes.values() if "attach" in one.argv)
        watched = {"hold": hold.pid, "relay": relay.pid, "belay": term.pid}
        before = {name: _switches(pid) for name, pid in watched.items()}
        seconds = 10 if self.quick else 30
        time.sleep(seconds)
        wakes = {name: (_switches(pid) - before[name]) * 60 / seconds
                 for name, pid in watched.items()}
        memory = {"hold": _rss(hold.pid), "relay": _rss(relay.pid),
                  "belay": _rss(term.pid)}
        self.close(term)
        return memory, wakes


def _reap(sshd):
    """Takes the status of what was left to us; whether there is more to come."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return _children(os.getpid()) - {str(sshd)} != set()


def _children(pid):
    return set(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _adopt_orphans():
    """What a session's server uses counts too: prctl(2), PR_SET_CHILD_SUBREAPER."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _status(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise KeyError(field)


def _rss(pid):
    return _status(pid, "VmRSS")


def _switches(pid):
    return _status(pid, "voluntary_ctxt")


def run(host, quick):
    bench = Bench(host, quick)
    host.home_file(".bashrc", f"PS1='{harness.PROMPT}'\n")  # for a shell within screen
    line = b"%07d the quick brown fox jumps over the lazy dog 0123456789\n"
    big = b"".join(line % number for number in range(CAT_SIZE // 64))
    (host.home / "big").write_bytes(big[:CAT_SIZE])
    bench.start_up("belay")  # the server lands
    print("start-up ...", file=sys.stderr)
    start = bench.each(3 if quick else 15, bench.start_up)
    print("keystrokes ...", file=sys.stderr)
    key = bench.each(1 if quick else 5, bench.keystroke)
    print("throughput ...", file=sys.stderr)
    cat = bench.each(2 if quick else 5, bench.throughput, ["ssh", "belay"])
    print("commands ...", file=sys.stderr)
    (host.home / "big4").write_bytes(big[:CAT_SIZE] * FILES)
    both = ["ssh", "belay"]
    true = bench.each(5 if quick else 25, bench.true, both)
    out = bench.each(2 if quick else 5, bench.from_pipe, both)
    into = bench.each(2 if quick else 5, bench.into_pipe, both)
    many = bench.each(1 if quick else 5, bench.many, both)
    print("idle ...", file=sys.stderr)
    memory, wakes = bench.idle()
    return {"start_up_s": start, "keystroke_ms": key, "cat_mb_per_s": cat,
            "command_s": true, "stdout_mb_per_s": out, "stdin_mb_per_s": into,
            "many_commands_s": many,
            "cpu_s_per_gb": {way: {name: statistics.median(values)
                                   for name, values in by.items()}
                             for way, by in bench.used.items()},
            "idle_rss_kib": memory, "idle_wakes_per_minute": wakes}


def judge(found):
    start, key, cat = found["start_up_s"], found["keystroke_ms"], found["cat_mb_per_s"]

    def ratio(field):
        return found[field]["belay"] / found[field]["ssh"]

    def used(way):
        return found["cpu_s_per_gb"][way]["belay"] / found["cpu_s_per_gb"][way]["ssh"]

    host_kib = found["idle_rss_kib"]["hold"] + found["idle_rss_kib"]["relay"]
    return [
        at_most("start-up, belay / ssh", start["belay"] / start["ssh"], 1.1),
        at_most("keystroke, ms over ssh's", key["belay"] - key["ssh"], 0.3),
        at_least("cat on a pty, belay / ssh", cat["belay"] / cat["ssh"], 0.9),
        at_most("`true` without a terminal, belay / ssh", ratio("command_s"), 1.1),
        at_least("stdout through a pipe, belay / ssh", ratio("stdout_mb_per_s"), 0.9),
        at_least("stdin through a pipe, belay / ssh", ratio("stdin_mb_per_s"), 0.9),
        at_most("CPU of both sides, stdout, belay / ssh", used("stdout"), 1.3),
        at_most("CPU of both sides, stdin, belay / ssh", used("stdin"), 1.3),
        at_most("short commands in a row, belay / ssh", ratio("many_commands_s"), 1.15),
        at_most("host side when idle, MiB", host_kib / 1024, 3),
    ]


def show(found):
    print(f"{'':22}" + "".join(f"{name:>16}" for name in found["start_up_s"]))
    for field, unit in (("start_up_s", "start-up, s"), ("keystroke_ms", "keystroke, ms"),
                        ("cat_mb_per_s", "cat, MB/s"),
                        ("command_s", "`true`, s"),
                        ("stdout_mb_per_s", "stdout, MB/s"),
                        ("stdin_mb_per_s", "stdin, MB/s"),
                        ("many_commands_s", "short commands, s")):
        print(f"{unit:22}" + "".join(f"{found[field].get(name, float('nan')):16.3f}"
                                     for name in found["start_up_s"]))
    for way, by in found["cpu_s_per_gb"].items():
        print(f"CPU of both sides, s per GB of {way}: "
              + ", ".join(f"{name} {value:.2f}" for name, value in by.items()))
    for field, unit in (("idle_rss_kib", "resident when idle, KiB"),
                        ("idle_wakes_per_minute", "wake-ups a minute, idle")):
        print(f"{unit}: " + ", ".join(f"{name} {value:.0f}"
                                      for name, value in found[field].items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, to see it work")
    parser.add_argument("--json", type=pathlib.Path, default=budget.BUILD / "bench.json")
    args = parser.parse_args()
    why = harness.missing()
    if why:
        sys.exit(f"bench: {why}")
    _adopt_orphans()
    host = harness.Host(setenv={"SCREENDIR": "/tmp/belay-bench-screen"})
    try:
        host.configure(port=host.sshd.port)  # not by way of the proxy that makes the cuts
        found = run(host, args.quick)
    finally:
        host.close(2)
        shutil.rmtree("/tmp/belay-bench-screen", ignore_errors=True)
    show(found)
    budget.finish(found, judge(found), args.json)


if __name__ == "__main__":
    main()
