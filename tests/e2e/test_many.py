"""Five hundred sessions on one host: begun, listed while some hang, ended."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import time

import pytest
from harness import MARKER, PATH, REPO, all_processes, kill, marked_processes, wait_until
from patience import scaled

SESSIONS = 500
HANGING = 20
PATIENCE = 2.0  # seconds that belay-server waits for sessions that do not answer
MARK = "0123456789abcdef01234567"
SYSTEM = os.uname()
SERVER = pathlib.Path(os.environ.get("BELAY_SERVERS", REPO / "build/servers"),
                      f"{SYSTEM.sysname}-{SYSTEM.machine}")
USE = struct.pack(">IBQ", 9, 9, 1)
WELCOME, PONG = 2, 8


def text(value):
    return struct.pack(">I", len(value)) + value


def hello(number):
    """A client that makes a session, the last one with a name, of a program that waits."""
    name = b"last" if number == SESSIONS - 1 else b""
    body = (struct.pack(">HH", 1, 1) + text(b"") + os.urandom(16) + number.to_bytes(16, "big")
            + struct.pack(">BBBII", 1, 1, 0, 1000, 0) + text(name)
            + text(b"xterm") + text(b"") + struct.pack(">HHHH", 24, 80, 0, 0)
            + text(b"exec sleep 1000") + text(b"") + text(b""))
    return struct.pack(">IB", len(body) + 1, 1) + body


class Crowd:
    def __init__(self, folder):
        self.mark = f"{folder.name}.{os.getpid()}"
        self.run = folder / "run"
        self.env = {"PATH": PATH, "HOME": str(folder), "SHELL": "/bin/sh",
                    "BELAY_RUN_DIR": str(self.run), MARKER: self.mark}

    def server(self, *words):
        return subprocess.run([SERVER, *words], env=self.env, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=scaled(20))

    def begin(self, number):
        """As belay does, up to where it knows that the session is there; then it is gone."""
        with subprocess.Popen([SERVER, "attach", MARK, hello(number).hex()], env=self.env,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            child.stdin.write(USE)
            child.stdin.flush()
            assert child.stdout.readline() == f"{MARK} ready\n".encode()
            kinds = []
            while PONG not in kinds:
                size, kind = struct.unpack(">IB", child.stdout.read(5))
                child.stdout.read(size - 1)
                kinds.append(kind)
            assert kinds[0] == WELCOME
            child.stdin.close()

    def holders(self):
        return [one for one in marked_processes(self.mark) if "hold" in one.argv]

    def listed(self):
        done = self.server("list", "--json")
        assert done.returncode == 0, done
        return {one["id"]: one for one in json.loads(done.stdout)}

    def close(self):
        for one in marked_processes(self.mark):
            kill(one.pid)


@pytest.fixture
def crowd(tmp_path):
    one = Crowd(tmp_path)
    yield one
    one.close()


def test_five_hundred_sessions(crowd):
    times = [time.monotonic()]
    for number in range(SESSIONS):
        crowd.begin(number)
    times.append(time.monotonic())
    found = crowd.listed()
    times.append(time.monotonic())
    assert {int(name, 16) for name in found} == set(range(SESSIONS))

    # Some hang.
    holders = crowd.holders()
    assert len(holders) == SESSIONS
    hang = {one.pid for one in holders[:HANGING]}
    for pid in hang:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(one.state == "T"
                           for one in all_processes(hang.__contains__).values()))
    times.append(time.monotonic())
    assert len(crowd.listed()) == SESSIONS - HANGING
    times.append(time.monotonic())
    assert times[-1] - times[-2] < scaled(2 * PATIENCE)
    assert crowd.server("rename", "last", "found").returncode == 0
    times.append(time.monotonic())
    for pid in hang:
        os.kill(pid, signal.SIGCONT)

    for name in found:
        assert crowd.server("kill", name).returncode == 0
    times.append(time.monotonic())
    wait_until(lambda: not marked_processes(crowd.mark))
    assert not list(crowd.run.iterdir())
    what = ("begin", "list", "stop", "list while some hang", "rename", "kill")
    print({name: round(b - a, 2) for name, a, b in zip(what, times, times[1:])})
