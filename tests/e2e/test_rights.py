"""What a client may do with a session that others are using: clients that behave badly, played
to the real server."""

import os
import pathlib
import random
import shutil
import signal
import socket

import peer
import pytest
from harness import PATH, SEED, belay_argv, free_port, wait_until
from peer import ATTACH, EXACT, NEW, OPEN, PTY, READ_ONLY, RESUME, SHARE, Peer, frame

# Echoes lines, each with the size of the window.
PROGRAM = b"stty -echo -onlcr; echo ready; while read x; do echo \"$x $(stty size)\"; done"
SESSION = bytes(range(16))


class Session:
    """One with an owner, who sees to it that it goes on as if nothing were."""

    def __init__(self, folder):
        self.run = folder / "run"
        self.env = {"PATH": PATH, "HOME": str(folder), "SHELL": "/bin/sh",
                    "BELAY_RUN_DIR": str(self.run),
                    **{name: os.environ[name] for name in os.environ if "SAN_OPT" in name}}
        self.said, self.count, self.peers = b"ready\n", 0, []
        self.owner = self.peer(request=NEW, command=PROGRAM, kind=PTY, main_from=0)
        self.owner.grant()
        self.owner.expect(lambda: bytes(self.owner.main) == self.said)
        self.check()

    def peer(self, **hello):
        self.peers.append(Peer(self.env, session=SESSION, **hello))
        return self.peers[-1]

    def reader(self, **more):
        """One that looks on, and says in its hello what it should not."""
        return self.peer(**{"request": ATTACH, "flags": READ_ONLY, "kind": PTY, "linger_s": 0,
                            "rows": 5, "cols": 9, **more})

    def check(self):
        """The owner types a line, and sees what it typed and nothing else."""
        self.count += 1
        self.said += f"{self.count} 24 80\n".encode()
        self.owner.stream(1, f"{self.count}\n".encode())
        self.owner.expect(lambda: self.owner.over or len(self.owner.main) >= len(self.said))
        assert bytes(self.owner.main) == self.said

    def lives(self):
        return any(self.run.iterdir())

    def close(self):
        self.owner.send(frame("BYE", code=2))
        try:
            wait_until(lambda: not self.lives(), what="the session goes on")
        finally:
            for one in self.peers:
                one.close()


@pytest.fixture
def session(tmp_path):
    one = Session(tmp_path)
    yield one
    one.close()


def control(name, **fields):
    return lambda one: one.stream(0, frame(name, **fields))


def link(name, **fields):
    return lambda one: one.send(frame(name, **fields))


BAD = {
    **{f"bye-{code}": link("BYE", code=code) for code in range(8)},
    "typed": lambda one: one.stream(1, b"from the reader\n\003\004"),
    "end": link("END", stream=1),
    "break": control("BREAK"),
    "stop": control("STOP", stream=1),
    "window": control("WINDOW", rows=3, cols=3),
    "opened": control("OPENED", stream=17, limit=9),
    "failed": control("FAILED", stream=17),
    "closed": control("CLOSE", stream=17),
    "open-agent": control("OPEN", stream=16, kind=4),
    "exit": control("EXIT", how=1),
    "unlisten": control("UNLISTEN", forward=3),
    "nonsense": lambda one: one.stream(0, b"\0\0\0\1\377" * 9),
    "gap": link("DATA", stream=1, offset=99, bytes=b"x"),
    "hello": link("HELLO", flags=0, request=ATTACH, version_max=1),
}


@pytest.mark.parametrize("what", BAD)
def test_who_looks_on_changes_nothing(session, what):
    one = session.reader().grant()
    assert one.welcome
    session.check()
    BAD[what](one)
    session.check()
    one.send(frame("PING", stamp=1))
    one.expect(lambda: one.over or "PONG" in one.names)
    session.check()
    one.close()
    session.check()


def test_neither_do_random_messages_of_it(session):
    print(f"seed {SEED}: set BELAY_E2E_SEED to repeat")
    dice = random.Random(SEED)
    one = session.reader().grant()
    for name in list(peer.MESSAGES) * 6:
        wrong = peer.garbage(name, dice)
        if peer.MESSAGES[name][1] == "control":
            one.stream(0, wrong)
        else:
            one.send(wrong)
        one.send(frame("PING", stamp=1))
        before = one.names.count("PONG")
        one.expect(lambda: one.over or one.names.count("PONG") > before)
        session.check()
        if one.over:
            one.close()
            more = peer.garbage("DISPLAY", dice) + peer.garbage("HISTORY", dice)
            one = session.reader(more=more).grant()


def test_who_looks_on_does_not_forward(session, tmp_path):
    one = session.reader().grant()
    port, path = free_port(), tmp_path / "listens"
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(str(path))
        here.listen()
        one.stream(0, frame("OPEN", stream=16, limit=99, kind=2, host=str(path).encode())
                   + frame("LISTEN", forward=1, kind=1, port=port, host=b"localhost"))
        one.expect(lambda: one.names.count("DATA") >= 2 or one.over)
        session.check()
        here.setblocking(False)
        with pytest.raises(BlockingIOError):
            here.accept()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_how_long_a_session_waits_is_its_owner_s(session):
    one = session.reader().grant()
    other = session.peer(request=ATTACH, flags=SHARE, kind=PTY, linger_s=0).grant()
    before, said = session.owner, len(session.owner.main)
    before.close()
    for late in (one, other):
        late.close()
    assert session.lives()
    session.owner = session.peer(request=RESUME, client=before.client, kind=PTY,
                                 main_from=said, positions=b"".join(
                                     stream.to_bytes(4, "big") + at.to_bytes(8, "big")
                                     + (2 ** 20).to_bytes(8, "big")
                                     for stream, at in ((0, 0), (1, said))))
    assert session.owner.welcome
    session.owner._sent = before._sent
    session.said = session.said[said:]
    session.owner.grant()
    session.check()


def test_who_looks_on_takes_nobody_s_place(session):
    many = [session.reader() for _ in range(20)]
    assert [one.welcome for one in many] == [True] * 8 + [False] * 12
    for one in many:
        one.close()
    # Those that came and went do not keep others out.
    for _ in range(20):
        one = session.reader()
        one.expect(lambda: one.names)
        assert one.welcome
        one.close()
    other = session.peer(request=ATTACH, flags=SHARE, kind=PTY)
    assert other.welcome
    session.check()
    other.send(frame("BYE", code=4))
    other.expect(lambda: other.over)


def test_who_looks_on_takes_nothing_over(session):
    one = session.reader()     # without the flag that it shares
    assert one.welcome
    session.check()


@pytest.mark.parametrize("how", [NEW, OPEN])
def test_who_looks_on_makes_nothing(tmp_path, session, how):
    one = Peer(session.env, session=bytes(16), request=how, flags=READ_ONLY, kind=PTY)
    session.peers.append(one)
    assert one.names == ["REFUSE"]


@pytest.mark.parametrize("code", [1, 2, 4])
def test_who_shares_only_leaves(session, code):
    one = session.peer(request=ATTACH, flags=SHARE, kind=PTY).grant()
    one.send(frame("BYE", code=code))
    if code != 1:   # which means nothing yet
        one.expect(lambda: one.over)
    session.check()


def test_an_owner_does_not_end_what_others_use(session):
    """A client whose output is no terminal hangs up when it is killed."""
    other = session.peer(request=ATTACH, flags=SHARE, kind=PTY).grant()
    session.owner.send(frame("BYE", code=2))
    session.owner.expect(lambda: session.owner.over)
    other.stream(1, b"goes on\n")
    other.expect(lambda: b"goes on 24 80" in other.main)
    session.owner = session.peer(request=ATTACH, kind=PTY).grant()     # which may end it


@pytest.mark.parametrize("who", ["reader", "sharer", "owner"])
def test_a_file_that_nobody_fills_holds_nobody_up(tmp_path, who):
    """Every byte is for a client's file, and the client is gone: those that are here go on."""
    session = Session.__new__(Session)
    session.run = tmp_path / "run"
    session.env = {"PATH": PATH, "HOME": str(tmp_path), "SHELL": "/bin/sh",
                   "BELAY_RUN_DIR": str(session.run)}
    session.peers = []
    command = b"stty -echo -onlcr; read x; seq 1500000; echo over; read x"
    flags = {name: EXACT if name == who else 0 for name in ("reader", "sharer", "owner")}
    session.owner = session.peer(request=NEW, kind=PTY, command=command, flags=flags["owner"])
    session.owner.grant()
    other = session.peer(request=ATTACH, kind=PTY, flags=SHARE | flags["sharer"]).grant()
    gone, here = (session.owner, other) if who == "owner" else (other, session.owner)
    if who == "reader":
        gone = session.reader(flags=READ_ONLY | EXACT).grant()
    gone.close()
    here.stream(1, b"go\n")
    here.expect(lambda: b"over\n" in here.main[-20:])
    session.owner = session.peer(request=ATTACH, kind=PTY).grant()
    session.close()


def test_a_client_with_a_file_that_is_ended(host):
    """Ended by a signal, it does not take along the shell that another shares."""
    one = host.shell("--session", "both")
    with (host.dir / "file").open("wb") as file, host.popen(
            [*belay_argv(host, "-tt", "--session", "both", "--share")],
            stdout=file) as child:
        wait_until(lambda: b"ready" in (host.dir / "file").read_bytes())
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=20)
    assert host.output_of(one, "echo goes on") == "goes on\n"
    host.finish(one)


def test_looking_on_at_nothing(host):
    term = host.belay("--session", "none", "--read-only")
    assert term.wait_exit() == 255
    assert b"there is no session to look on" in term.raw


# What the holder renounces.

def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


@pytest.mark.parametrize("options", [(), ("-N", "-R", "0:localhost:9")])
def test_the_holder_is_under_a_filter(host, options):
    if "Seccomp" not in status_of(os.getpid()):
        pytest.skip("no filters of system calls here")
    own = status_of(os.getpid())
    term = host.belay(*options)
    holder = wait_until(lambda: next((one for one in host.processes() if "hold" in one.argv[1:]
                                      and status_of(one.pid)["Seccomp"] == "2"), None))
    assert status_of(holder.pid)["NoNewPrivs"] == "1"
    if not options:
        term.expect("ready")
        found = host.output_of(term, "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status")
        assert found.split() == ["NoNewPrivs:", own["NoNewPrivs"], "Seccomp:", own["Seccomp"]]
        host.finish(term)


def test_the_holder_works_under_it(host):
    """Names, forwards, and a socket that was removed; the others' tests have agent and display."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        there, here = server.getsockname()[1], free_port()
        term = host.shell("-L", f"{here}:localhost:{there}")
        for again in (False, True):
            if again:
                for path in host.run.rglob("*"):
                    if path.is_socket():
                        path.unlink()
                host.proxy.cut()
                assert host.output_of(term, "echo still here") == "still here\n"
            with socket.create_connection(("127.0.0.1", here)) as one:
                other, _ = server.accept()
                with other:
                    other.sendall(b"by name")
                    assert one.recv(7, socket.MSG_WAITALL) == b"by name"
    host.finish(term)


def test_nobody_looks_into_the_holder(make_host):
    """But into its program, whose limits are the user's."""
    if os.getuid() or not shutil.which("setpriv"):
        pytest.skip("only root can do without the right to look into everything")
    host = make_host()
    host.sshd.stop()
    host.sshd.within = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    host.sshd.start()
    term = host.shell()
    assert host.output_of(term, "readlink /proc/$$/exe").strip() == os.path.realpath("/bin/bash")
    assert host.output_of(term, "readlink /proc/$PPID/exe || echo no").strip() == "no"
    under_ssh = host.piped(["ssh", "-F", host.cfg, "testhost", "ulimit -a"]).stdout.decode()
    assert host.output_of(term, "ulimit -a") == under_ssh
    host.finish(term)
