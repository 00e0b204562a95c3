"""A laptop and a host in two network namespaces, joined by an emulated link.

    with Lab(rtt=0.05) as lab:
        term = lab.start(["ssh", "-F", lab.cfg, "testhost"])
        lab.roam()

Host and clients are those of the tests (tests/e2e/harness.py), but with a network between
them that can be slow, narrow or dead, and a laptop that can move, sleep, or sit behind a
NAT. Needs root and /dev/net/tun; missing() says what is not there.
"""

import contextlib
import ctypes
import fcntl
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/e2e"))

import harness  # noqa: E402

LINKEMU = REPO / "build/bench/linkemu"
HOST = "10.77.0.1"
NAT = "10.77.200.1"  # where the laptop seems to be, when there is one
CLONE_NEWNET = 0x40000000
# What laptops and servers have, whatever this machine has been set to.
CONGESTION_CONTROL = "cubic"
IPV4 = pathlib.Path("/proc/sys/net/ipv4")
_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def missing():
    """Why there can be no laboratory here, or None."""
    if os.getuid() != 0:
        return "networks of one's own want root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun"
    if not shutil.which("ip"):
        return "no ip: install iproute2"
    return harness.missing()


def _ip(*words):
    done = subprocess.run(["ip", *map(str, words)], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(map(str, words))}: {done.stdout.strip()}")


def make_emulator():
    """One at a time: laboratories are also made side by side."""
    with open(REPO / "Makefile", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", "-C", REPO, LINKEMU.relative_to(REPO)], check=True)


def allow_congestion_control():
    """Lets the namespaces use it; they may not where the machine's default is another."""
    path = IPV4 / "tcp_allowed_congestion_control"
    allowed = path.read_text().split()
    if CONGESTION_CONTROL not in allowed:
        with contextlib.suppress(OSError):  # there is none: set_congestion_control says so
            path.write_text(" ".join([*allowed, CONGESTION_CONTROL]))


def set_congestion_control():
    path = IPV4 / "tcp_congestion_control"
    try:
        path.write_text(CONGESTION_CONTROL)
    except OSError:
        print(f"laboratory: no {CONGESTION_CONTROL}, the kernel's TCP uses "
              f"{path.read_text().strip()}", file=sys.stderr)


class Lab:
    """`rtt` in seconds; `rate` in bit/s, 0: unlimited; `queue`, in bytes, is before the
    rate; `nat`: the laptop sits behind one."""

    def __init__(self, rtt=0.0, rate=0, queue=256 * 1024, nat=False):
        self._undo = contextlib.ExitStack()
        self._moves = 0
        try:
            self._make_network()
            self._make_host()
            self.link(f"delay {rtt * 500}", f"rate {rate / 1000}",
                      f"queue {queue / 1024}")
            if nat:
                self.link(f"nat {NAT}")
        except BaseException:
            self._undo.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._undo.close()

    # ---- setting up ----

    def _make_network(self):
        allow_congestion_control()
        tag = f"belay-{os.getpid()}-{next(_numbers)}"
        self._laptop, self._far = tag + "l", tag + "h"
        for netns in (self._laptop, self._far):
            _ip("netns", "add", netns)
            self._undo.callback(_ip, "netns", "del", netns)
            _ip("-n", netns, "link", "set", "lo", "up")
            with self._inside(netns):
                set_congestion_control()
        make_emulator()
        self._emulator = subprocess.Popen(
            [LINKEMU, *(f"/run/netns/{one}" for one in (self._laptop, self._far))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._undo.callback(self._end_emulator)
        self.link("up")  # its answer tells that the devices are there
        for netns in (self._laptop, self._far):
            _ip("-n", netns, "link", "set", "lnk0", "txqueuelen", 5000, "up")
        _ip("-n", self._far, "addr", "add", f"{HOST}/32", "dev", "lnk0")
        _ip("-n", self._far, "route", "add", "10.77.0.0/16", "dev", "lnk0")
        self._arrive()

    def _end_emulator(self):
        self._emulator.stdin.close()
        self._emulator.wait()
        self._emulator.stdout.close()

    def _make_host(self):
        screens = tempfile.mkdtemp(prefix="belay-screens.")
        self._undo.callback(shutil.rmtree, screens, ignore_errors=True)
        with self._inside(self._far):
            self.host = harness.Host(sshd_config=f"ListenAddress {HOST}",
                                     setenv={"SCREENDIR": screens})
        self._undo.callback(self._close_host)
        self.host.home_file(".bashrc", f"PS1='{harness.PROMPT}'\n")  # for screen, tmux
        self.host.configure(f"HostName {HOST}", port=self.host.sshd.port)
        self.cfg = self.host.cfg

    def _close_host(self):
        """Nothing is awaited: what is left may have lost its network."""
        for term in self.host.terms:
            term.close()
        self.host.close(0)

    @contextlib.contextmanager
    def _inside(self, netns):
        """What this thread starts is in that network."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as before, \
                open(f"/run/netns/{netns}", encoding="ascii") as there:
            self._enter(there)
            try:
                yield
            finally:
                self._enter(before)

    @staticmethod
    def _enter(netns):
        if _libc.setns(netns.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    # ---- programs on the laptop ----

    def on_laptop(self):
        """A context: what is started within is on the laptop."""
        return self._inside(self._laptop)

    def on_host(self):
        return self._inside(self._far)

    def start(self, argv, **more):
        """A program in a terminal of the laptop; it ends with the laboratory."""
        with self.on_laptop():
            return self.host.start(argv, **more)

    def run(self, argv, **more):
        """Runs a program to its end; returns the seconds it took."""
        with self.on_laptop():
            began = time.monotonic()
            subprocess.run(list(map(str, argv)), env=self.host.client_env(), check=True,
                           cwd=self.host.client_home,
                           **{"stdin": subprocess.DEVNULL, **more})
            return time.monotonic() - began

    def connections(self):
        """How many connections the host has had."""
        return self.host.sshd.log().count("Connection from ")

    # ---- what happens to networks and laptops ----

    def link(self, *commands):
        """Commands for the link: linkemu.c has them."""
        for command in commands:
            self._emulator.stdin.write(command + "\n")
            self._emulator.stdin.flush()
            if self._emulator.stdout.readline() != "ok\n":
                raise ValueError(f"linkemu does not take {command!r}")

    def down(self):
        self.link("down")

    def up(self):
        self.link("up")

    def leave(self):
        """The laptop loses its network and its address."""
        self.down()
        _ip("-n", self._laptop, "addr", "flush", "dev", "lnk0")

    def _arrive(self):
        self._moves += 1
        address = f"10.77.{self._moves}.2"
        _ip("-n", self._laptop, "addr", "add", f"{address}/32", "dev", "lnk0")
        _ip("-n", self._laptop, "route", "add", "default", "dev", "lnk0", "src", address)

    def arrive(self):
        """It gets into another network, with an address that it has never had."""
        self._arrive()
        self.up()

    def roam(self):
        self.leave()
        self.arrive()

    def stop_clients(self, number=signal.SIGSTOP):
        """As the laptop's sleep does; its kernel goes on here, with its clocks."""
        for one in self.host.client_processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, number)

    def wake_clients(self):
        self.stop_clients(signal.SIGCONT)
