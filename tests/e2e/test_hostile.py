"""Peers that want more than they were given, and peers that break the protocol in every way
(hostile.py), played to both real programs.

HOSTILE_PEERS: how many of the latter in all: hosts, readers and owners of a session; `make soak
T=hostile` plays thousands.
"""

import array
import contextlib
import os
import pathlib
import queue
import random
import re
import resource
import signal
import socket
import subprocess
import threading

import pytest

import hostile
from harness import SEED, belay_path, free_port, wait_until
from patience import Deadline
from peer import ATTACH, EXACT, NEW, PIPES, PTY, READ_ONLY, SHARE, Peer
from test_rights import Session

TIMEOUT = 30
HOST = pathlib.Path(__file__).resolve().parent / "hostile_host.py"
SSH = HOST.with_name("hostile_ssh.py")
PEERS = int(os.environ.get("HOSTILE_PEERS", "240")) // 3      # of each kind
WORKERS = 3
LOGINS = 3          # of one client; the host refuses the next ones
MEMORY = 350        # MB that a program may hold; a sanitizer takes the most of it
# What the search for leaks says, and no more, of a program that is killed meanwhile.
CUT_SHORT = re.compile(r"(==\d+==[^\n]*thread \d+[^\n]*\n)+")


@pytest.mark.parametrize("kind", range(6))
def test_what_nobody_asked_for_leads_nowhere(tmp_path, kind):
    """3,000 OPENs without an acknowledgement: no FAILED fits any more, and what is refused
    stays refused; at some time that is the host's error."""
    result = tmp_path / "result"
    with socket.create_server(("127.0.0.1", 0)) as service:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BELAY_SSH": str(HOST),
               "XDG_RUNTIME_DIR": str(tmp_path), "HOSTILE_RESULT": str(result),
               "HOSTILE_PORT": str(service.getsockname()[1]), "HOSTILE_KIND": str(kind)}
        argv = [belay_path(), "-F", "none", "host", "cat"]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, stderr=pipe) as child:
            out, err = child.stdout.read(), child.stderr.read()
            child.wait(TIMEOUT)
        assert not connected(service)
    assert child.returncode == 255 and not out
    assert b"the host sent what it must not" in err, err
    # The host ends in its own time.
    wait_until(lambda: result.exists() and len(result.read_text().split()) == 2)
    full, opened = map(int, result.read_text().split())
    assert 2000 < full < opened < 4000, "the control stream was never full"


def connected(service):
    """Whether anybody has come to it."""
    service.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        service.accept()
        return True
    return False


class Reports:
    """What sanitizers say, in files of a folder."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.env = {f"{name}_OPTIONS": f"log_path={folder}/{name.lower()}{more}" for name, more in
                    (("ASAN", ":quarantine_size_mb=8"), ("UBSAN", ":print_stacktrace=1"))}

    def none(self):
        texts = [path.read_text(errors="replace") for path in self.folder.iterdir()]
        texts = [text for text in texts if text and not CUT_SHORT.fullmatch(text)]
        return not texts or pytest.fail("\n".join(texts)[:6000])


def in_turns(numbers, one):
    """Calls `one` with each number, a few at a time; the first that fails ends it."""
    waiting, failed = queue.SimpleQueue(), []
    for number in numbers:
        waiting.put(number)

    def work():
        with contextlib.suppress(queue.Empty):
            while not failed:
                number = waiting.get_nowait()
                try:
                    one(number)
                except BaseException as problem:    # also pytest's own
                    failed.append((number, problem))
    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, problem in failed:
        raise AssertionError(f"peer {number}: {problem!r}") from problem


# ---- hosts ----

WANTS = {
    "command": lambda port, free: ["host", "cat"],
    "terminal": lambda port, free: ["-tt", "host", "sh"],
    "remote": lambda port, free: ["-R", f"0:127.0.0.1:{port}", "host", "cat"],
    "tunnel": lambda port, free: ["-N", "-R", f"0:127.0.0.1:{port}", "-R",
                                  f"/nonexistent:127.0.0.1:{port}", "host"],
    "local": lambda port, free: ["-L", f"{free}:127.0.0.1:9", "host", "cat"],
    "socks": lambda port, free: ["-D", str(free), "host", "cat"],
    "agent": lambda port, free: ["-A", "host", "cat"],
}


class Place:
    """What a client has on its machine: a service that is forwarded, and others that are not."""

    def __init__(self, folder):
        self.folder = folder
        self.reports = Reports(folder / "reports")
        (folder / "home").mkdir()
        self.open = socket.create_server(("127.0.0.1", 0))
        self.closed = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self.closed[1].bind(str(folder / "agent"))
        self.closed[1].listen()
        self.open.listen(200)
        self.open.setblocking(False)
        self.served = 0
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"),
                    "XDG_RUNTIME_DIR": str(folder), "BELAY_SSH": str(SSH),
                    "SSH_AUTH_SOCK": str(folder / "agent"), "BELAY_LINGER": "5s",
                    "DISPLAY": f"localhost:{self.closed[0].getsockname()[1] - 6000}",
                    **self.reports.env}

    def wants(self, name):
        return WANTS[name](self.open.getsockname()[1], free_port())

    def serve(self):
        """Whoever comes to the service that is forwarded gets a word."""
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.open.accept()
                with one:
                    self.served += 1
                    one.sendall(b"served\n")

    def close(self):
        for one in (self.open, *self.closed):
            one.close()


def taken(listener):
    """The next ssh of a client: its connection, what it was told, its stdin and stdout."""
    connection, _ = listener.accept()
    word, found, _, _ = connection.recvmsg(2 ** 16, socket.CMSG_LEN(8))
    fds = array.array("i")
    for _, _, data in found:
        fds.frombytes(data)
    return connection, word.decode().split(), fds


def converse(name, login, words, fds, dice):
    """What a host says on one login; only the first ones come to a session."""
    if len(words) < 5:
        return      # plain ssh, in its place
    mark, said = words[-5], words[-1]
    os.write(fds[1], f"{mark} ready\n".encode())
    wire, terminal = hostile.Wire(*fds, dice), name == "terminal"
    if login >= LOGINS:
        wire.say([hostile.Step("REFUSE", code=2)])
    else:
        opening = hostile.host_opening(session_of(said) or bytes(16), terminal)
        if dice.random() < 0.2:
            opening, wire.acks, wire.pongs = hostile.change(opening, dice)
        wire.say(opening)
        wire.listen(0.03)
        steps, wire.acks, wire.pongs = hostile.change(
            hostile.host_steps(dice, terminal, wire.asked), dice)
        wire.say(steps)
    wire.finish()


def session_of(hello):
    """The id in a HELLO on a command line."""
    with contextlib.suppress(ValueError, IndexError):
        data = bytes.fromhex(hello)
        build = int.from_bytes(data[9:13], "big")
        return data[13 + build + 16:][:16]
    return None


def plays_host(place, number):
    dice = random.Random(f"{SEED} host {number}")
    path = place.folder / f"s{number}"
    name = dice.choice(list(WANTS))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(0.1)
    argv = place.wants(name)
    env = {**place.env, "HOSTILE_SOCKET": str(path)}
    child = subprocess.Popen([belay_path(), "-F", "none", "-o", "ProxyCommand=none of it", *argv],
                             env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    login, told, deadline = 0, False, Deadline(TIMEOUT)
    said = []
    reader = threading.Thread(target=lambda: said.append(child.stderr.read()))
    reader.start()
    with contextlib.suppress(OSError):
        child.stdin.write(b"some input\n" * dice.randrange(200))
        child.stdin.flush()
    try:
        while child.poll() is None:
            assert not deadline.over(), f"{name}: does not end; {login} logins"
            place.serve()
            if name in ("local", "socks") and login == 1:
                with contextlib.suppress(OSError), socket.create_connection(
                        ("127.0.0.1", int(argv[1].split(":")[0])), 1) as one:
                    one.sendall(b"\5\1\0\5\1\0\1\x7f\0\0\1\0\t" * dice.randrange(1, 90))
            if login > LOGINS and not told:
                child.send_signal(signal.SIGTERM)
                told = True
            with contextlib.suppress(TimeoutError):
                connection, words, fds = taken(listener)
                try:
                    converse(name, login, words, fds, dice)
                finally:
                    login += 1
                    for fd in fds:
                        os.close(fd)
                    connection.close()
            # What a tunnel's session was is made anew for ever.
            if login == LOGINS and not told and name == "tunnel":
                child.send_signal(signal.SIGTERM)
                told = True
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        reader.join()
        child.stderr.close()
        with contextlib.suppress(OSError):
            child.stdin.close()
        listener.close()
        path.unlink()
    assert child.returncode >= 0 or (told and child.returncode == -signal.SIGTERM), (
        f"{name}: status {child.returncode}: {said}")


def test_hosts_that_break_the_protocol(tmp_path):
    """No client crashes, opens a connection nobody asked for, has a file made, or does not end."""
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    place = Place(tmp_path)
    try:
        in_turns(range(PEERS), lambda number: plays_host(place, number))
        assert place.reports.none()
        assert not any(connected(one) for one in place.closed)
        assert place.served, "nothing was led where it may"
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 < MEMORY
        made = {path.name for path in (tmp_path / "home").iterdir()}
        assert made <= {".cache", ".local", ".config"}, made
    finally:
        place.close()


# ---- clients ----

class Holder:
    """A session, as its own socket sees it: a client without a relay."""

    def __init__(self, session):
        (self.path,) = [path for path in session.run.iterdir() if path.is_socket()
                        and re.fullmatch("[0-9a-f]{32}", path.name)]

    def pid(self):
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                if words[1:3] == [b"hold", str(self.path).encode()] and entry.isdigit():
                    return int(entry)
        return None

    def peak(self):
        """MB that it has held at the most."""
        text = pathlib.Path(f"/proc/{self.pid()}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024

    def connect(self, data, fds):
        relay = socket.socket(socket.AF_UNIX)
        relay.connect(str(self.path))
        relay.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                array.array("i", fds).tobytes())] if fds else [])
        return relay


def plays_client(holder, number, role, session_id):
    """A client of a session that another has."""
    dice = random.Random(f"{SEED} client {number}")
    flags = {"reader": READ_ONLY, "sharer": SHARE}[role] | dice.choice((0, EXACT, 16, 32))
    data = hostile.hello(dice, session=session_id, request=ATTACH, flags=flags, kind=PTY,
                         linger_s=0)
    if dice.random() < 0.1:     # a question, or nonsense
        data = hostile.garbage(dice.choice(("INFO", "ABOUT", "DATA", "WELCOME")), dice)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        fds = [theirs.fileno()] * dice.choice((2, 2, 2, 2, 2, 2, 2, 2, 1, 0, 3))
        try:
            relay = holder.connect(data, fds)
        except OSError:
            return      # too many at once
        with relay:
            theirs.close()
            steps, acks, pongs = hostile.change(hostile.client_steps(dice, role), dice)
            wire = hostile.Wire(ours.fileno(), ours.fileno(), dice, acks, pongs)
            wire.say(steps)
            wire.finish()


def test_clients_that_break_the_protocol(tmp_path):
    """Readers change nothing of what the owner sees; no session crashes, or keeps more than it may,
    and in the end it is gone."""
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    reports = Reports(tmp_path / "reports")
    before = {name: os.environ.get(name) for name in reports.env}
    os.environ.update(reports.env)
    session = Session(tmp_path)
    try:
        holder = Holder(session)
        for first in range(0, PEERS, 20):
            in_turns(range(first, min(first + 20, PEERS)),
                     lambda number: plays_client(holder, number, "reader", bytes(range(16))))
            session.check()
        assert holder.peak() < MEMORY
        session.close()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    assert reports.none()


def owns(env, number, dice):
    """A client of a session of its own, by a relay as sshd runs it."""
    kind = dice.choice((PTY, PIPES))
    one = Peer(env, session=dice.randbytes(16), request=NEW, kind=kind, linger_s=1,
               flags=dice.choice((0, EXACT, SHARE)), command=b"head -c 100000 /dev/zero; cat")
    steps, acks, pongs = hostile.change(hostile.client_steps(dice, "owner"), dice)
    wire = hostile.Wire(one.child.stdout.fileno(), one.child.stdin.fileno(), dice, acks, pongs)
    wire.say(steps)
    wire.finish()
    one.close()


def test_owners_that_break_the_protocol(tmp_path):
    """The session of each is gone soon after it."""
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    reports, run = Reports(tmp_path / "reports"), tmp_path / "run"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHELL": "/bin/sh",
           "BELAY_RUN_DIR": str(run), **reports.env}
    in_turns(range(PEERS), lambda number: owns(env, number,
                                                    random.Random(f"{SEED} owner {number}")))
    wait_until(lambda: not list(run.iterdir()), 30, "sessions stay")
    assert reports.none()
