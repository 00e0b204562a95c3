"""Proves that the programs still speak each version of the protocol as it was spoken when
it was new: what old programs have said is played again to today's.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import exchange

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
BELAY = os.environ.get("BELAY", REPO / "build/belay")
RECORDINGS = sorted(HERE.glob("v*/*.txt"))
NAMES = [f"{path.parent.name}/{path.stem}" for path in RECORDINGS]
HERE_SOCKET, AWAY_SOCKET = "/tmp/belay-golden.sock", "/tmp/belay-golden.away"
ARGUMENTS = {  # as in tests/golden/record; and what comes of it
    "command": (["host", "cat; echo error >&2; exit 3"], b"one\ntwo\n", b"one\ntwo\n", 3),
    "machine": (["host", "echo done; exit 4"], b"", b"done\n", 4),
    "terminal": (["-tt", "host", "stty -echo -onlcr; echo ready; read x; echo got $x"],
                 b"typed\n", b"ready\ngot typed\n", 0),
    "resumed": (["-oConnectionAttempts=2", "host", "echo begun; read x; echo got $x; exit 7"],
                b"late\n", b"begun\ngot late\n", 7),
    "channel": (["-N", "-oExitOnForwardFailure=yes", "-L", f"{HERE_SOCKET}:{AWAY_SOCKET}",
                 "host"], b"", b"", None),
}


def test_a_version_never_changes():
    """Within it, messages are only added; what is there has the same fields for ever, whatever
    they are called."""
    def on_the_wire(lines):
        return {re.sub(r"\b(u8|u16|u32|u64|id|str|rest) \w+", r"\1", line) for line in lines}

    now = re.search(r"^```messages\n(.*?)^```", (REPO / "doc/PROTOCOL.md").read_text(),
                    re.M | re.S)[1].splitlines()
    then = (HERE / "v1/messages").read_text().splitlines()
    assert len(then) > 20 and on_the_wire(then) <= on_the_wire(now)


def environment(folder):
    return {**os.environ, "HOME": str(folder), "SHELL": "/bin/sh",
            "BELAY_RUN_DIR": str(folder / "run"), "XDG_CACHE_HOME": str(folder),
            "XDG_STATE_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder),
            "BELAY_SSH": str(HERE / "answer")}


@pytest.fixture
def away():
    """Who listens where the channel of the recordings leads."""
    with socket.socket(socket.AF_UNIX) as listener:
        if os.path.exists(AWAY_SOCKET):
            os.unlink(AWAY_SOCKET)
        listener.bind(AWAY_SOCKET)
        listener.listen()

        def serve():
            sock, _ = listener.accept()
            with sock:
                assert sock.recv(100) == b"there"
                sock.sendall(b"and back")
                assert sock.recv(1) == b""

        threading.Thread(target=serve, daemon=True).start()
        yield
        os.unlink(AWAY_SOCKET)


@pytest.mark.parametrize("path", RECORDINGS, ids=NAMES)
def test_an_old_client(path, tmp_path, away):
    messages = exchange.Messages(path.parent.name)
    player = exchange.Player(messages, ">")
    connections = exchange.load(path)
    for number, connection in enumerate(connections, 1):
        child = exchange.start_server(connection[0][1], environment(tmp_path))
        with child:
            player.play(connection, child.stdin.write, child.stdout.fileno(), True)
            if number == len(connections):
                child.wait(exchange.TIMEOUT)    # its BYE has come
            child.kill()
            child.stdin.close()
            child.stdout.close()
    assert player.found.difference(player.expected) == ""
    deadline = time.monotonic() + exchange.TIMEOUT
    while any((tmp_path / "run").iterdir()):   # the session has ended
        assert time.monotonic() < deadline
        time.sleep(0.02)


def use_channel(child):
    deadline = time.monotonic() + exchange.TIMEOUT
    while not os.path.exists(HERE_SOCKET):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.02)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(HERE_SOCKET)
        sock.sendall(b"there")
        assert sock.recv(100) == b"and back"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
    child.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("path", RECORDINGS, ids=NAMES)
def test_an_old_server(path, tmp_path):
    result = tmp_path / "result"
    arguments, typed, output, status = ARGUMENTS[path.stem]
    env = {**environment(tmp_path), "GOLDEN_RECORDING": str(path),
           "GOLDEN_RESULT": str(result)}
    if os.path.exists(HERE_SOCKET):
        os.unlink(HERE_SOCKET)
    with subprocess.Popen([BELAY, *arguments], env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        if path.stem == "channel":
            use_channel(child)
        else:
            while path.stem == "resumed" and not result.exists():
                time.sleep(0.02)    # it was recorded so: typed when the first link was gone
        out, err = child.communicate(typed, timeout=exchange.TIMEOUT)
    wanted = ["played"] * len(exchange.load(path))
    deadline = time.monotonic() + exchange.TIMEOUT
    while True:     # belay does not wait for the other end of its last link
        said = result.read_text() if result.exists() else "nothing was played"
        if said.split() == wanted or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    assert said.split() == wanted, said + err.decode()
    assert out == output, err
    assert status in (None, child.returncode), err
