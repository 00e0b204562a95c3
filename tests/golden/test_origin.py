"""What a relay and a holder have said to each other when a version was new, played again: a
session may be older or younger than the relay that brings it a link.

A recording is the frame in hexadecimal that went over the session's socket, beside two
descriptors.
"""

import os
import pathlib
import socket
import subprocess
import time

import pytest

import exchange

HERE = pathlib.Path(__file__).resolve().parent
RECORDINGS = sorted(HERE.glob("v*/*.relay"))
NAMES = [f"{path.parent.name}/{path.stem}" for path in RECORDINGS]
AGENT = "/tmp/belay-golden.agent"
CONNECTION = "192.0.2.1 50000 192.0.2.2 22"
OPEN, AGENT_KIND = 68, 4


def load(path):
    return bytes.fromhex(path.read_text().splitlines()[-1])


def environment(folder):
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "SHELL": "/bin/sh",
            "BELAY_RUN_DIR": str(folder / "run"),
            **{name: os.environ[name] for name in os.environ if "SAN_OPT" in name}}


class Holder:
    """Today's, with the link that the recorded frame brings."""

    def __init__(self, folder, hello):
        run = folder / "run"
        run.mkdir(mode=0o700)
        self.path = str(run / ("00" * 16))
        ours, theirs = socket.socketpair()
        self.relay, self.link = ours, socket.socketpair()
        with socket.socket(socket.AF_UNIX) as listener, theirs:
            listener.bind(self.path)
            listener.listen()

            def arrange():
                kept = [os.dup(fd) for fd in (theirs.fileno(), listener.fileno())]
                os.dup2(kept[0], 0)
                os.dup2(kept[1], 3)

            self.child = subprocess.Popen(
                [exchange.server_program(), "hold", self.path], env=environment(folder),
                preexec_fn=arrange, close_fds=False)
        there = self.link[1].fileno()
        socket.send_fds(self.relay, [hello], [there, there])
        self.link[1].close()
        self.link[0].settimeout(exchange.TIMEOUT)
        self.said = bytearray()

    def expect(self, number):
        """Reads frames up to one of that type."""
        while True:
            for frame in exchange.frames(self.said):
                if frame[4] == number:
                    return frame
            more = self.link[0].recv(65536)
            assert more, "the link was closed"
            self.said += more

    def send(self, frame):
        self.link[0].sendall(frame)

    def ask(self):
        """A program's connection to the agent."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(exchange.TIMEOUT)
        sock.connect(self.path + ".agent")
        return sock

    def close(self):
        self.send((7).to_bytes(4, "big") + b"\x0a\0\2" + bytes(4))      # BYE 2
        self.child.wait(exchange.TIMEOUT)
        self.relay.close()
        self.link[0].close()


@pytest.mark.parametrize("path", RECORDINGS, ids=NAMES)
def test_an_older_relay(path, tmp_path):
    """One that tells of an agent: connections lead there.  One that knows nothing of it: its
    client serves the agent, and is asked by way of the link."""
    pathlib.Path(AGENT).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(AGENT)
        agent.listen()
        agent.settimeout(exchange.TIMEOUT)
        holder = Holder(tmp_path, load(path))
        try:
            holder.expect(2)    # WELCOME
            stream = (0).to_bytes(4, "big") + bytes(8) + (2 ** 20).to_bytes(8, "big")
            holder.send((21).to_bytes(4, "big") + b"\6" + stream)   # ACK
            with holder.ask() as here:
                if path.stem == "origin":
                    here.sendall(b"question")
                    there, _ = agent.accept()
                    with there:
                        assert there.recv(100) == b"question"
                else:
                    data = holder.expect(4)
                    assert data[17 + 4] == OPEN and data[17 + 5 + 12] == AGENT_KIND
        finally:
            holder.close()
            os.unlink(AGENT)


def relayed(folder, hello):
    """What today's relay says to a session for this HELLO."""
    run = folder / "run"
    run.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as session:
        session.bind(str(run / ("00" * 16)))
        session.listen()
        session.settimeout(exchange.TIMEOUT)
        child = exchange.start_server(hello, {**environment(folder), "SSH_AUTH_SOCK": AGENT,
                                              "SSH_CONNECTION": CONNECTION})
        with child:
            sock, _ = session.accept()
            with sock:
                said, fds, _, _ = socket.recv_fds(sock, 65536, 2)
                while len(said) < 4 + int.from_bytes(said[:4], "big"):
                    said += sock.recv(65536)
            for fd in fds:
                os.close(fd)
            child.stdin.close()
            child.stdout.close()
    assert len(fds) == 2
    return said


def test_today_s_relay_says_what_it_said_then(tmp_path):
    """And an older session, which does not know ORIGIN, sees the client's HELLO and no more."""
    before, now = load(HERE / "v1/no-origin.relay"), load(HERE / "v1/origin.relay")
    assert relayed(tmp_path, before) == now
    messages = exchange.Messages("v1")
    name, values = messages.decode(now)
    more = values.pop("more")
    assert (name, {**values, "more": b""}) == messages.decode(before)
    assert messages.decode(more) == ("ORIGIN", {"agent": AGENT.encode(),
                                                "connection": CONNECTION.encode()})
